"""What can run now, rule by rule."""

from dataclasses import replace
from datetime import timedelta

import pytest
from step_states import (
	BY_HAND,
	CANCELLED,
	CONTINUED,
	DISABLED,
	DONE,
	INTO_ERROR,
	INTO_TIMEOUT,
	NOT_TAKEN,
	START,
	UNHANDLED,
	active,
	done,
)

from flow_engine.engine.planning import Frontier, plan_next
from flow_engine.engine.state import Handled, RunStatus, SkipReason, StepState, StepStatus, handling
from flow_engine.testing.builders import parsed, step

# --- settled, on, off -----------------------------------------------------------------------------


@pytest.mark.parametrize(
	("state", "settled", "on"),
	[
		(StepState(), False, None),
		(active(StepStatus.WAITING), False, None),
		(active(StepStatus.SCHEDULED), False, None),
		(active(StepStatus.RUNNING), False, None),
		(CANCELLED, False, None),
		(UNHANDLED, False, None),
		(DONE, True, True),
		(CONTINUED, True, True),
		(DISABLED, True, True),
		(NOT_TAKEN, True, False),
		(BY_HAND, True, False),
		(INTO_ERROR, True, False),
		(INTO_TIMEOUT, True, False),
	],
)
def test_a_step_is_settled_on_or_off_as_its_state_says(state, settled, on):
	assert state.settled is settled
	if settled:
		assert state.on is on


# --- admission by the parent ----------------------------------------------------------------------

READY, WAITS, OFF, PASSED = "ready", "pending", SkipReason.NOT_TAKEN, SkipReason.DISABLED


def fate(plan_states, definition, step_id):
	"""What planning makes of a pending step: READY, WAITS, or the reason it was skipped for."""
	frontier = Frontier(definition, dict(plan_states), START)
	if step_id in frontier.ready:
		return READY
	state = frontier.state(step_id)
	return state.reason if state.status is StepStatus.SKIPPED else WAITS


@pytest.mark.parametrize(
	("parent", "branch", "expected"),
	[
		(done(), None, READY),
		(done(), "yes", OFF),
		(done("yes"), "yes", READY),
		(done("yes"), "no", OFF),
		(done("yes"), None, READY),
		(done(), "error", OFF),
		(done(), "timeout", OFF),
		(CONTINUED, None, READY),
		(CONTINUED, "yes", OFF),
		(CONTINUED, "error", OFF),
		(CONTINUED, "timeout", OFF),
		(INTO_ERROR, "error", READY),
		(INTO_ERROR, "timeout", OFF),
		(INTO_ERROR, None, OFF),
		(INTO_ERROR, "yes", OFF),
		(INTO_TIMEOUT, "timeout", READY),
		(INTO_TIMEOUT, "error", OFF),
		(INTO_TIMEOUT, None, OFF),
		(UNHANDLED, None, WAITS),
		(UNHANDLED, "error", WAITS),
		(NOT_TAKEN, None, OFF),
		(BY_HAND, None, OFF),
		(DISABLED, None, PASSED),
		(DISABLED, "yes", PASSED),
		(active(StepStatus.WAITING), None, WAITS),
		(active(StepStatus.SCHEDULED), None, WAITS),
		(active(StepStatus.RUNNING), None, WAITS),
		(CANCELLED, None, WAITS),
	],
)
def test_a_parent_admits_its_child_as_the_table_says(parent, branch, expected):
	definition = parsed(step("p"), step("c", parent="p", branch=branch))
	assert fate({"p": parent}, definition, "c") == expected


def test_a_child_that_is_not_admitted_is_skipped_at_once_with_all_its_descendants():
	definition = parsed(
		step("p"),
		step("slow"),
		step("c", parent="p", branch="no", after=["slow"]),
		step("d", parent="c"),
		step("e", parent="d", after=["slow"]),
	)
	plan = plan_next(definition, {"p": done("yes"), "slow": active(StepStatus.WAITING)}, START)
	assert set(plan.skipped) == {"c", "d", "e"}
	assert plan.status is RunStatus.RUNNING


# --- readiness by dependencies --------------------------------------------------------------------


