"""The key `sla` of steps and flows: what may stand there, and what it says about branches."""

from dataclasses import replace

import pytest
from kinds_to_validate import KINDS, flow, step

from flow_engine.engine.definition import dump_definition, parse_definition
from flow_engine.engine.sla.rules import NOBODY, People, Sla, parse_sla
from flow_engine.engine.validation import validate_definition


def problems_of(sla, **keys):
	raw = flow(step("a", sla=sla, **keys))
	return [(p.path, p.code) for p in validate_definition(raw, KINDS)]


@pytest.mark.parametrize(
	"sla",
	[
		None,
		{},
		{"breach": "3d"},
		{"warn": "2d"},
		{"warn": "2d", "breach": "3d", "calendar": "business"},
		{"breach": "3d", "escalate": {"user": "boss@example.com"}},
		{"breach": "3d", "escalate": {"role": "Support", "keep": True}, "notify": {"role": "Sales"}},
		{"warn": "", "breach": "1w", "calendar": "", "notify": None, "escalate": None},
	],
)
def test_a_service_level_may_say_this(sla):
	assert problems_of(sla) == []


@pytest.mark.parametrize(
	("sla", "expected"),
	[
		("3d", [("sla", "bad_value")]),
		([], [("sla", "bad_value")]),
		({"calendar": "business"}, [("sla.breach", "missing_field")]),
		({"breach": "-3d"}, [("sla.breach", "bad_duration")]),
		({"breach": "3y"}, [("sla.breach", "bad_duration")]),
		({"breach": "99999d"}, [("sla.breach", "bad_duration")]),
		({"breach": 3}, [("sla.breach", "bad_duration")]),
		({"breach": "{{doc.days}}"}, [("sla.breach", "bad_duration")]),
		({"warn": "3d", "breach": "3d"}, [("sla.warn", "warn_after_breach")]),
		({"warn": "1w", "breach": "3d"}, [("sla.warn", "warn_after_breach")]),
		({"breach": "3d", "calendar": 5}, [("sla.calendar", "bad_value")]),
		({"breach": "3d", "colour": "red"}, [("sla.colour", "unknown_key")]),
		({"breach": "3d", "escalate": "boss"}, [("sla.escalate", "bad_value")]),
		({"breach": "3d", "escalate": {}}, [("sla.escalate.user", "missing_field")]),
		({"breach": "3d", "escalate": {"user": 5}}, [("sla.escalate.user", "bad_value")]),
		({"breach": "3d", "escalate": {"team": "x", "user": "b"}}, [("sla.escalate.team", "unknown_key")]),
		({"breach": "3d", "escalate": {"user": "b", "keep": "yes"}}, [("sla.escalate.keep", "bad_value")]),
		({"warn": "3d", "escalate": {"user": "b"}}, [("sla.escalate", "missing_field")]),
		({"breach": "3d", "notify": {"role": "x" * 500}}, [("sla.notify.role", "bad_value")]),
	],
)
def test_anything_else_is_a_problem_with_its_place(sla, expected):
	assert problems_of(sla) == [(f"steps[0].{path}", code) for path, code in expected]
	of_flow = validate_definition({**flow(step("a")), "sla": sla}, KINDS)
	assert [(p.path, p.code) for p in of_flow] == expected


def test_it_is_read_and_written_as_it_was():
	raw = {
		"warn": "2d",
		"breach": "3d",
		"calendar": "business",
		"escalate": {"role": "Support", "keep": True},
	}
	definition = parse_definition({**flow(step("a", sla=raw)), "sla": {"breach": "1w"}})
	assert dump_definition(definition)["steps"][0]["sla"] == raw
	assert dump_definition(definition)["sla"] == {"breach": "1w"}
	rule = definition.slas["a"]
	assert (rule.escalate, rule.keeps, rule.notify) == (People(role="Support"), True, NOBODY)
	assert parse_sla({}) == Sla()
	assert "sla" not in dump_definition(parse_definition(flow(step("a"))))


def test_the_time_of_an_issue_is_taken_from_a_step_that_has_opened_one():
	raw = flow(
		step("open", "opens"),
		step("call", "wait"),
		step("other", "opens"),
		step("good", depends_on=["open"], sla={"from": "open"}),
		step("early", sla={"from": "other"}),
		step("wrong", depends_on=["call"], sla={"from": "call"}),
		step("gone", sla={"from": "nobody"}),
		step("both", depends_on=["open"], sla={"from": "open", "breach": "3d"}),
		step("late", parent_id="good", branch="sla_breach"),
	)
	kinds = {**KINDS, "opens": replace(KINDS["wait"], name="opens", document="Issue")}
	found = [(p.path, p.code) for p in validate_definition(raw, kinds)]
	assert found == [
		("steps[7].sla.breach", "bad_value"),
		("steps[4].sla.from", "unreachable"),
		("steps[5].sla.from", "bad_value"),
		("steps[6].sla.from", "unknown_dependency"),
	]


def of_branch(parent_sla, *more):
	raw = flow(step("a", sla=parent_sla), step("b", parent_id="a", branch="sla_breach"), *more)
	return [(p.path, p.code) for p in validate_definition(raw, KINDS)]


def test_only_what_can_be_late_has_steps_for_it():
	assert of_branch({"breach": "3d"}) == []
	assert of_branch({"warn": "3d"}) == [("steps[1].branch", "unknown_branch")]
	assert of_branch(None) == [("steps[1].branch", "unknown_branch")]


def test_steps_for_lateness_go_together_with_any_other_branch():
	assert of_branch({"breach": "3d"}, step("c", parent_id="a"), step("d", depends_on=["b", "c"])) == []
	joined = flow(
		step("a", "branch", sla={"breach": "3d"}),
		step("b", parent_id="a", branch="sla_breach"),
		step("c", parent_id="a", branch="yes", depends_on=["b"]),
	)
	assert validate_definition(joined, KINDS) == []


def test_what_waits_for_the_steps_for_its_own_lateness_is_a_circle():
	raw = flow(
		step("a", depends_on=["b"], sla={"breach": "3d"}), step("b", parent_id="a", branch="sla_breach")
	)
	assert [p.code for p in validate_definition(raw, KINDS)] == ["cycle"]


def test_the_result_of_a_step_that_is_late_is_not_there_to_be_read():
	payload = {"url": "https://example.com/{{steps.a.result}}"}
	raw = flow(
		step("a", sla={"breach": "3d"}),
		step("b", "call", parent_id="a", branch="sla_breach", payload=payload),
		step("c", "call", parent_id="a", payload=payload),
		step("d", "call", parent_id="a", branch="sla_breach", depends_on=["a"], payload=payload),
	)
	found = [(p.step, p.code) for p in validate_definition(raw, KINDS)]
	assert found == [("b", "unknown_variable")]
