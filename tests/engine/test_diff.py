"""What counts as a difference between two definitions."""

from random import Random

import pytest

from flow_engine.engine.definition import dump_definition, parse_definition
from flow_engine.engine.diff import compare, merged, steps_of
from flow_engine.testing.builders import flow, step
from flow_engine.testing.generated_flows import generate

BASE = flow(
	step("a", label="First", payload={"subject": "Hello", "more": {"x": 1}}),
	step("b", after=["a"]),
	step("c", after=["b"]),
	variables={"n": 1},
)


def with_step(step_id, **changes):
	steps = [{**one, **changes} if one["id"] == step_id else one for one in BASE["steps"]]
	return {**BASE, "steps": steps}


def in_order(*ids):
	found = {one["id"]: one for one in BASE["steps"]}
	return {**BASE, "steps": [found[one] for one in ids]}


def told(before, after):
	return [
		(change.what.value, change.how.value, change.name, [".".join(f.path) for f in change.fields])
		for change in compare(before, after)
	]


ROWS = [
	("nothing", BASE, []),
	("another label", with_step("a", label="Other"), [("step", "changed", "a", ["label"])]),
	(
		"a value deep in a payload",
		with_step("a", payload={"subject": "Hello", "more": {"x": 2}}),
		[("step", "changed", "a", ["payload.more.x"])],
	),
	(
		"all of a payload",
		with_step("a", payload={}),
		[("step", "changed", "a", ["payload.subject", "payload.more.x"])],
	),
	("what an absent key means", with_step("a", on_error="fail", note="", retry={}, disabled=False), []),
	(
		"no number but yes",
		with_step("a", payload={"subject": "Hello", "more": {"x": True}}),
		[("step", "changed", "a", ["payload.more.x"])],
	),
	("another parent", with_step("c", parent_id="a"), [("step", "moved", "c", [])]),
	(
		"another parent and label",
		with_step("c", parent_id="a", label="C"),
		[("step", "changed", "c", ["label"])],
	),
	("the last is the first", in_order("c", "a", "b"), [("step", "moved", "c", [])]),
	("one is gone", in_order("a", "c"), [("step", "removed", "b", [])]),
	(
		"one is new",
		{**BASE, "steps": [step("n"), *BASE["steps"]]},
		[("step", "added", "n", [])],
	),
	("another variable", {**BASE, "variables": {"n": 2}}, [("variable", "changed", "n", [""])]),
	("an empty variable", {**BASE, "variables": {"n": 1, "m": ""}}, [("variable", "added", "m", [])]),
	("no variable", {**BASE, "variables": {}}, [("variable", "removed", "n", [""])]),
	(
		"a trigger",
		{**BASE, "trigger": {"event": "manual", "condition": {"field": "doc.x", "op": "empty"}}},
		[("trigger", "changed", "", ["condition"])],
	),
	(
		"a payload schema",
		{**BASE, "payload_schema": {"type": "object"}},
		[("flow", "added", "payload_schema", ["type"])],
	),
]


@pytest.mark.parametrize(("after", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_differs(after, expected):
	assert told(BASE, after) == expected


def test_the_fewest_steps_have_moved():
	ids = [f"s{n}" for n in range(9)]
	before = flow(*(step(one) for one in ids))
	after = flow(*(step(one) for one in [*ids[3:], *ids[:3]]))
	assert [change.name for change in compare(before, after)] == ids[:3]


def test_half_made_drafts_are_compared():
	broken = {"steps": [None, {"kind": "wait"}, {"id": "a"}, {"id": "a", "label": "again"}], "trigger": 3}
	assert ("step", "removed", "b", []) in told(BASE, broken)
	assert told(broken, broken) == []
	assert told({}, {}) == []


def test_removed_steps_are_drawn_where_they_stood():
	drawn = merged(BASE, in_order("c", "a"))
	assert [one["id"] for one in drawn["steps"]] == ["c", "a", "b"]
	drawn = merged(BASE, in_order("b", "c"))
	assert [one["id"] for one in drawn["steps"]] == ["a", "b", "c"]


def edited(definition, random):
	"""A few edits, and what a comparison must say about each step: `{id: (how, moved)}`."""
	steps = [dict(one) for one in definition["steps"]]
	expected = {}
	for number in range(random.randint(0, 4)):
		match random.choice(["add", "remove", "label", "branch"]):
			case "add":
				steps.insert(random.randint(0, len(steps)), step(f"new{number}"))
				expected[f"new{number}"] = "added"
			case "remove":
				gone = random.choice(steps)
				steps.remove(gone)
				if expected.pop(gone["id"], None) != "added":
					expected[gone["id"]] = "removed"
			case "label":
				one = random.choice(steps)
				one["label"] += "!"
				if expected.get(one["id"]) != "added":
					expected[one["id"]] = "changed"
			case "branch":
				one = random.choice(steps)
				one["branch"] = f"b{number}"
				if expected.get(one["id"]) not in ("added", "changed"):
					expected[one["id"]] = "moved"
	return {**definition, "steps": steps}, expected


@pytest.mark.parametrize("seed", range(120))
def test_every_edit_is_told_and_nothing_else(seed):
	random = Random(seed)
	before = generate(seed, "https://example.com", delay={"delay_days": 1}, size=12)
	after, expected = edited(before, random)
	found = {change.name: change.how.value for change in compare(before, after)}
	assert found == expected
	# The picture of both has every step once, and each hangs on one that is there.
	drawn = merged(before, after)["steps"]
	ids = {one["id"] for one in drawn}
	assert len(ids) == len(drawn) == len(steps_of(before).keys() | steps_of(after).keys())


@pytest.mark.parametrize("seed", range(40))
def test_writing_a_definition_out_again_changes_nothing(seed):
	before = generate(seed, "https://example.com", delay={"delay_days": 1}, size=12)
	assert compare(before, dump_definition(parse_definition(before))) == []


def test_two_thousand_steps_are_compared_in_one_go():
	steps = [step(f"s{n}", after=[f"s{n - 1}"] if n else []) for n in range(2_000)]
	assert {change.name for change in compare(flow(*steps), flow(*steps[1:], steps[0]))} == {"s0"}
