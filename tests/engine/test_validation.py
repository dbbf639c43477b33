"""Every code of the validator, where it is reported, and that valid flows have no problems."""

import copy
import json

import pytest

from flow_engine.engine.definition import parse_definition
from flow_engine.engine.kinds.base import Effect, Field, Kind
from flow_engine.engine.outcomes import Done
from flow_engine.engine.validation import Problem, has_errors, validate_definition


def done(context):
	return Done()


def failing_check(payload):
	raise RuntimeError("broken kind")


KINDS = {
	kind.name: kind
	for kind in (
		Kind("wait", "Wait", "clock", "#000", effect=Effect.NONE, handle=done),
		Kind("branch", "Branch", "fork", "#000", effect=Effect.NONE, branches=("yes", "no"), handle=done),
		Kind(
			"decide",
			"Decide",
			"fork",
			"#000",
			effect=Effect.NONE,
			branches=("yes", "no"),
			handle=done,
			fields=(
				Field("field", "Field", "variable"),
				Field("op", "Operator", "select", options=("==", "!=")),
				Field("value", "Value", "template"),
				Field("all", "All", "condition"),
				Field("logic", "Logic", "condition"),
				Field("when", "When", "condition"),
			),
		),
		Kind(
			"call",
			"Call",
			"globe",
			"#000",
			effect=Effect.EXTERNAL,
			handle=done,
			fields=(
				Field("url", "URL", required=True, secrets=True, single_line=True),
				Field("method", "Method", "select", options=("GET", "POST"), default="POST", required=True),
				Field("headers", "Headers", "json", secrets=True, single_line=True),
				Field("body", "Body", "json"),
				Field("hours", "Hours", "number"),
				Field("safe", "Safe", "check"),
				Field("at", "At", "datetime"),
				Field(
					"note",
					"Note",
					"textarea",
					required=True,
					depends_on={"field": "method", "op": "==", "value": "GET"},
				),
			),
		),
		Kind("later", "Later", "x", "#000"),
		Kind("broken", "Broken", "x", "#000", handle=done, check=failing_check),
		Kind(
			"picky",
			"Picky",
			"x",
			"#000",
			handle=done,
			fields=(Field("a", "A"),),
			check=lambda payload: [("a", "bad_value", "never good")],
		),
	)
}


def step(step_id, kind="wait", **more):
	return {"id": step_id, "kind": kind, **more}


def flow(*steps, trigger=None, **more):
	return {"version": 1, "trigger": trigger or {"event": "manual"}, "steps": list(steps), **more}


def call(**payload):
	return flow(step("c", "call", payload={"url": "https://a", **payload}))


def found(raw, **options):
	return [(p.path, p.code) for p in validate_definition(raw, KINDS, **options)]


EXAMPLE = flow(
	step("s1", "call", label="Ask", payload={"url": "https://a/{{doc.name}}"}, on_error="branch"),
	step("s2", parent_id="s1", branch="error"),
	step("s3", parent_id="s1", branch="timeout", depends_on=["s0"]),
	step("s0", trigger={"type": "on_flow_start"}),
	step("s4", "branch", depends_on=["s1", "s0"]),
	step("s5", parent_id="s4", branch="yes"),
	step("s6", parent_id="s4", branch="no"),
	step("s7", depends_on=["s5", "s6"], trigger={"type": "after_delay", "delay_days": "{{variables.days}}"}),
	step("s8", trigger={"type": "on_webhook", "timeout_hours": 2}, retry={"max_attempts": 3, "jitter": True}),
	step("s9", parent_id="s8", branch="timeout", trigger={"type": "on_date", "at": "{{steps.s8.result.on}}"}),
	step("s10", "call", payload={"url": "{{links.s8}}"}, timeout_seconds=30, disabled=True, note="later"),
	trigger={"event": "on_paid", "condition": '{"==": [{"var": "doc.status"}, "Paid"]}'},
	variables={"days": 2},
)


def test_a_good_flow_has_no_problems_as_data_or_text():
	assert found(EXAMPLE, events=["on_paid"]) == []
	assert found(json.dumps(EXAMPLE)) == []
	assert found(json.dumps(EXAMPLE).encode()) == []
	assert len(parse_definition(EXAMPLE).steps) == 11


