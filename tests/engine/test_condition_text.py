"""Conditions written as a line of text: what each means, what is refused, and that nothing is evaluated."""

import operator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flow_engine.engine.condition_places import (
	normalise_condition,
	normalise_conditions,
	place_of_step,
	place_of_trigger,
)
from flow_engine.engine.condition_text import Place, Strategy, is_text, read_text
from flow_engine.engine.conditions import condition_problems, evaluate
from flow_engine.engine.errors import BadCondition
from flow_engine.engine.kinds import register
from flow_engine.engine.validation import has_errors, validate_definition

KINDS = register()
BEGUN = Place("doc.state", "run.started_at")
fuzz = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


def is_(field, op, value=None):
	return {"field": field, "op": op} if value is None else {"field": field, "op": op, "value": value}


MEANS = [
	("eq:APPROVED", is_("doc.state", "==", "APPROVED")),
	("EQ: In Progress ", is_("doc.state", "==", "In Progress")),
	("APPROVED", is_("doc.state", "==", "APPROVED")),
	("À-payer_2", is_("doc.state", "==", "À-payer_2")),
	("ne:REJECTED", is_("doc.state", "!=", "REJECTED")),
	("in:APPROVED,OK", is_("doc.state", "in", ["APPROVED", "OK"])),
	("in: 'a, b' ,c,", is_("doc.state", "in", ["a, b", "c"])),
	("in:{{variables.a|join:', '}},b", is_("doc.state", "in", ["{{variables.a|join:', '}}", "b"])),
	("notin:REJECTED,CANCELLED", is_("doc.state", "not_in", ["REJECTED", "CANCELLED"])),
	("eq:", is_("doc.state", "empty")),
	("ne:", is_("doc.state", "not_empty")),
	("eq:it's", is_("doc.state", "==", "it's")),
	("eq:'a:b'", is_("doc.state", "==", "a:b")),
	("doc.priority eq:High", is_("doc.priority", "==", "High")),
	("priority in:High,Low", is_("doc.priority", "in", ["High", "Low"])),
	("steps.ask.result.input eq:yes", is_("steps.ask.result.input", "==", "yes")),
	("{{doc.name|upper}} eq:A", is_("{{doc.name|upper}}", "==", "A")),
	("eq:{{variables.wanted}}", is_("doc.state", "==", "{{variables.wanted}}")),
	("timeout:3d", is_("now", ">=", "{{run.started_at|add_days:3}}")),
	("timeout:1w 2d", is_("now", ">=", "{{run.started_at|add_days:9}}")),
	("timeout:1d 4h", is_("now", ">=", "{{run.started_at|add_minutes:1680}}")),
	("doc.modified timeout:30m", is_("now", ">=", "{{doc.modified|add_minutes:30}}")),
	("{{doc.x|date}} timeout:1d", is_("now", ">=", "{{doc.x|date|add_days:1}}")),
	("workitem.time_out(3, unit='days')", is_("now", ">=", "{{run.started_at|add_days:3}}")),
	('workitem.time_out(4, "hours")', is_("now", ">=", "{{run.started_at|add_minutes:240}}")),
	("workitem.time_out(2)", is_("now", ">=", "{{run.started_at|add_days:2}}")),
	("doc.grand_total > 5000", is_("doc.grand_total", ">", 5000)),
	("grand_total>=-0.5", is_("doc.grand_total", ">=", -0.5)),
	("5000 < doc.grand_total", is_("doc.grand_total", ">", 5000)),
	("12345678901234567890 = doc.a", is_("doc.a", "==", "12345678901234567890")),
	("instance.condition == 'APPROVED'", is_("doc.state", "==", "APPROVED")),
	("'APPROVED' == instance.condition", is_("doc.state", "==", "APPROVED")),
	('doc.subject != "it\'s \\"so\\""', is_("doc.subject", "!=", 'it\'s "so"')),
	("doc.status == Open", is_("doc.status", "==", "Open")),
	("doc.start_date <= 2026-03-18", is_("doc.start_date", "<=", "2026-03-18")),
	("doc.a <> doc.b", is_("doc.a", "!=", "{{doc.b}}")),
	("doc.a < {{doc.b|add_days:2}}", is_("doc.a", "<", "{{doc.b|add_days:2}}")),
	("doc.is_vip == True", is_("doc.is_vip", "==", True)),
	("doc.owner is None", is_("doc.owner", "empty")),
	("doc.owner is not null", is_("doc.owner", "not_empty")),
	("doc.owner != None", is_("doc.owner", "not_empty")),
	("doc.status in ('A', B, 3)", is_("doc.status", "in", ["A", "B", 3])),
	("doc.status not in ['A']", is_("doc.status", "not_in", ["A"])),
	("doc.status in variables.open", is_("doc.status", "in", "{{variables.open}}")),
	("'A' in doc.tags", is_("doc.tags", "contains", "A")),
	("'A' not in doc.tags", {"not": is_("doc.tags", "contains", "A")}),
	("now > doc.due_date", is_("now", ">", "{{doc.due_date}}")),
	("not doc.a == 1", {"not": is_("doc.a", "==", 1)}),
	("doc.a == 1 and doc.b == 2", {"all": [is_("doc.a", "==", 1), is_("doc.b", "==", 2)]}),
	(
		"doc.a == 1 or doc.b == 2 AND not (doc.c == 3 or doc.d == 4)",
		{
			"any": [
				is_("doc.a", "==", 1),
				{
					"all": [
						is_("doc.b", "==", 2),
						{"not": {"any": [is_("doc.c", "==", 3), is_("doc.d", "==", 4)]}},
					]
				},
			]
		},
	),
]


