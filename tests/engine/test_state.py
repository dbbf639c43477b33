"""States: every move, what is stored and what comes back."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flow_engine.engine.errors import IllegalMove, StateUnreadable
from flow_engine.engine.state import (
	INLINE_RESULT_BYTES,
	MAX_RESULT_BYTES,
	Handled,
	SkipReason,
	StepState,
	StepStatus,
	dump_state,
	in_log,
	inline_result,
	limit_result,
	load_state,
	parse_utc,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=timezone.utc)

# From each state: what it may become. Everything else is refused.
MOVES = {
	"pending": "waiting scheduled running done failed skipped cancelled",
	"waiting": "scheduled running done failed skipped cancelled",
	"scheduled": "waiting scheduled running done failed skipped cancelled",
	"running": "scheduled done failed skipped cancelled",
	"failed": "pending done skipped cancelled",
	"done": "",
	"skipped": "",
	"cancelled": "",
}


@pytest.mark.parametrize("before", list(StepStatus))
@pytest.mark.parametrize("after", list(StepStatus))
def test_a_step_moves_only_as_the_table_allows(before, after):
	state = StepState(before, trigger_at=NOW)
	if after in MOVES[before].split():
		assert state.move(after).status is after
	else:
		with pytest.raises(IllegalMove):
			state.move(after)


def test_a_move_makes_a_new_record_and_leaves_the_old_one():
	state = StepState()
	assert state.move(StepStatus.DONE, completed_at=NOW).completed_at == NOW
	assert state == StepState()


def test_states_are_their_own_text():
	assert f"{StepStatus.DONE}" == "done"
	assert json.dumps({"s": Handled.CONTINUE}) == '{"s": "continue"}'


# --- stored and read back -----------------------------------------------------

STATES = {
	"waits": StepState(StepStatus.WAITING, ready_at=NOW, trigger_at=NOW, purpose="timeout"),
	"asked": StepState(StepStatus.WAITING, ready_at=NOW),
	"later": StepState(StepStatus.SCHEDULED, trigger_at=NOW + timedelta(days=400), purpose="delay"),
	"again": StepState(
		StepStatus.SCHEDULED,
		trigger_at=NOW,
		purpose="retry",
		attempts=3,
		started_at=NOW,
		error={"code": "x", "message": "é"},
	),
	"calls": StepState(StepStatus.RUNNING, attempts=1, started_at=NOW),
	"done": StepState(
		StepStatus.DONE, attempts=1, completed_at=NOW, result={"branch": "yes", "read": {"a": None}}
	),
	"empty": StepState(StepStatus.DONE, attempts=1, completed_at=NOW, result={}),
	"failed": StepState(
		StepStatus.FAILED,
		attempts=2,
		completed_at=NOW,
		error={"code": "c", "message": "m"},
		handled=Handled.TIMEOUT,
	),
	"skipped": StepState(StepStatus.SKIPPED, reason=SkipReason.NOT_TAKEN, completed_at=NOW),
	"cancelled": StepState(StepStatus.CANCELLED, completed_at=NOW),
	"early": StepState(StepStatus.PENDING, input={"a": [1]}, input_at=NOW),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_comes_back_as_it_was_stored(name):
	stored = json.loads(json.dumps(dump_state({name: STATES[name]})))
	assert load_state(stored) == {name: STATES[name]}


@pytest.mark.parametrize("value", [{}, [], 0, False, "", None, {"a": None}, "text", 1.5])
def test_a_posted_value_is_kept_as_it_was_posted_also_when_it_is_empty(value):
	state = StepState(StepStatus.PENDING, input=value, input_at=NOW)
	assert load_state(json.loads(json.dumps(dump_state({"s": state}))))["s"] == state


def test_steps_nothing_happened_to_and_derived_readiness_are_not_stored():
	assert dump_state({"a": StepState(), "b": StepState(ready_at=NOW)}) == {}
	kept = dump_state({"e": StepState(ready_at=NOW, input=1, input_at=NOW)})
	assert "ready_at" not in kept["e"]


json_values = st.recursive(
	st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
	lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
	max_leaves=8,
)
times = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(timezone.utc))


@given(
	st.sampled_from(list(StepStatus)),
	st.tuples(times, times, times),
	st.integers(0, 99),
	json_values,
	st.dictionaries(st.text(max_size=8), json_values, max_size=4),
)
def test_any_state_survives_storage(status, when, attempts, posted, result):
	state = StepState(
		status,
		trigger_at=when[0],
		started_at=when[1],
		completed_at=when[2],
		attempts=attempts or 1,
		input=posted,
		result=inline_result(result),
	)
	assert load_state(json.loads(json.dumps(dump_state({"s": state})))) == {"s": state}


@pytest.mark.parametrize(
	"stored",
	[
		None,
		[],
		"text",
		7,
		{"s": None},
		{"s": []},
		{"s": "done"},
		{"s": {"status": "sleeping"}},
		{"s": {"status": 3}},
		{"s": {"status": "done", "handled": "maybe"}},
		{"s": {"status": "skipped", "reason": "mood"}},
		{"s": {"status": "done", "completed_at": "yesterday"}},
		{"s": {"status": "done", "completed_at": 5}},
		{"s": {"status": "done", "attempts": "many"}},
		{"s": {"status": "failed", "error": "boom"}},
		{"s": {"status": "scheduled"}},
	],
)
def test_a_state_that_cannot_be_read_is_refused_and_never_guessed(stored):
	with pytest.raises(StateUnreadable):
		load_state(stored)


def test_keys_of_a_later_release_are_left_alone():
	assert load_state({"s": {"status": "done", "mood": "fine"}}) == {"s": StepState(StepStatus.DONE)}


@pytest.mark.parametrize(
	("text", "expected"),
	[
		("2026-03-01T12:00:00+00:00", datetime(2026, 3, 1, 12, tzinfo=timezone.utc)),
		("2026-03-01T12:00:00.000001+02:00", datetime(2026, 3, 1, 10, 0, 0, 1, tzinfo=timezone.utc)),
		("2026-03-01T12:00:00", datetime(2026, 3, 1, 12, tzinfo=timezone.utc)),
	],
)
def test_stored_times_are_utc(text, expected):
	assert parse_utc(text) == expected


# --- results ------------------------------------------------------------------


def test_a_small_result_stays_whole_and_a_large_one_leaves_what_planning_needs():
	small, large = {"a": "x" * (INLINE_RESULT_BYTES - 10)}, {"branch": "yes", "a": "x" * INLINE_RESULT_BYTES}
	assert inline_result(small) == small and not in_log(small)
	kept = inline_result(large)
	assert in_log(kept) and kept["branch"] == "yes" and "a" not in kept


def test_a_result_is_cut_at_its_limit_with_a_marker_and_keeps_its_document():
	fits = {"a": "x" * (MAX_RESULT_BYTES - 20)}
	assert limit_result(fits) == fits
	cut = limit_result({"doctype": "Issue", "name": "I-1", "body": "é" * MAX_RESULT_BYTES})
	assert cut["$cut"] is True
	assert (cut["doctype"], cut["name"]) == ("Issue", "I-1")
	assert len(json.dumps(cut, ensure_ascii=False).encode()) <= MAX_RESULT_BYTES


def _nested(depth):
	value = []
	for _ in range(depth):
		value = [value]
	return value


@pytest.mark.parametrize(
	"result",
	[
		{"n": float("nan"), "i": [float("-inf")]},
		{"half": "\ud83d"},
		{"when": NOW, "set": {1}},
		{("a", "b"): 1},
		{"deep": _nested(5_000)},
		{"bytes": b"\xff"},
	],
)
def test_whatever_a_handler_returns_becomes_json_that_a_database_takes(result):
	kept = limit_result(result)
	assert json.loads(json.dumps(kept, allow_nan=False)) == kept
	json.dumps(kept, ensure_ascii=False).encode("utf-8")