@pytest.mark.parametrize(
	("raw", "problems"),
	[
		# what cannot be looked at further
		("", [("", "bad_json")]),
		("{", [("", "bad_json")]),
		('{"steps": NaN}', [("", "bad_json")]),
		(b"\xff", [("", "bad_json")]),
		("[" * 100_000, [("", "bad_json")]),
		(None, [("", "bad_value")]),
		([], [("", "bad_value")]),
		("5", [("", "bad_value")]),
		({"version": 99}, [("version", "bad_value")]),
		({"version": True}, [("version", "bad_value")]),
		(" " * 1_000_001, [("", "too_large")]),
		({"steps": ["x" * 1_000_001]}, [("", "too_large")]),
		# the flow
		({}, [("steps", "missing_field")]),
		({"steps": {}}, [("steps", "bad_value")]),
		({"steps": [], "nodes": []}, [("nodes", "unknown_key")]),
		({"steps": [], "variables": []}, [("variables", "bad_value")]),
		({"steps": [], "trigger": []}, [("trigger", "bad_value")]),
		(flow(None, 5, "s"), [(f"steps[{i}]", "bad_value") for i in range(3)]),
		(flow(trigger={"event": 5}), [("trigger.event", "unknown_trigger")]),
		(flow(trigger={"event": "manual", "when": 1}), [("trigger.when", "unknown_key")]),
		(flow(trigger={"event": "manual", "field": "x"}), [("trigger.field", "unknown_key")]),
		(flow(trigger={"condition": "{"}), [("trigger.condition", "bad_condition")]),
		(flow(trigger={"condition": {"nope": 1}}), [("trigger.condition", "unknown_operator")]),
		(
			flow(trigger={"condition": {"all": [{"field": "doc.a", "op": "~"}]}}),
			[("trigger.condition.all[0].op", "unknown_operator")],
		),
		(
			flow(trigger={"event": "doc_event"}),
			[("trigger.doctype", "missing_field"), ("trigger.doc_event", "missing_field")],
		),
		(
			flow(trigger={"event": "doc_event", "doctype": "Issue", "doc_event": "on_open"}),
			[("trigger.doc_event", "unknown_trigger")],
		),
		(
			flow(trigger={"event": "doc_event", "doctype": "Issue", "doc_event": "field_change"}),
			[("trigger.field", "missing_field")],
		),
		(
			flow(trigger={"event": "doc_event", "doctype": "Issue", "doc_event": "on_update", "to": "x"}),
			[("trigger.to", "unknown_key")],
		),
		(flow(trigger={"on_import": "yes"}), [("trigger.on_import", "bad_value")]),
		# ids and kinds
		(flow({"kind": "wait"}), [("steps[0].id", "missing_field")]),
		(flow(step("a b")), [("steps[0].id", "bad_id")]),
		(flow(step("x" * 65)), [("steps[0].id", "bad_id")]),
		(flow(step(5)), [("steps[0].id", "bad_id")]),
		(flow(step("a\n")), [("steps[0].id", "bad_id")]),
		(flow(step("a"), step("a")), [("steps[1].id", "duplicate_id")]),
		(flow(step("a"), step("A")), [("steps[1].id", "duplicate_id")]),
		(flow({"id": "a"}), [("steps[0].kind", "missing_field")]),
		(flow(step("a", "nope")), [("steps[0].kind", "unknown_kind")]),
		(flow(step("a", ["wait"])), [("steps[0].kind", "unknown_kind")]),
		(flow(step("a", "later")), [("steps[0].kind", "unknown_kind")]),
		(flow(step("a", colour="red")), [("steps[0].colour", "unknown_key")]),
		(
			flow(step("a", label=5, note=[])),
			[("steps[0].label", "bad_value"), ("steps[0].note", "bad_value")],
		),
		(flow(step("a", disabled="no")), [("steps[0].disabled", "bad_value")]),
		# edges
		(flow(step("a", parent_id="b")), [("steps[0].parent_id", "unknown_parent")]),
		(flow(step("a", parent_id="")), [("steps[0].parent_id", "unknown_parent")]),
		(flow(step("a", parent_id=5)), [("steps[0].parent_id", "bad_value")]),
		(flow(step("a", parent_id="a")), [("steps[0].parent_id", "self_reference")]),
		(flow(step("a", depends_on=["a"])), [("steps[0].depends_on[0]", "self_reference")]),
		(flow(step("a", depends_on=["b"])), [("steps[0].depends_on[0]", "unknown_dependency")]),
		(flow(step("a", depends_on="b")), [("steps[0].depends_on", "bad_value")]),
		(flow(step("a", depends_on=[5])), [("steps[0].depends_on[0]", "bad_value")]),
		(
			flow(step("a", depends_on=["b"]), step("b", depends_on=["a"])),
			[("steps[0].depends_on", "cycle")],
		),
		(flow(step("a", parent_id="b"), step("b", depends_on=["a"])), [("steps[0].parent_id", "cycle")]),
		(flow(step("a", branch="yes")), [("steps[0].branch", "branch_without_parent")]),
		(flow(step("a"), step("b", parent_id="a", branch="yes")), [("steps[1].branch", "unknown_branch")]),
		(
			flow(step("a", "branch"), step("b", parent_id="a", branch="maybe")),
			[("steps[1].branch", "unknown_branch")],
		),
		(
			flow(step("a"), step("b", parent_id="a", branch="timeout")),
			[("steps[1].branch", "unknown_branch")],
		),
		(
			flow(
				step("a", trigger={"type": "manual"}),
				step("b", parent_id="a", branch="timeout"),
			),
			[("steps[1].branch", "unknown_branch")],
		),
		(flow(step("a"), step("b", parent_id="a", branch="error")), [("steps[1].branch", "unreachable")]),
		(flow(step("a", on_error="branch")), [("steps[0].on_error", "bad_value")]),
		(flow(step("a", on_error="stop")), [("steps[0].on_error", "bad_value")]),
		# step triggers
		(flow(step("a", trigger={"type": "soon"})), [("steps[0].trigger.type", "unknown_trigger")]),
		(flow(step("a", trigger={"type": ["manual"]})), [("steps[0].trigger.type", "unknown_trigger")]),
		(flow(step("a", trigger="manual")), [("steps[0].trigger", "bad_value")]),
		(flow(step("a", trigger={"type": "manual", "at": "x"})), [("steps[0].trigger.at", "unknown_key")]),
		(
			flow(step("a"), step("b", depends_on=["a"], trigger={"type": "on_flow_start"})),
			[("steps[1].trigger.type", "trigger_conflict")],
		),
		(
			flow(step("a"), step("b", parent_id="a", trigger={"type": "on_flow_start"})),
			[("steps[1].trigger.type", "trigger_conflict")],
		),
		(flow(step("a", trigger={"type": "on_date"})), [("steps[0].trigger.at", "missing_field")]),
		(flow(step("a", trigger={"type": "on_date", "at": "soon"})), [("steps[0].trigger.at", "bad_value")]),
		(
			flow(step("a", trigger={"type": "on_date", "at": "{{doc.__x}}"})),
			[("steps[0].trigger.at", "bad_template")],
		),
		(
			flow(step("a", trigger={"type": "after_delay", "delay_days": -1})),
			[("steps[0].trigger.delay_days", "bad_value")],
		),
		(
			flow(step("a", trigger={"type": "after_delay", "delay_hours": "two"})),
			[("steps[0].trigger.delay_hours", "bad_value")],
		),
		(
			flow(step("a", trigger={"type": "after_delay", "delay_minutes": 1e300})),
			[("steps[0].trigger.delay_minutes", "bad_value")],
		),
		(
			flow(step("a", trigger={"type": "after_delay", "delay_days": True})),
			[("steps[0].trigger.delay_days", "bad_value")],
		),
		(
			flow(step("a", trigger={"type": "after_delay"})),
			[("steps[0].trigger.delay_days", "missing_field")],
		),
		(
			flow(step("a", trigger={"type": "on_date", "at": "2026-03-18", "offset_days": "x"})),
			[("steps[0].trigger.offset_days", "bad_value")],
		),
		(flow(step("a", trigger={"type": "on_date", "at": "2026-03-18", "offset_days": -3})), []),
		(
			flow(step("a", trigger={"type": "manual", "role": 5, "timeout_hours": 0})),
			[("steps[0].trigger.role", "bad_value"), ("steps[0].trigger.timeout_hours", "bad_value")],
		),
		# retry and timeout
		(flow(step("a", retry=[])), [("steps[0].retry", "bad_value")]),
		(flow(step("a", retry={"attempts": 2})), [("steps[0].retry.attempts", "unknown_key")]),
		*(
			(flow(step("a", retry={key: value})), [(f"steps[0].retry.{key}", "bad_value")])
			for key, value in (
				("max_attempts", 0),
				("max_attempts", 21),
				("max_attempts", 1.5),
				("max_attempts", True),
				("max_attempts", "3"),
				("backoff_seconds", -1),
				("backoff_rate", 0.5),
				("max_delay_seconds", 0),
				("jitter", "yes"),
			)
		),
		(
			flow(step("a", "call", payload={"url": "x"}, timeout_seconds=301)),
			[("steps[0].timeout_seconds", "bad_value")],
		),
		(flow(step("a", timeout_seconds=30)), [("steps[0].timeout_seconds", "bad_value")]),
		# payloads
		(flow(step("a", payload=[])), [("steps[0].payload", "bad_value")]),
		(flow(step("a", payload={"x": 1})), [("steps[0].payload.x", "unknown_key")]),
		(flow(step("a", "call")), [("steps[0].payload.url", "missing_field")]),
		(flow(step("a", "call", payload={"url": "  "})), [("steps[0].payload.url", "missing_field")]),
		(call(method="GET"), [("steps[0].payload.note", "missing_field")]),
		(call(method="PATCH"), [("steps[0].payload.method", "bad_value")]),
		(call(method=""), [("steps[0].payload.method", "missing_field")]),
		(call(method="{{doc.method}}"), []),
		(call(hours="many"), [("steps[0].payload.hours", "bad_value")]),
		(call(hours=[1]), [("steps[0].payload.hours", "bad_value")]),
		(call(hours="{{doc.h}}", safe="{{doc.s}}", at="{{doc.at}}"), []),
		(call(safe="perhaps"), [("steps[0].payload.safe", "bad_value")]),
		(call(at="tomorrow"), [("steps[0].payload.at", "bad_value")]),
		(call(body="{"), [("steps[0].payload.body", "bad_json")]),
		(call(body='{"a": {{doc.x}}}'), [("steps[0].payload.body", "bad_json")]),
		(call(body='{"a": ["{{doc.__x}}"]}'), [("steps[0].payload.body.a[0]", "bad_template")]),
		(call(body={"{{doc.x}}": 1}), [("steps[0].payload.body", "bad_template")]),
		(call(body={"a": float("nan")}), [("steps[0].payload.body.a", "bad_value")]),
		(call(body="{{doc.x|nope}}"), [("steps[0].payload.body", "bad_json")]),
		(call(body="{{secret.k}}"), [("steps[0].payload.body", "bad_json")]),
		(call(body='"{{secret.k}}"'), [("steps[0].payload.body", "bad_template")]),
		(call(headers='{"A": "{{secret.k}}"}'), []),
		(call(headers={"A": "{{secret.k|upper}}"}), [("steps[0].payload.headers.A", "bad_template")]),
		(call(headers={"A": "a\nb"}), [("steps[0].payload.headers.A", "bad_value")]),
		(call(url="https://{{secret.k}}/{{doc.x"), [("steps[0].payload.url", "bad_template")]),
		(flow(step("a", "broken")), [("steps[0].payload", "bad_value")]),
		(flow(step("a", "picky")), [("steps[0].payload.a", "bad_value")]),
		# conditions in payloads
		(flow(step("a", "decide", payload={"field": "doc.x", "op": "=="})), []),
		(flow(step("a", "decide", payload={"field": "{{doc.x}}"})), []),
		(flow(step("a", "decide", payload={"field": "a b"})), [("steps[0].payload.field", "bad_value")]),
		(
			flow(step("a", "decide", payload={"field": "{{doc.__x}}"})),
			[("steps[0].payload.field", "bad_template")],
		),
		(
			flow(step("a", "decide", payload={"all": [{"field": "doc.x", "op": "~"}]})),
			[("steps[0].payload.all[0].op", "unknown_operator")],
		),
		(
			flow(step("a", "decide", payload={"logic": {"nope": []}})),
			[("steps[0].payload.logic", "unknown_operator")],
		),
		(
			flow(step("a", "decide", payload={"when": {"not": {"x": 1, "y": 2}}})),
			[("steps[0].payload.when.not", "bad_condition")],
		),
		# what no database can store
		(flow(step("a", label="\ud800")), [("steps[0].label", "bad_value")]),
		(flow(step("a", note=object())), [("steps[0].note", "bad_json"), ("steps[0].note", "bad_value")]),
	],
)
def test_each_problem_is_reported_at_its_place(raw, problems):
	assert found(raw) == problems