@pytest.mark.parametrize(("text", "condition"), MEANS, ids=[row[0] for row in MEANS])
def test_a_text_means_a_condition_of_the_language(text, condition):
	assert read_text(text, BEGUN) == condition
	assert condition_problems(condition) == []
	assert normalise_condition(text, BEGUN) == condition
	assert normalise_condition(condition, BEGUN) is condition


REFUSED = [
	"in:",
	"notin: , ,",
	"timeout:",
	"timeout:soon",
	"timeout:-3d",
	"timeout:0d",
	"timeout:3d3d",
	"timeout:9999999w",
	"workitem.time_out(3, unit='moons')",
	"two words",
	"doc.status",
	"doc.status ==",
	"== 5",
	"5 > 4",
	"'a' == 'b'",
	"doc.a == 1 doc.b == 2",
	"doc.a == 1 and",
	"doc.a < 1 < 2",
	"doc.a < None",
	"(doc.a == 1",
	"doc.a == 1)",
	"doc.status in ()",
	"doc.status in ('A' 'B')",
	"doc.status in 5",
	"doc.status == foo.bar",
	"doc.status == 10:30",
	"doc.status eq:A and doc.x ne:B",
	"not eq:A",
	"eq:A or eq:B",
	"doc.get('status') == 'A'",
	"doc['status'] == 'A'",
	"doc.a.__class__ == 1",
	"__class__ eq:A",
	"frappe.db.sql('drop table x')",
	"__import__('os').system('id')",
	"lambda: 1",
	"doc.a == 1; doc.b == 2",
	"doc.a + 1 > 2",
	"doc.a == `x`",
	"doc.a == 'unclosed",
	"(" * 5_000 + "doc.a == 1",
	"not " * 900 + "x",
	"x" * 5_000,
]


@pytest.mark.parametrize("text", REFUSED, ids=[row[:30] for row in REFUSED])
def test_what_is_not_understood_is_a_problem_at_its_place_and_stays_as_it_was(text):
	assert [code for _, code, _ in condition_problems(normalise_condition(text, BEGUN))] == ["bad_condition"]
	flow = {"trigger": {"event": "manual", "condition": text}, "steps": []}
	assert normalise_conditions(flow, KINDS) is flow
	found = [(problem.path, problem.code) for problem in validate_definition(flow, KINDS)]
	assert found == [("trigger.condition", "bad_condition")]


def test_what_a_text_compares_with_is_checked_like_any_other_value():
	flow = {"trigger": {"event": "manual", "condition": "doc.a eq:{{"}, "steps": []}
	found = [(problem.path, problem.code) for problem in validate_definition(flow, KINDS)]
	assert found == [("trigger.condition.value", "bad_template")]


@pytest.mark.parametrize("text", ["two words", "doc.get('x') == 1", "timeout:soon", "in:", "eq:A or eq:B"])
def test_a_compatible_site_compares_the_subject_with_what_it_does_not_understand(text):
	assert normalise_condition(text, BEGUN, Strategy.COMPATIBLE) == is_("doc.state", "==", text)
	flow = {"version": 1, "trigger": {"event": "manual", "condition": text}, "steps": []}
	assert validate_definition(flow, KINDS, strategy=Strategy.COMPATIBLE) == []
	assert has_errors(validate_definition(flow, KINDS))


@pytest.mark.parametrize("text", ['{"a', "[1, ", '"', "x" * 5_000])
def test_broken_json_and_texts_without_end_are_problems_on_a_compatible_site_too(text):
	assert normalise_condition(text, BEGUN, Strategy.COMPATIBLE) == text
	assert condition_problems(text)[0][1] == "bad_condition"


