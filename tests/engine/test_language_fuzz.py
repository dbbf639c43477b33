"""Hostile input to the language: only the coded errors are raised, and everything stays within its bounds."""

import json
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flow_engine.engine import jsonlogic
from flow_engine.engine.condition_forms import GROUPS
from flow_engine.engine.conditions import condition_problems, evaluate, paths_read
from flow_engine.engine.definition import (
	FLOW_KEYS,
	FLOW_TRIGGER_KEYS,
	RETRY_KEYS,
	STEP_KEYS,
	TRIGGER_FIELDS,
	TriggerType,
	parse_definition,
)
from flow_engine.engine.errors import BadCondition, BadTemplate
from flow_engine.engine.filters import FILTERS
from flow_engine.engine.kinds import register
from flow_engine.engine.placeholders import find_placeholders, placeholder_problems
from flow_engine.engine.predicates import PREDICATES
from flow_engine.engine.problems import Problem
from flow_engine.engine.sla.rules import KEYS as SLA_KEYS
from flow_engine.engine.templating import (
	CUT_MARKER,
	MAX_TEXT,
	render_json,
	render_payload,
	render_text,
	render_value,
)
from flow_engine.engine.validation import has_errors, validate_definition

KINDS = register()
FIELDS = [field for kind in KINDS.values() for field in kind.fields]
CODES = set(
	"duplicate_id bad_id unknown_kind unknown_trigger unknown_dependency unknown_parent self_reference cycle "
	"branch_without_parent unknown_branch trigger_conflict missing_field bad_value bad_json bad_template "
	"unknown_variable bad_condition unknown_operator unknown_key too_many_steps too_large unreachable "
	"bad_duration warn_after_breach".split()
)

fuzz = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

paths = st.sampled_from(
	["doc", "doc.a", "doc.a.0", "doc.__class__", "steps.a.result", "secret.k", "a..b", "input", "", "now"]
)
placeholders = st.builds(
	lambda path, filters: "{{" + "|".join([path, *filters]) + "}}",
	paths,
	st.lists(
		st.builds(
			lambda name, argument: name + argument,
			st.sampled_from([*FILTERS, "nope", ""]),
			st.sampled_from(["", ":", ":1", ":-1", ":'a|b'", ":99999999", ":'", ':"x"']),
		),
		max_size=3,
	),
)
texts = st.one_of(
	st.text(st.characters(), max_size=20),
	placeholders,
	st.lists(
		st.one_of(placeholders, st.sampled_from(["{{", "}}", "{", "|", "'", "\n", "\ud800"])), max_size=5
	).map("".join),
	st.sampled_from(
		["2026-03-18", "9999-12-31", "0001-01-01T00:00Z", "1e999", "١٢", "nan", "0", "-5", "true"]
	),
)
scalars = st.one_of(
	st.none(),
	st.booleans(),
	st.integers(),
	st.sampled_from([10**400, -(10**4000), 2**63]),
	st.floats(),
	texts,
	st.dates(),
	st.datetimes(),
	st.decimals(),
	st.binary(max_size=3),
	st.just(object()),
	st.just(timedelta.max),
	st.just(datetime.max.replace(tzinfo=timezone.utc)),
)
names = st.sampled_from(
	[
		*FLOW_KEYS,
		*STEP_KEYS,
		*FLOW_TRIGGER_KEYS,
		*RETRY_KEYS,
		*GROUPS,
		"type",
		"field",
		"op",
		"value",
		"logic",
		"a",
	]
	+ [field.name for field in FIELDS]
	+ [key for keys in TRIGGER_FIELDS.values() for key in keys]
)
operators = st.sampled_from([*sorted(jsonlogic.OPERATORS), "nope", "@list", "@body", "@reduce"])
hostile = st.recursive(
	scalars,
	lambda inner: st.one_of(
		st.lists(inner, max_size=4),
		st.dictionaries(st.one_of(names, texts), inner, max_size=5),
		st.dictionaries(st.integers(), inner, max_size=1),
		st.tuples(operators, st.one_of(inner, st.lists(inner, max_size=3))).map(lambda pair: dict([pair])),
		st.fixed_dictionaries({"field": paths, "op": st.sampled_from([*PREDICATES, "~"]), "value": inner}),
		st.tuples(st.sampled_from(GROUPS), st.lists(inner, max_size=3)).map(lambda pair: dict([pair])),
	),
	max_leaves=12,
)
contexts = st.dictionaries(st.sampled_from(["doc", "steps", "input", "now", "a"]), hostile, max_size=4)
rules = st.recursive(
	st.one_of(scalars, paths.map(lambda path: {"var": path}), st.just({"var": "accumulator"})),
	lambda inner: st.tuples(operators, st.lists(inner, max_size=4)).map(lambda pair: dict([pair])),
	max_leaves=15,
)


@fuzz
@given(hostile)
def test_validation_answers_whatever_it_is_given(raw):
	for problem in validate_definition(raw, KINDS, events=["on_paid"]):
		assert isinstance(problem, Problem)
		assert problem.code in CODES
		json.dumps(problem.as_dict())
		assert len(problem.message) < 2_000