def test_all_problems_are_reported_at_once():
	raw = flow(
		step("a", "nope", trigger={"type": "soon"}),
		step("a", depends_on=["zz"], retry={"max_attempts": 99}),
		step("b", "call", branch="yes"),
		trigger={"event": "on_nothing"},
		extra=1,
	)
	assert {code for _, code in found(raw, events=["on_paid"])} == {
		"unknown_kind",
		"unknown_trigger",
		"duplicate_id",
		"unknown_dependency",
		"bad_value",
		"missing_field",
		"branch_without_parent",
		"unknown_key",
	}


def test_problems_name_their_step_and_serialise():
	(problem,) = validate_definition(flow(step("a", "nope")), KINDS)
	assert problem.as_dict() == {
		"path": "steps[0].kind",
		"step": "a",
		"code": "unknown_kind",
		"message": problem.message,
		"severity": "error",
	}


def test_only_errors_keep_a_definition_from_being_published():
	assert has_errors([Problem("", None, "cycle", "")])
	assert not has_errors([Problem("", None, "unknown_variable", "", "warning")])
	assert not has_errors([])


@pytest.mark.parametrize("event", ["manual", "doc_event", "on_paid", "on_else"])
def test_events_are_checked_only_when_they_are_known(event):
	raw = flow(trigger={"event": event, "doctype": "Issue", **_document_event(event)})
	assert found(raw) == []
	expected = [("trigger.event", "unknown_trigger")] if event == "on_else" else []
	assert found(raw, events={"on_paid"}) == expected


