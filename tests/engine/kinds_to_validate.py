"""Kinds made for tests of the validator, and one flow that uses all there is."""

from flow_engine.engine.kinds.base import Effect, Field, Kind
from flow_engine.engine.outcomes import Done
from flow_engine.engine.validation import validate_definition


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