@pytest.mark.parametrize(
	("dependencies", "expected"),
	[
		([DONE, DONE], READY),
		([DONE, NOT_TAKEN], READY),
		([NOT_TAKEN, CONTINUED], READY),
		([DISABLED, NOT_TAKEN], READY),
		([NOT_TAKEN, NOT_TAKEN], OFF),
		([INTO_ERROR, BY_HAND], OFF),
		([INTO_TIMEOUT, INTO_ERROR], OFF),
		([DONE, StepState()], WAITS),
		([NOT_TAKEN, active(StepStatus.SCHEDULED)], WAITS),
		([DONE, UNHANDLED], WAITS),
		([NOT_TAKEN, UNHANDLED], WAITS),
		([DONE, CANCELLED], WAITS),
	],
)
def test_a_join_runs_when_all_is_settled_and_something_was_on(dependencies, expected):
	# The dependencies have a gate of their own, so that a pending one stays pending.
	definition = parsed(
		step("gate"), step("a", after=["gate"]), step("b", after=["gate"]), step("j", after="ab")
	)
	states = {"gate": active(StepStatus.WAITING), "a": dependencies[0], "b": dependencies[1]}
	assert fate(states, definition, "j") == expected


def test_a_child_waits_for_its_parent_whatever_its_dependencies_say():
	definition = parsed(step("p"), step("d"), step("c", parent="p", after=["d"]))
	assert fate({"p": active(StepStatus.RUNNING), "d": NOT_TAKEN}, definition, "c") == WAITS


def test_a_join_after_branches_runs_once_those_taken_are_settled():
	definition = parsed(
		step("c"),
		step("yes", parent="c", branch="yes"),
		step("no", parent="c", branch="no"),
		step("join", after=["yes", "no"]),
	)
	frontier = Frontier(definition, {"c": done("yes")}, START)
	assert list(frontier.ready) == ["yes"]
	frontier.ready.clear()
	frontier.settle("yes", DONE)
	assert list(frontier.ready) == ["join"]


def test_list_order_decides_the_order_within_a_wave_and_nothing_else():
	forward = parsed(step("a"), step("b"), step("c", after=["a"]))
	backward = parsed(step("c", after=["a"]), step("b"), step("a"))
	assert plan_next(forward, {}).ready == ("a", "b")
	assert plan_next(backward, {}).ready == ("b", "a")


def test_a_step_is_ready_from_the_moment_the_last_thing_it_needed_was_settled():
	late = START + timedelta(hours=3)
	definition = parsed(
		step("a"), step("b"), step("p"), step("c", parent="p", after=["a", "b"]), step("root")
	)
	states = {"a": DONE, "b": replace(DONE, completed_at=late), "p": DONE}
	frontier = Frontier(definition, states, START - timedelta(hours=1))
	assert frontier.state("c").ready_at == late
	assert frontier.state("root").ready_at == START - timedelta(hours=1)


def test_the_time_of_a_branch_not_taken_is_its_parents_whenever_it_is_worked_out():
	late = START + timedelta(hours=3)
	definition = parsed(
		step("p"), step("other"), step("slow"), step("no", parent="p", branch="no", after=["slow"]),
		step("join", after=["no", "other"]),
	)  # fmt: skip
	before = Frontier(definition, {"p": done("yes"), "other": DONE}, START)
	after = Frontier(
		definition, {"p": done("yes"), "other": DONE, "slow": replace(DONE, completed_at=late)}, START
	)
	assert before.state("join").ready_at == after.state("join").ready_at == START


# --- disabled -------------------------------------------------------------------------------------


def test_a_disabled_step_is_passed_through_when_its_turn_comes_and_its_descendants_with_it():
	definition = parsed(
		step("first"),
		step("off", after=["first"], disabled=True),
		step("child", parent="off"),
		step("on_branch", parent="off", branch="yes"),
		step("grandchild", parent="child"),
		step("next", after=["off"]),
		step("after_child", after=["grandchild"]),
	)
	assert plan_next(definition, {}, START).skipped == ()
	plan = plan_next(definition, {"first": DONE}, START)
	assert set(plan.skipped) == {"off", "child", "on_branch", "grandchild"}
	assert set(plan.ready) == {"next", "after_child"}