def _document_event(event):
	return {"doc_event": "on_update"} if event == "doc_event" else {}


class TestCycles:
	def test_each_is_reported_once_with_its_labels(self):
		raw = flow(
			step("a", depends_on=["c"], label="First"),
			step("b", depends_on=["a"], label="Second"),
			step("c", parent_id="b", label="Third"),
			step("d", depends_on=["e"]),
			step("e", depends_on=["d"]),
			step("f", depends_on=["a", "e"]),
		)
		problems = validate_definition(raw, KINDS)
		assert [p.code for p in problems] == ["cycle", "cycle"]
		assert "“First” → “Second” → “Third” → “First”" in problems[0].message

	def test_a_long_one_has_a_short_message(self):
		raw = flow(*(step(f"s{i}", depends_on=[f"s{(i + 1) % 2_000}"]) for i in range(2_000)))
		(problem,) = validate_definition(raw, KINDS)
		assert problem.code == "cycle"
		assert len(problem.message) < 500


def _forked(mine, theirs, parent="branch", **more):
	"""Two steps deep in two branches of one parent, the first depending on the second."""
	return flow(
		step("p", parent, payload={"url": "x"} if parent == "call" else {}, **more),
		step("m1", parent_id="p", branch=mine),
		step("m2", parent_id="m1", depends_on=["t2"]),
		step("t1", parent_id="p", branch=theirs),
		step("t2", parent_id="t1"),
		step("e", parent_id="p", branch="error"),
	)


