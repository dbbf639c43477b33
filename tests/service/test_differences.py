"""Two versions beside each other, in words."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow_engine.engine.kinds import register
from flow_engine.service import differences as module
from flow_engine.service.differences import SENTENCES, describe
from flow_engine.service.events import BUSINESS_EVENTS
from flow_engine.service.language import speaker
from flow_engine.testing.builders import flow, step

MAIL = {"channel": "email", "to": "{{doc.email}}", "subject": "Hello", "body": "Hi"}
BEFORE = flow(
	step("s1", "condition", label="Is it big?", payload={"field": "doc.total", "op": ">", "value": 5}),
	step("s2", "notify", label="Tell them", parent="s1", branch="yes", payload=MAIL),
	step("s3", label="Wait a week", when=("after_delay", {"delay_days": 7})),
	step("s4", "issue", label="Open it", after=["s3"], payload={"subject": "x"}),
)
AFTER = flow(
	step("s1", "condition", label="Is it big?", payload={"field": "doc.total", "op": ">", "value": 5}),
	step("s4", "issue", label="Open it", after=["s2"], payload={"subject": "x"}, on_error="continue"),
	step("s2", "notify", label="Tell them", parent="s1", branch="no", payload={**MAIL, "subject": "Salut"}),
	step("s5", label="New", parent="s1", branch="yes"),
	variables={"days": 3},
)


def lines(language="en"):
	return describe(BEFORE, AFTER, register(), BUSINESS_EVENTS, speaker(language))["lines"]


def test_a_difference_is_a_line_with_labels_instead_of_ids():
	assert lines() == [
		"Variable “days”: added",
		"Step “Open it”: Waits for is now “Tell them” (was “Wait a week”)",
		"Step “Open it”: When it has failed for good is now Go on as if it were done "
		"(was Stop and wait for somebody)",
		"Step “Tell them”: moved, from under “Is it big?”, branch “Yes” to under “Is it big?”, branch “No”",
		"Step “Tell them”: Subject is now “Salut” (was “Hello”)",
		"Step “Wait a week”: removed",
		"Step “New”: added",
	]


def test_what_a_flow_says_beside_its_steps_is_told_by_the_editors_words():
	after = {
		**BEFORE,
		"starters": {"roles": ["Sales User"]},
		"compensate": "on_failure",
		"sla": {"breach": "3d"},
	}
	before = {**BEFORE, "starters": {"users": ["ann@example.com"]}, "sla": {"breach": "2d"}}
	assert describe(before, after, register(), BUSINESS_EVENTS)["lines"] == [
		"Who may start it by hand: Only these people is now nothing (was “ann@example.com”)",
		"Who may start it by hand: Only these roles is now “Sales User” (was nothing)",
		"By when a run has to be done: Late after is now “3d” (was “2d”)",
		"When a run ends before its time: added",
	]


def test_the_same_in_french():
	said = lines("fr")
	assert said[-1] == "Étape « New » : ajouté(e)"
	assert "sous « Is it big? », branche « Oui »" in said[3]
	assert not [line for line in said if re.search(r"\b(is now|moved|added|removed)\b", line)]


def test_every_sentence_and_label_has_a_french_text():
	say = speaker("fr")
	texts = {*SENTENCES, *module._FLOW_LABELS.values(), *module._SETTING_LABELS.values()}
	texts |= {*module._STEP_LABELS.values(), *module._TRIGGER_LABELS.values(), *module._OWN_LABELS.values()}
	same_in_french = {"{0}", "Note", "Condition"}
	assert {text for text in texts if say(text) == text} <= same_in_french


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_is_the_same_is_said_to_be(language):
	told = describe(BEFORE, BEFORE, register(), BUSINESS_EVENTS, speaker(language))
	assert told["changes"] == []
	assert told["lines"] == [speaker(language)("Nothing differs.")]


def test_a_long_value_is_cut_and_a_brace_is_no_place():
	other = flow(*BEFORE["steps"][:3], step("s4", "issue", label="{0} {x}", payload={"subject": "y" * 5_000}))
	said = describe(BEFORE, other, register(), BUSINESS_EVENTS)["lines"]
	assert any("{0} {x}" in line for line in said)
	assert max(map(len, said)) < 600


# --- whatever is stored -------------------------------------------------------------------------------------

names = st.sampled_from(
	["id", "kind", "label", "trigger", "payload", "depends_on", "parent_id", "branch", "a"]
)
anything = st.recursive(
	st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8)),
	lambda inner: (
		st.lists(inner, max_size=4) | st.dictionaries(names | st.text(max_size=4), inner, max_size=5)
	),
	max_leaves=20,
)
half_made = st.fixed_dictionaries(
	{},
	optional={
		"trigger": anything,
		"variables": anything,
		"payload_schema": anything,
		"steps": st.lists(st.one_of(anything, st.dictionaries(names, anything)), max_size=5),
	},
)


@settings(deadline=None)
@given(half_made, half_made)
def test_anything_that_may_be_stored_is_compared(before, after):
	told = describe(before, after, register(), BUSINESS_EVENTS, speaker("fr"))
	assert all(isinstance(line, str) and line for line in told["lines"])
	assert describe(after, after, register(), BUSINESS_EVENTS)["changes"] == []
	# Each difference has a way back: what was added one way was removed the other.
	back = describe(after, before, register(), BUSINESS_EVENTS)
	assert back["counts"]["added"] == told["counts"]["removed"]
	assert {c["name"] for c in back["changes"] if not c["moved"]} >= {
		c["name"] for c in told["changes"] if c["how"] in ("added", "removed")
	}