# --- places -------------------------------------------------------------------------------------------------


def test_a_trigger_is_about_the_field_it_watches_else_about_the_status():
	def subject(**trigger):
		return place_of_trigger(trigger).subject

	watched = {"event": "doc_event", "doctype": "Issue", "field": "priority"}
	assert subject(**watched, doc_event="field_change") == "doc.priority"
	assert subject(**watched, doc_event="workflow_transition") == "doc.priority"
	assert subject(**watched, doc_event="on_update") == "doc.status"
	assert subject(event="on_issue_opened", field="priority") == "doc.status"
	assert subject(event="doc_event", doc_event="field_change", field="a b") == "doc.status"
	assert subject(event="doc_event", doc_event="field_change", field=5) == "doc.status"


def test_before_a_run_a_timeout_names_what_it_counts_from():
	with pytest.raises(BadCondition):
		read_text("timeout:3d", place_of_trigger({"event": "manual"}))
	assert read_text("doc.modified timeout:3d", place_of_trigger({"event": "manual"}))["field"] == "now"


def test_a_step_is_about_the_answer_to_the_question_right_before_it():
	steps = {
		"ask": {"id": "ask", "trigger": {"type": "manual"}},
		"hook": {"id": "hook", "trigger": {"type": "on_webhook"}},
		"job": {"id": "job", "trigger": {"type": "on_prev_complete"}},
	}

	def subject(**step):
		return place_of_step(step, steps).subject

	assert subject(depends_on=["ask"]) == subject(parent_id="ask") == "steps.ask.result.input.answer"
	assert subject(depends_on=["hook"]) == "steps.hook.result.input.answer"
	assert subject(depends_on=["job"]) == subject() == subject(depends_on=["gone"]) == "doc.status"
	assert subject(depends_on=["ask", "hook"]) == subject(depends_on=["ask"], parent_id="job") == "doc.status"
	assert subject(depends_on="ask") == subject(parent_id=5) == "doc.status"


def flow(payload, **trigger):
	ask = {"id": "ask", "kind": "wait", "trigger": {"type": "manual", **trigger}}
	decide = {"id": "decide", "kind": "condition", "depends_on": ["ask"], "payload": payload}
	return {"version": 1, "trigger": {"event": "manual", "condition": ""}, "steps": [ask, decide]}


APPROVED = is_("steps.ask.result.input.answer", "==", "APPROVED")
PAYLOADS = [
	({"not": "eq:APPROVED"}, {"not": APPROVED}),
	({"all": "eq:APPROVED"}, {"all": [APPROVED]}),
	({"any": ["eq:APPROVED", "doc.a > 1"]}, {"any": [APPROVED, is_("doc.a", ">", 1)]}),
	(
		{"all": [{"any": ["eq:APPROVED"]}, is_("doc.a", ">", 1)]},
		{"all": [{"any": [APPROVED]}, is_("doc.a", ">", 1)]},
	),
	({"all": '["eq:APPROVED"]'}, {"all": [APPROVED]}),
]


@pytest.mark.parametrize(("payload", "expected"), PAYLOADS)
def test_texts_in_the_groups_of_a_step_are_read(payload, expected):
	made = normalise_conditions(flow(payload), KINDS)
	assert made["steps"][1]["payload"] == expected
	assert validate_definition(made, KINDS) == validate_definition(flow(payload), KINDS) == []
	assert normalise_conditions(made, KINDS) is made


@pytest.mark.parametrize(
	"payload",
	[
		{"logic": "eq:A"},
		{"all": ["APPROVED"]},
		{"not": "APPROVED"},
		{"all": [{"var": "x"}, {"==": [1, "eq:A"]}]},
		APPROVED,
		{"all": "[1"},
		{},
	],
)
def test_json_logic_and_data_stay_as_they_are(payload):
	before = flow(payload)
	assert normalise_conditions(before, KINDS) is before


@pytest.mark.parametrize(("limit", "hours"), [("timeout:3d", 72), ("3d", 72), ("90m", 1.5), ("1w 1h", 169)])
def test_the_limit_of_a_question_may_be_a_duration(limit, hours):
	made = normalise_conditions(flow(APPROVED, timeout_hours=limit), KINDS)
	assert made["steps"][0]["trigger"] == {"type": "manual", "timeout_hours": hours}
	assert validate_definition(flow(APPROVED, timeout_hours=limit), KINDS) == []


@pytest.mark.parametrize("limit", ["5", "{{variables.x}}", 7, None, ""])
def test_other_limits_stay_as_they_are(limit):
	before = flow(APPROVED, timeout_hours=limit)
	assert normalise_conditions(before, KINDS) is before


