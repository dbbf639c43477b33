"""Every code of the validator, where it is reported, and that valid flows have no problems."""

import json

import pytest
from kinds_to_validate import EXAMPLE, KINDS, call, flow, found, step

from flow_engine.engine.definition import parse_definition
from flow_engine.engine.validation import Problem, has_errors, validate_definition


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