def test_a_disabled_step_that_would_not_have_run_is_not_taken_and_passes_nothing_on():
	definition = parsed(
		step("c"), step("off", parent="c", branch="no", disabled=True), step("n", after=["off"])
	)
	frontier = Frontier(definition, {"c": done("yes")}, START)
	assert frontier.state("off").reason is SkipReason.NOT_TAKEN
	assert frontier.state("n").reason is SkipReason.NOT_TAKEN


# --- failure and the run's status -----------------------------------------------------------------


@pytest.mark.parametrize(
	("on_error", "branches", "code", "expected"),
	[
		("fail", [], "boom", None),
		("fail", ["error"], "boom", None),
		("continue", [], "boom", Handled.CONTINUE),
		("continue", ["error"], "boom", Handled.CONTINUE),
		("branch", ["error"], "boom", Handled.ERROR),
		("branch", [], "boom", None),
		("branch", ["timeout"], "boom", None),
		("fail", ["timeout"], "timed_out", Handled.TIMEOUT),
		("continue", ["timeout"], "timed_out", Handled.TIMEOUT),
		("branch", ["timeout", "error"], "timed_out", Handled.TIMEOUT),
		("branch", ["error"], "timed_out", Handled.ERROR),
		("continue", [], "timed_out", Handled.CONTINUE),
		("fail", [], "timed_out", None),
	],
)
def test_a_failure_is_handled_as_the_step_says(on_error, branches, code, expected):
	children = [step(f"c{i}", parent="s", branch=branch) for i, branch in enumerate(branches)]
	assert handling(parsed(step("s", on_error=on_error), *children), "s", code) is expected


@pytest.mark.parametrize(
	("states", "expected", "failures"),
	[
		({}, RunStatus.RUNNING, 0),
		({"a": DONE, "b": DONE}, RunStatus.COMPLETED, 0),
		({"a": DONE, "b": CONTINUED}, RunStatus.COMPLETED, 0),
		({"a": NOT_TAKEN, "b": DISABLED}, RunStatus.COMPLETED, 0),
		({"a": UNHANDLED}, RunStatus.RUNNING, 1),
		({"a": UNHANDLED, "b": active(StepStatus.WAITING)}, RunStatus.RUNNING, 1),
		({"a": UNHANDLED, "b": active(StepStatus.SCHEDULED)}, RunStatus.RUNNING, 1),
		({"a": UNHANDLED, "b": active(StepStatus.RUNNING)}, RunStatus.RUNNING, 1),
		({"a": UNHANDLED, "b": DONE}, RunStatus.FAILED, 1),
		({"a": UNHANDLED, "b": UNHANDLED}, RunStatus.FAILED, 2),
	],
)
def test_the_runs_status_follows_from_its_steps(states, expected, failures):
	frontier = Frontier(parsed(step("a"), step("b")), dict(states), START)
	assert frontier.status() is expected
	assert frontier.failed_steps == failures


def test_what_needs_an_unhandled_failure_stays_pending_and_the_run_fails():
	definition = parsed(step("a"), step("b", after=["a"]), step("c", parent="b"))
	frontier = Frontier(definition, {"a": UNHANDLED}, START)
	assert [frontier.state(i).status for i in "bc"] == [StepStatus.PENDING] * 2
	assert frontier.status() is RunStatus.FAILED


def test_a_run_whose_steps_nothing_can_release_is_never_called_completed():
	definition = parsed(step("a"), step("b", after=["c"]), step("c", after=["b"]))
	assert plan_next(definition, {"a": DONE}).status is RunStatus.FAILED


def test_an_empty_flow_is_completed():
	assert plan_next(parsed(), {}).status is RunStatus.COMPLETED


def test_retrying_the_failure_reopens_the_run():
	definition = parsed(step("a"), step("b", after=["a"]))
	frontier = Frontier(definition, {"a": UNHANDLED}, START)
	frontier.put("a", StepState(StepStatus.SCHEDULED, trigger_at=START))
	assert (frontier.status(), frontier.failed_steps) == (RunStatus.RUNNING, 0)
	frontier.settle("a", DONE)
	assert list(frontier.ready) == ["b"]