# --- properties ---------------------------------------------------------------------------------------------

pieces = st.sampled_from(
	"eq: ne: in: notin: timeout: 3d , ' \" ( ) [ ] == != < >= in not and or is None doc.a doc.b now a "
	"{{doc.a}} {{ }} 5 -1.5 instance.condition workitem.time_out( \\ . : \n \ud800".split(" ")
)
texts = st.one_of(
	st.text(max_size=40),
	st.lists(pieces, max_size=10).map(" ".join),
	st.lists(pieces, max_size=10).map("".join),
)
conditions = st.recursive(
	st.one_of(texts, st.none(), st.integers(), st.builds(is_, st.just("doc.a"), st.just("=="), texts)),
	lambda inner: st.one_of(
		st.lists(inner, max_size=3),
		st.dictionaries(st.sampled_from(["all", "any", "not", "logic", "x"]), inner, max_size=2),
		st.dictionaries(st.sampled_from(["all", "any"]), st.lists(inner, max_size=3), min_size=1, max_size=1),
	),
	max_leaves=8,
)
places = st.sampled_from([BEGUN, Place(), Place("steps.a.result.input")])
values = st.fixed_dictionaries(
	{"doc": st.dictionaries(st.sampled_from("ab"), st.one_of(st.integers(), texts, st.none()), max_size=2)}
)


@fuzz
@given(conditions, places, st.sampled_from(list(Strategy)))
def test_reading_never_raises_changes_nothing_twice_and_evaluates_as_what_it_became(raw, place, strategy):
	made = normalise_condition(raw, place, strategy)
	assert normalise_condition(made, place, strategy) == made
	if is_text(raw):
		try:
			assert read_text(raw, place, strategy) == made
		except BadCondition:
			assert made is raw
		else:
			assert {code for _, code, _ in condition_problems(made)} <= {"bad_template", "bad_condition"}


@fuzz
@given(st.one_of(conditions, texts), values)
def test_a_text_that_was_not_read_on_save_evaluates_as_if_it_had_been(raw, known):
	def outcome(condition):
		try:
			return evaluate(condition, {**known, "now": "2026-03-18T09:00:00Z"}).result
		except BadCondition:
			return None

	assert outcome(raw) == outcome(normalise_condition(raw, Place()))


OPERATORS = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le}
comparisons = st.tuples(
	st.sampled_from(["a", "b", "c"]), st.sampled_from(sorted(OPERATORS)), st.integers(-3, 3)
)


def said(tree):
	"""A tree of comparisons as text, and the same as Python's own answer."""
	if isinstance(tree, tuple) and len(tree) == 3 and tree[1] in OPERATORS:
		name, op, number = tree
		return f"doc.{name} {op} {number}", lambda doc: OPERATORS[op](doc[name], number)
	word, members = tree
	parts = [said(member) for member in members]
	if word == "not":
		return f"not ({parts[0][0]})", lambda doc: not parts[0][1](doc)
	holds = all if word == "and" else any
	return f" {word} ".join(f"({text})" for text, _ in parts), lambda doc: holds(one(doc) for _, one in parts)


trees = st.recursive(
	comparisons,
	lambda inner: st.one_of(
		st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3)),
		st.tuples(st.just("not"), st.lists(inner, min_size=1, max_size=1)),
	),
	max_leaves=8,
)
documents = st.fixed_dictionaries({name: st.integers(-3, 3) for name in "abc"})


@fuzz
@given(trees, documents)
def test_a_comparison_holds_exactly_when_python_says_so(tree, doc):
	text, holds = said(tree)
	assert evaluate(read_text(text, Place()), {"doc": doc}).result is bool(holds(doc))


@fuzz
@given(st.lists(comparisons, min_size=2, max_size=5), st.data(), documents)
def test_without_parentheses_and_binds_closer_than_or_and_not_closest(parts, data, doc):
	text, python = "", ""
	for name, op, number in parts:
		joined = data.draw(st.sampled_from([" and ", " or "])) if text else ""
		turned = data.draw(st.sampled_from(["", "not "]))
		text += f"{joined}{turned}doc.{name} {op} {number}"
		python += f"{joined}{turned}{OPERATORS[op](doc[name], number)}"
	expected = _python(python.split())
	assert evaluate(read_text(text, Place()), {"doc": doc}).result is expected


def _python(words):
	"""Truth values joined by words, by Python's rules of precedence."""
	if "or" in words:
		at = words.index("or")
		return _python(words[:at]) or _python(words[at + 1 :])
	if "and" in words:
		at = words.index("and")
		return _python(words[:at]) and _python(words[at + 1 :])
	return words[-1] == "True" if words[0] != "not" else words[-1] != "True"