class TestUnreachable:
	@pytest.mark.parametrize(
		("mine", "theirs", "excluded"),
		[
			("yes", "no", True),
			("yes", "yes", False),
			("yes", None, False),
			(None, "no", False),
			(None, None, False),
			("error", None, True),
			(None, "error", True),
			("error", "yes", True),
			("error", "error", False),
		],
	)
	def test_a_dependency_on_a_branch_that_excludes_ones_own(self, mine, theirs, excluded):
		expected = [("steps[2].depends_on[0]", "unreachable")] if excluded else []
		assert found(_forked(mine, theirs, on_error="branch")) == expected

	def test_timeout_and_error_exclude_each_other(self):
		raw = _forked("timeout", "error", parent="call", on_error="branch")
		assert found(raw) == [("steps[2].depends_on[0]", "unreachable")]

	def test_a_dependency_on_the_step_whose_error_one_handles(self):
		raw = flow(
			step("p", on_error="branch"),
			step("e", parent_id="p", branch="error"),
			step("x", parent_id="e", depends_on=["p"]),
		)
		assert found(raw) == [("steps[2].depends_on[0]", "unreachable")]

	def test_a_dependency_on_ones_own_parent_or_another_tree_is_fine(self):
		raw = flow(
			step("p", "branch"),
			step("q", "branch"),
			step("a", parent_id="p", branch="yes", depends_on=["p"]),
			step("b", parent_id="q", branch="no", depends_on=["a"]),
		)
		assert found(raw) == []

	def test_a_join_after_branches_is_fine(self):
		raw = flow(
			step("p", "branch"),
			step("a", parent_id="p", branch="yes"),
			step("b", parent_id="p", branch="no"),
			step("j", depends_on=["a", "b", "p"]),
		)
		assert found(raw) == []


def _reading(text, *others, **more):
	return flow(step("r", "call", payload={"url": text}, **more), *others)


