"""Whatever is thrown at validate and simulate ends in problems, a coded error or an outcome: no traceback."""

import json
from datetime import datetime, timezone

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from flow_engine.engine.errors import FlowError
from flow_engine.engine.kinds import register
from flow_engine.engine.validation import has_errors, validate_definition
from flow_engine.service.events import BUSINESS_EVENTS
from flow_engine.sqlite_host.scenario import Scenario, read_moment, read_until
from flow_engine.sqlite_host.simulation import simulate

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=timezone.utc)
KINDS = register()
RUN_STATUSES = {"running", "completed", "failed", "not_started"}
# Codes by which the engine owns up to a fault of its own.
FAULTS = {"handler_error", "internal_error", "simulation_stalled", "worker_lost"}

texts = st.one_of(
	st.text(max_size=20),
	st.sampled_from(
		[
			"",
			"\ud800",
			"\0",
			"{{",
			"{{doc}}",
			"{{doc.name|upper}}",
			"{{doc.__class__.__mro__}}",
			"{{steps.a.result.name}}",
			"{{now|add_days:999999999}}",
			"{{doc.a|number|money|json}}",
			"{{customer.name}}",
			"{{secret.x}}",
			"a@example.com",
			"+15145550142",
			"https://example.com/x",
			"2026-05-05",
			"1e999",
			"{" * 50,
		]
	),
)
# What validation lets through, so that its trouble, if any, comes when it runs.
accepted = st.sampled_from(
	[
		"plain",
		"{{doc.name|upper}}",
		"{{doc.a}}",
		"{{doc.a|number|money|json}}",
		"{{doc.a|add_days:7|date}}",
		"{{now|add_days:3600}}",
		"{{doc.a.b.0.c|join|count}}",
		"{{variables.v}}{{variables.v}}",
		"{{customer.name|trim|title}}",
		"{{customer.email_id|default:none@example.com}}",
		"https://example.com/{{doc.a|url}}",
		"{{doc.name}}@example.com",
		"+15145550142",
		"Issue",
		"x",
	]
)
numbers = st.one_of(
	st.integers(-5, 400),
	st.sampled_from([0, -1, 1e308, float("nan"), float("inf"), 10**400, 2**63, 0.1]),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
data = st.recursive(
	scalars,
	lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
	max_leaves=12,
)
# Strange, but data that a database can keep.
storable = st.recursive(
	st.one_of(
		st.none(),
		st.booleans(),
		st.integers(-5, 2**70),
		st.sampled_from(
			[1e308, 0.1, "1e999", "{{doc}}", "<b>", "2026-05-05", "\0", "\U0001f600" * 40, "9" * 300]
		),
		st.text(st.characters(codec="utf-8"), max_size=20),
	),
	lambda inner: st.one_of(
		st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("ab0"), inner, max_size=3)
	),
	max_leaves=8,
)


def often(good, odd=data):
	"""Mostly what belongs there, so that many definitions get past validation."""
	return st.integers(0, 39).flatmap(lambda n: odd if n == 23 else good)


def payload_of(kind):
	return often(PAYLOADS[kind], data)


PAYLOADS = {
	"issue": st.fixed_dictionaries(
		{"subject": accepted}, optional={"description": accepted, "priority": accepted}
	),
	"dispatch_job": st.fixed_dictionaries(
		{"subject": accepted},
		optional={"duration_h": st.sampled_from([2, "{{doc.a}}"]), "merge_key": accepted},
	),
	"notify": st.fixed_dictionaries(
		{"channel": st.sampled_from(["email", "sms"]), "to": accepted, "subject": accepted, "body": accepted}
	),
	"webhook": st.fixed_dictionaries(
		{
			"url": st.sampled_from(
				["https://example.com/{{doc.a|url}}", "https://example.com/x", "{{doc.a}}"]
			),
			"method": st.sampled_from(["GET", "POST"]),
		},
		optional={
			"body_template": st.sampled_from(['{"a": "{{doc.a}}"}', '{"a": "\\ud800", "b": [{{doc.a}}]}'])
		},
	),
	"erp_update": st.fixed_dictionaries(
		{
			"doctype": st.sampled_from(["Issue", "Customer", "{{doc.a}}"]),
			"docname_ref": st.sampled_from(["x", "{{doc.name}}", "{{doc.a}}"]),
			"fields_json": st.sampled_from(
				['{"status": "{{doc.a}}"}', '{"a": "\\ud800"}', '{"b": [1, {"c": "{{doc.a}}"}]}']
			),
		}
	),
	"wait": st.just({}),
	"condition": st.fixed_dictionaries(
		{
			"field": st.sampled_from(["doc.a", "variables.v", "customer.name", "steps.a.result"]),
			"op": st.sampled_from(["==", "<", "in", "empty", "contains", "ends_with"]),
			"value": storable.filter(lambda value: value not in (None, "")),
		}
	),
	"subscription_activate": st.fixed_dictionaries({"subscription_ref": accepted}),
}