steps = st.fixed_dictionaries(
	{"id": st.sampled_from(["a", "b", "c", "A", "a b"]), "kind": st.sampled_from([*KINDS, "nope"])},
	optional={
		"label": hostile,
		"parent_id": st.one_of(st.sampled_from(["a", "b", "c"]), hostile),
		"branch": st.sampled_from(["yes", "no", "error", "timeout", "", None, 5]),
		"depends_on": st.one_of(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=3), hostile),
		"trigger": st.one_of(
			st.builds(
				lambda kind, more: {"type": kind, **more},
				st.sampled_from([*(t.value for t in TriggerType), "nope"]),
				st.dictionaries(
					st.sampled_from(["delay_days", "at", "timeout_hours", "x"]), hostile, max_size=2
				),
			),
			hostile,
		),
		"payload": st.one_of(st.dictionaries(names, hostile, max_size=4), hostile),
		"retry": st.one_of(
			st.dictionaries(st.sampled_from([*RETRY_KEYS, "x"]), hostile, max_size=3), hostile
		),
		"timeout_seconds": hostile,
		"sla": st.one_of(hostile, st.fixed_dictionaries({}, optional={key: hostile for key in SLA_KEYS})),
		"on_error": st.sampled_from(["fail", "continue", "branch", "", 5]),
		"disabled": hostile,
	},
)
flows = st.fixed_dictionaries(
	{"version": st.sampled_from([1, 1, 1, 2, "1"]), "steps": st.one_of(st.lists(steps, max_size=5), hostile)},
	optional={
		"trigger": st.one_of(
			st.dictionaries(st.sampled_from(FLOW_TRIGGER_KEYS), hostile, max_size=4), hostile
		),
		"variables": hostile,
	},
)


@fuzz
@given(flows)
def test_what_validation_passes_can_be_parsed_and_what_it_refuses_has_codes(raw):
	problems = validate_definition(raw, KINDS)
	assert {problem.code for problem in problems} <= CODES
	if not has_errors(problems):
		assert len(parse_definition(raw).steps) == len(raw["steps"])
		assert validate_definition(json.dumps(raw), KINDS) == problems


@fuzz
@given(st.one_of(hostile, rules), contexts)
def test_a_condition_has_an_answer_or_is_bad(condition, values):
	paths_read(condition)
	problems = condition_problems(condition)
	assert {code for _, code, _ in problems} <= {
		"bad_condition",
		"unknown_operator",
		"unknown_key",
		"bad_template",
	}
	try:
		verdict = evaluate(condition, values)
	except BadCondition:
		return
	assert isinstance(verdict.result, bool)
	json.dumps(dict(verdict.read), allow_nan=False)


@fuzz
@given(rules, hostile)
def test_a_rule_has_a_value_or_is_bad(rule, data):
	try:
		jsonlogic.evaluate_logic(rule, data)
	except BadCondition:
		pass


@fuzz
@given(st.one_of(texts, st.text()), contexts, st.booleans(), st.booleans())
def test_rendering_a_text_never_raises_and_is_bounded(text, values, escape, keep_secrets):
	rendered = render_text(text, values, escape=escape, keep_secrets=keep_secrets)
	assert isinstance(rendered, str)
	assert len(rendered) <= MAX_TEXT + len(CUT_MARKER)
	render_value(text, values, escape=escape)
	placeholder_problems(text)
	if not keep_secrets:
		assert "{{secret.k}}" not in render_text("{{a}}{{secret.k}}", {"a": ""})


@fuzz
@given(st.one_of(hostile, texts), contexts)
def test_json_is_rendered_or_is_a_bad_template(raw, values):
	try:
		render_json(raw, values, keep_secrets=True)
	except BadTemplate:
		pass


@fuzz
@given(st.dictionaries(st.sampled_from([f.name for f in FIELDS]), hostile, max_size=5), contexts)
def test_a_payload_is_rendered_or_is_a_bad_template(payload, values):
	try:
		rendered = render_payload(FIELDS, payload, values)
	except BadTemplate as error:
		assert error.field
	else:
		assert set(rendered) == {field.name for field in FIELDS}


@fuzz
@given(
	st.lists(st.sampled_from(["{", "}", "{{a}}", "{{b}}", "secret.k", "x"]), max_size=8).map("".join),
	contexts,
)
def test_values_never_spell_a_secret(template, values):
	values = {**values, "b": "{{secret.k}}", "a": "{"}
	written = sum(one.is_secret for one in find_placeholders(template))
	rendered = find_placeholders(render_text(template, values, keep_secrets=True))
	assert sum(one.is_secret for one in rendered) <= written


def test_the_strategies_know_every_plain_type():
	# What documents hand over beside JSON: their text must be the same everywhere.
	values = {"a": date(2026, 3, 18), "b": Decimal("1.5"), "c": timedelta(hours=1)}
	assert render_text("{{a}} {{b}} {{c}}", values) == "2026-03-18 1.5 1:00:00"