class TestUnknownVariables:
	@pytest.mark.parametrize(
		("raw", "paths"),
		[
			(_reading("{{doc.x}}{{customer.y}}{{run.name}}{{template.name}}{{now|date}}{{variables.z}}"), []),
			(_reading("{{trigger.before.status}}{{trigger.user}}{{secret.key}}"), []),
			(_reading("{{docs.x}}"), ["steps[0].payload.url"]),
			(_reading("{{trigger.who}}"), ["steps[0].payload.url"]),
			(_reading("{{steps.zz.result}}"), ["steps[0].payload.url"]),
			(_reading("{{steps.a.outcome}}", step("a"), depends_on=["a"]), ["steps[0].payload.url"]),
			(_reading("{{steps.a.result.x}}", step("a"), depends_on=["a"]), []),
			(_reading("{{steps.a.result.x}}", step("a")), ["steps[0].payload.url"]),
			(_reading("{{steps.r.result.x}}"), ["steps[0].payload.url"]),
			(
				_reading(
					"{{steps.a.result.x}}",
					step("a"),
					step("b", parent_id="a"),
					step("c", depends_on=["b"]),
					parent_id="c",
				),
				[],
			),
			(_reading("{{links.a}}", step("a")), ["steps[0].payload.url"]),
			(_reading("{{links.zz}}"), ["steps[0].payload.url"]),
			(_reading("{{links.a}}", step("a", trigger={"type": "on_webhook"})), []),
			(_reading("{{input.x}}"), ["steps[0].payload.url"]),
			(_reading("{{input.x}}", trigger={"type": "on_webhook"}), []),
			(_reading("{{input.x}}", trigger={"type": "manual"}), []),
			(
				flow(step("a", trigger={"type": "on_date", "at": "{{dox.date}}"})),
				["steps[0].trigger.at"],
			),
			(
				flow(
					step(
						"a", "decide", payload={"field": "dox.x", "all": [{"field": "doy.x", "op": "empty"}]}
					)
				),
				["steps[0].payload.field", "steps[0].payload.all[0].field"],
			),
			(flow(trigger={"condition": {"var": "steps.a"}}), ["trigger.condition"]),
			(
				flow(
					step("a", "call", payload={"url": "{{variables.x}}{{variables.known}}"}),
					trigger={"event": "doc_event", "doctype": "Issue", "doc_event": "on_update"},
					variables={"known": 1},
				),
				["steps[0].payload.url"],
			),
		],
	)
	def test_are_warnings_about_what_is_certainly_not_there(self, raw, paths):
		problems = validate_definition(raw, KINDS)
		assert [(p.path, p.code, p.severity) for p in problems] == [
			(path, "unknown_variable", "warning") for path in paths
		]

	def test_roots_of_other_apps_are_known_when_they_are_named(self):
		assert found(_reading("{{warehouse.name}}"), context=["warehouse"]) == []


class TestSize:
	def test_too_many_steps_are_one_problem(self):
		assert found(flow(*(step(f"s{i}") for i in range(2_001)))) == [("steps", "too_many_steps")]
		assert found(flow(*(step(f"s{i}") for i in range(2_000)))) == []

	def test_a_chain_of_two_thousand_parents_with_dependencies_is_checked(self):
		steps = [step("s0", "branch")]
		for i in range(1, 1_999):
			before = [f"s{max(0, i - 20)}", f"s{i // 2}", f"s{i - 1}"]
			text = f"{{{{steps.s{i // 3}.result.x}}}}"
			payload = {"url": text}
			branch = "yes" if i == 1 else None
			steps.append(
				step(
					f"s{i}", "call", parent_id=f"s{i - 1}", branch=branch, depends_on=before, payload=payload
				)
			)
		steps.append(step("other", parent_id="s0", branch="no"))
		assert found(flow(*steps)) == []
		steps[1_998]["depends_on"] = ["other"]
		assert found(flow(*steps)) == [("steps[1998].depends_on[0]", "unreachable")]

	def test_endless_data_is_too_large_or_too_deep(self):
		endless = {"steps": []}
		endless["steps"].append(endless)
		wide = {"steps": [[0] * 1_000] * 1_000}
		for raw in (endless, wide):
			assert {code for _, code in found(raw)} <= {"too_large", "bad_value"}
			assert len(found(raw)) == 1

	def test_validation_does_not_change_what_it_is_given(self):
		before = copy.deepcopy(EXAMPLE)
		validate_definition(EXAMPLE, KINDS)
		assert before == EXAMPLE