triggers = st.one_of(
	st.just({"type": "on_prev_complete"}),
	st.fixed_dictionaries(
		{"type": st.just("after_delay"), "delay_days": often(st.integers(0, 900), scalars)}
	),
	st.fixed_dictionaries(
		{"type": st.just("after_delay"), "delay_hours": st.sampled_from(["{{doc.a}}", 1e5, 0.001])}
	),
	st.fixed_dictionaries(
		{
			"type": st.just("on_date"),
			"at": st.sampled_from(["{{doc.a}}", "2026-05-05", "{{doc.a|add_days:7}}"]),
		},
		optional={"offset_days": st.integers(-3650, 3650)},
	),
	st.fixed_dictionaries(
		{"type": st.just("manual")},
		optional={"timeout_hours": st.sampled_from([1, 0.5, 8e3, "{{doc.a}}"])},
	),
	st.fixed_dictionaries(
		{"type": st.just("on_webhook")},
		optional={"timeout_hours": st.sampled_from([1, 0.5, 8e3, "{{doc.a}}"])},
	),
)
waits = st.sampled_from([0, 1, 3600, 1e6])
retries = st.fixed_dictionaries(
	{},
	optional={
		"max_attempts": st.integers(1, 5),
		"backoff_seconds": often(waits, numbers),
		"backoff_rate": often(st.sampled_from([1, 2, 10]), numbers),
		"max_delay_seconds": often(waits, numbers),
	},
)


@st.composite
def steps(draw):
	made = []
	for step_id in draw(st.permutations(["b", "c", "d"]).map(lambda found: ["a", *found[:2]])):
		kind = draw(st.sampled_from(sorted(PAYLOADS)))
		before = [step["id"] for step in made]
		step = {
			"id": step_id,
			"kind": kind,
			"payload": draw(payload_of(kind)),
			"trigger": draw(triggers),
		}
		if before and draw(st.booleans()):
			step["depends_on"] = draw(st.lists(st.sampled_from(before), max_size=2, unique=True))
		if before and draw(st.integers(0, 2)) == 0:
			step["parent_id"] = draw(st.sampled_from(before))
			kind = next(other["kind"] for other in made if other["id"] == step["parent_id"])
			step["branch"] = draw(st.sampled_from([None, *KINDS[kind].branches]))
		if draw(st.integers(0, 4)) == 0:
			step["retry"] = draw(retries)
		step["on_error"] = draw(st.sampled_from(["fail", "continue"]))
		made.append(step)
	return made


conditions = st.one_of(
	st.just(""),
	st.just(""),
	data,
	st.fixed_dictionaries(
		{"field": texts, "op": st.sampled_from(["==", "<", "in", "empty", "contains"]), "value": data}
	),
	st.fixed_dictionaries({"logic": data}),
)
definitions = st.fixed_dictionaries(
	{
		"version": often(st.just(1)),
		"trigger": often(
			st.fixed_dictionaries({"event": st.just("manual"), "condition": often(st.just(""), conditions)})
		),
		"steps": often(steps(), st.lists(data, max_size=3)),
	},
	optional={"variables": st.dictionaries(st.sampled_from(["v", "w"]), storable, max_size=2)},
)
documents = often(
	st.fixed_dictionaries(
		{
			"doctype": often(st.sampled_from(["Issue", "Customer", "Contract"])),
			"name": st.sampled_from(["x", "y"]),
		},
		optional={
			"a": storable,
			"customer": often(st.just("x"), storable),
			"email_id": storable,
			"status": storable,
		},
	)
)
bounded = settings(
	max_examples=250,
	deadline=None,
	derandomize=True,
	suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@bounded
@given(st.one_of(data, definitions))
def test_validation_of_anything_answers_problems_that_are_data(definition):
	problems = [p.as_dict() for p in validate_definition(definition, KINDS, events=BUSINESS_EVENTS)]
	assert all(p["code"].isidentifier() and p["message"] for p in problems)
	json.dumps(problems)


@bounded
@given(
	definition=definitions,
	doc=documents,
	docs=often(st.lists(documents, max_size=1)),
	variables=often(st.dictionaries(st.sampled_from(["v", "w"]), storable, max_size=2)),
	completions=st.lists(st.tuples(st.just("a"), often(storable)), max_size=2),
	replies=often(
		st.lists(
			st.fixed_dictionaries(
				{"url": st.just("")},
				optional={
					"status": st.sampled_from([200, 204, 404, 429, 500]),
					"body": storable,
					"headers": st.just({"retry-after": "x"}),
				},
			),
			max_size=2,
		)
	),
)
def test_simulation_of_anything_ends_in_an_outcome_or_a_coded_error(
	definition, doc, docs, variables, completions, replies
):
	if isinstance(doc, dict) and isinstance(docs, list):
		docs = [
			other for other in docs if not isinstance(other, dict) or other.get("name") != doc.get("name")
		]
	scenario = Scenario(
		definition, doc, docs, variables=variables, now=NOW, completions=completions, replies=replies
	)
	try:
		outcome = simulate(scenario)
	except FlowError as error:
		event(f"{error.code} {error.message[:90]!a}")
		assert error.code not in FAULTS
		json.dumps(error.as_dict())
		return
	event(outcome["run"]["status"])
	for step in outcome["steps"].values():
		event(f"{step['status']} {(step['error'] or {}).get('code')}")
	assert not has_errors(validate_definition(definition, KINDS, events=BUSINESS_EVENTS))
	assert outcome["run"]["status"] in RUN_STATUSES
	errors = [step["error"] for step in outcome["steps"].values() if step["error"]]
	assert not {error["code"] for error in errors} & FAULTS, errors
	json.dumps(outcome)


@bounded
@given(st.one_of(texts, st.text("0123456789PYMWDTHS.-:+Z wdhms", max_size=30)))
def test_any_text_is_a_time_a_duration_or_refused(text):
	for reader in (read_moment, read_until):
		try:
			reader(text)
		except FlowError as error:
			assert error.code == "bad_input"
