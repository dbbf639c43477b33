"""Definitions: read, written, upgraded; the graph that planning uses."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flow_engine.engine import definition as definitions
from flow_engine.engine.definition import (
	OnError,
	TriggerType,
	dump_definition,
	parse_definition,
	references,
	upgrade_definition,
)
from flow_engine.engine.errors import InvalidDefinition
from flow_engine.testing.builders import flow, parsed, step

FULL = {
	"version": 1,
	"trigger": {
		"event": "doc_event",
		"condition": {"field": "doc.status", "op": "==", "value": "Open"},
		"doctype": "Issue",
		"doc_event": "field_change",
		"field": "status",
		"from": "Open",
		"to": "Closed",
		"on_import": True,
	},
	"variables": {"group": "Installers", "n": 3},
	"steps": [
		step(
			"a",
			"webhook",
			payload={"url": "https://example.com/{{doc.name}}"},
			retry={"max_attempts": 3},
			timeout_seconds=12,
			on_error="branch",
			note="why",
		),
		step("b", parent="a", branch="error", when=("after_delay", {"delay_days": "{{variables.n}}"})),
		step(
			"c", after=["a", "b"], when=("manual", {"timeout_hours": 1, "role": "Sales User"}), disabled=True
		),
	],
}


def test_a_definition_comes_back_as_it_was_stored():
	assert dump_definition(parse_definition(FULL)) == FULL
	assert dump_definition(parse_definition(json.dumps(FULL))) == FULL


def test_reading_what_was_written_gives_the_same_definition():
	definition = parse_definition(FULL)
	assert parse_definition(dump_definition(definition)) == definition


def test_what_is_left_out_has_its_default():
	one = parse_definition({"steps": [{"id": "a", "kind": "wait"}]}).step("a")
	assert (one.label, one.parent_id, one.branch, one.depends_on) == ("a", None, None, ())
	assert (one.trigger.type, one.on_error, one.disabled) == (
		TriggerType.ON_PREV_COMPLETE,
		OnError.FAIL,
		False,
	)
	assert one.retry is None and one.timeout_seconds is None


def test_a_dependency_named_twice_is_one():
	assert parsed(step("a"), step("b", after=["a", "a"])).step("b").depends_on == ("a",)


def test_the_graph_is_read_in_list_order():
	definition = parsed(
		step("r"), step("y", parent="r"), step("x", parent="r", after=["y"]), step("z", after=["y"])
	)
	assert definition.children == {"r": ("y", "x")}
	assert definition.dependents == {"y": ("x", "z")}
	assert "x" in definition and "nobody" not in definition
	assert definition.has_branch("r", "error") is False


@pytest.mark.parametrize(
	"raw",
	[
		"",
		"{",
		"[]",
		"null",
		"7",
		[],
		None,
		{"version": 2},
		{"version": 0},
		{"version": "1"},
		{"version": True},
		{"version": 1.0},
		{"steps": [{}]},
		{"steps": ["a"]},
		{"steps": 5},
		{"steps": [{"id": "a", "kind": "wait", "trigger": {"type": "whenever"}}]},
		{"steps": [{"id": "a", "kind": "wait", "on_error": "panic"}]},
		{"trigger": "x"},
		"[" * 100_000,
	],
)
def test_what_cannot_be_read_is_refused_with_a_problem(raw):
	with pytest.raises(InvalidDefinition) as refused:
		parse_definition(raw)
	assert refused.value.problems


def test_upgrades_run_in_order_from_the_version_that_was_stored(monkeypatch):
	def named(version):
		return lambda data: {**data, "version": version, "path": [*data.get("path", []), version]}

	monkeypatch.setattr(definitions, "CURRENT_VERSION", 3)
	monkeypatch.setattr(definitions, "UPGRADES", (named(2), named(3)))
	assert upgrade_definition({"version": 1})["path"] == [2, 3]
	assert upgrade_definition({"version": 2})["path"] == [3]
	assert "path" not in upgrade_definition({"version": 3})


def test_there_is_an_upgrade_for_every_older_version():
	assert len(definitions.UPGRADES) == definitions.CURRENT_VERSION - 1


@pytest.mark.parametrize(
	("payload", "roots"),
	[
		({"subject": "plain"}, set()),
		({"subject": "{{doc.name}} {{customer.x|upper}}"}, {"doc", "customer"}),
		({"fields_json": {"a": ["{{steps.s1.result.name}}"]}}, {"steps.s1"}),
		({"x": "{{steps.a-b_.result}}"}, {"steps.a-b_"}),
		({"x": "{{steps.a-.result}}"}, {"steps.a-"}),
		({"logic": {"==": [{"var": "doc.status"}, 1]}}, {"doc"}),
		({"field": "steps.x.status"}, {"steps.x"}),
		({"logic": {"var": {"cat": ["steps.", "x"]}}}, {"steps"}),
		({"x": "{{input}} {{links.y}} {{now}}"}, {"input", "links", "now"}),
		({"x": "documents and doctors"}, set()),
	],
)
def test_what_a_step_may_read_is_never_underestimated(payload, roots):
	assert roots <= references(parsed(step("s", payload=payload)).step("s"))


def test_a_trigger_may_read_as_well():
	one = parsed(step("s", when=("on_date", {"at": "{{steps.quote.result.until}}"}))).step("s")
	assert "steps.quote" in references(one)


names = st.text("abcXYZ019_-", min_size=1, max_size=64)


@given(names)
def test_any_step_id_is_found_in_what_a_step_reads(step_id):
	one = parsed(step("s", payload={"x": f"{{{{steps.{step_id}.result.name}}}}"})).step("s")
	assert f"steps.{step_id}" in references(one)


@given(st.lists(names, min_size=1, max_size=8, unique=True), st.data())
def test_any_tree_survives_being_stored(ids, data):
	steps = []
	for place, step_id in enumerate(ids):
		earlier = ids[:place]
		steps.append(
			step(
				step_id,
				parent=data.draw(st.sampled_from([None, *earlier])),
				after=data.draw(st.lists(st.sampled_from(earlier), unique=True)) if earlier else [],
				on_error=data.draw(st.sampled_from(["continue", "branch"])),
			)
		)
	assert dump_definition(parse_definition(flow(*steps)))["steps"] == steps
