"""What can run now, rule by rule, and what holds for every flow there can be."""

import random
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow_engine.engine.definition import FlowDefinition, OnError, Step
from flow_engine.engine.planning import Frontier, plan_next
from flow_engine.engine.state import Handled, RunStatus, SkipReason, StepState, StepStatus, handling
from flow_engine.testing.builders import parsed, step

START = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
DONE = StepState(StepStatus.DONE, completed_at=START)
DISABLED = StepState(StepStatus.SKIPPED, reason=SkipReason.DISABLED, completed_at=START)
NOT_TAKEN = StepState(StepStatus.SKIPPED, reason=SkipReason.NOT_TAKEN, completed_at=START)
BY_HAND = StepState(StepStatus.SKIPPED, reason=SkipReason.OPERATOR, completed_at=START)
CANCELLED = StepState(StepStatus.CANCELLED, completed_at=START)


def done(branch=None):
	return replace(DONE, result={"branch": branch} if branch else {})


def failed(handled=None):
	return StepState(
		StepStatus.FAILED, handled=handled, error={"code": "boom", "message": ""}, completed_at=START
	)


def active(status):
	return StepState(status, trigger_at=START + timedelta(days=1))


UNHANDLED, CONTINUED = failed(), failed(Handled.CONTINUE)
INTO_ERROR, INTO_TIMEOUT = failed(Handled.ERROR), failed(Handled.TIMEOUT)


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


# --- every flow there can be ----------------------------------------------------------------------

ENDINGS = ("done", "yes", "no", "fail", "timeout")


@st.composite
def flows(draw, most=14):
	"""A forest with dependencies, branches, disabled steps and every on_error; edges point to earlier steps,
	so there is no cycle. With it, how each step ends."""
	size = draw(st.integers(1, most))
	steps, endings = [], {}
	for place in range(size):
		earlier = [s.id for s in steps]
		parent = draw(st.sampled_from([None, *earlier])) if earlier else None
		branch = draw(st.sampled_from([None, None, "yes", "no", "error", "timeout"])) if parent else None
		others = [e for e in earlier if e != parent]
		after = draw(st.lists(st.sampled_from(others), max_size=3, unique=True)) if others else []
		steps.append(
			Step(
				id=f"s{place}",
				kind="wait",
				parent_id=parent,
				branch=branch,
				depends_on=tuple(after),
				on_error=draw(st.sampled_from(list(OnError))),
				disabled=draw(st.integers(0, 7)) == 0,
			)
		)
		endings[f"s{place}"] = draw(st.sampled_from(ENDINGS))
	return FlowDefinition(steps=tuple(steps)), endings


def ending(definition, step_id, how, at):
	if how in ("fail", "timeout"):
		code = "timed_out" if how == "timeout" else "boom"
		return StepState(
			StepStatus.FAILED,
			error={"code": code, "message": ""},
			handled=handling(definition, step_id, code),
			completed_at=at,
		)
	return replace(done(None if how == "done" else how), completed_at=at)


def play(definition, endings, shuffle=None, check=None):
	"""Execute until nothing is ready; (final states, ids in the order they ran). Time stands still."""
	frontier = Frontier(definition, {}, START)
	ran = []
	while frontier.ready:
		if shuffle:
			frontier.ready.rotate(shuffle.randrange(len(frontier.ready)))
		step_id = frontier.ready.popleft()
		ran.append(step_id)
		frontier.settle(step_id, ending(definition, step_id, endings[step_id], START))
		if check:
			check(frontier, step_id)
	return frontier, ran


def outcome(frontier):
	return {
		s.id: (frontier.state(s.id).status, frontier.state(s.id).handled, frontier.state(s.id).reason)
		for s in frontier.definition.steps
	}


@given(flows())
def test_every_run_ends_and_runs_each_step_at_most_once(made):
	definition, endings = made
	frontier, ran = play(definition, endings)
	assert len(ran) == len(set(ran)) <= len(definition.steps)
	statuses = {state for state, _, _ in outcome(frontier).values()}
	if frontier.failed_steps:
		assert frontier.status() is RunStatus.FAILED
	else:
		assert frontier.status() is RunStatus.COMPLETED
		assert StepStatus.PENDING not in statuses


@given(flows())
def test_no_step_runs_before_all_it_depends_on_is_settled(made):
	definition, endings = made
	frontier = Frontier(definition, {}, START)
	while frontier.ready:
		step_id = frontier.ready.popleft()
		running = definition.step(step_id)
		needed = [frontier.state(i) for i in running.depends_on]
		assert all(state.settled for state in needed)
		assert not needed or any(state.on for state in needed)
		assert not running.disabled
		if running.parent_id:
			parent = frontier.state(running.parent_id)
			assert parent.settled and parent.status is not StepStatus.SKIPPED
			assert running.branch == parent.branch or (running.branch is None and parent.on)
		frontier.settle(step_id, ending(definition, step_id, endings[step_id], START))


@given(flows(), st.randoms(use_true_random=False))
def test_neither_list_order_nor_execution_order_changes_the_outcome(made, chance):
	definition, endings = made
	expected, ran = play(definition, endings)
	shuffled = list(definition.steps)
	chance.shuffle(shuffled)
	other, other_ran = play(FlowDefinition(steps=tuple(shuffled)), endings, shuffle=chance)
	assert outcome(other) == outcome(expected)
	assert set(other_ran) == set(ran)
	assert other.status() is expected.status()


def same(kept: Frontier, rebuilt: Frontier):
	assert set(kept.ready) == set(rebuilt.ready)
	for one in kept.definition.steps:
		assert kept.state(one.id) == rebuilt.state(one.id), one.id
	assert kept._unsettled_dependencies == rebuilt._unsettled_dependencies
	assert kept._on_dependencies == rebuilt._on_dependencies
	assert kept.failed_steps == rebuilt.failed_steps
	assert kept._count == rebuilt._count
	assert kept.status() is rebuilt.status()


@given(flows(), st.randoms(use_true_random=False))
def test_a_frontier_kept_up_to_date_equals_one_built_from_scratch_after_every_step(made, chance):
	definition, endings = made

	def check(frontier, _):
		same(frontier, Frontier(definition, dict(frontier.states), START))

	play(definition, endings, shuffle=chance, check=check)


@given(flows(), st.randoms(use_true_random=False))
def test_skips_need_not_be_stored_they_follow_from_what_ran(made, chance):
	"""The log has executed steps only: what it leaves out is derived again, times included."""
	definition, endings = made
	clock = [START]
	frontier = Frontier(definition, {}, START)
	ran = {}
	while frontier.ready:
		frontier.ready.rotate(chance.randrange(len(frontier.ready)))
		step_id = frontier.ready.popleft()
		clock[0] += timedelta(minutes=1)
		ran[step_id] = ending(definition, step_id, endings[step_id], clock[0])
		frontier.settle(step_id, ran[step_id])
		again = Frontier(definition, dict(ran), START)
		assert outcome(again) == outcome(frontier)
		assert {i: again.state(i).ready_at for i in again.ready} == {
			i: frontier.state(i).ready_at for i in frontier.ready
		}


# --- cost -----------------------------------------------------------------------------------------


class Counting(Frontier):
	"""Counts how often a step was looked at."""

	looks = 0

	def _decide(self, step_id):
		self.looks += 1
		return super()._decide(step_id)


def chain(n):
	return [Step(f"s{i}", "wait", depends_on=(f"s{i - 1}",) if i else ()) for i in range(n)]


def deep(n):
	return [Step(f"s{i}", "wait", parent_id=f"s{i - 1}" if i else None) for i in range(n)]


def star(n):
	return [Step("s0", "wait"), *(Step(f"s{i}", "wait", parent_id="s0") for i in range(1, n))]


def funnel(n):
	roots = [Step(f"s{i}", "wait") for i in range(n - 1)]
	return [*roots, Step("end", "wait", depends_on=tuple(root.id for root in roots))]


def ladder(n):
	"""Waves of ten, each step after all ten of the wave before: many edges."""
	return [
		Step(
			f"s{i}",
			"wait",
			depends_on=tuple(f"s{j}" for j in range(i // 10 * 10 - 10, i // 10 * 10) if j >= 0),
		)
		for i in range(n)
	]


@pytest.mark.parametrize("shape", [chain, deep, star, funnel, ladder])
@pytest.mark.parametrize("backwards", [False, True])
def test_planning_a_whole_run_looks_at_each_step_and_edge_once(shape, backwards):
	steps = shape(2_000)
	if backwards:
		steps.reverse()
	definition = FlowDefinition(steps=tuple(steps))
	edges = sum(len(s.depends_on) + (s.parent_id is not None) for s in steps)
	frontier = Counting(definition, {}, START)
	while frontier.ready:
		frontier.settle(frontier.ready.popleft(), DONE)
	assert frontier.status() is RunStatus.COMPLETED
	assert frontier.looks <= len(steps) + edges


def test_skipping_two_thousand_nested_steps_is_one_pass():
	steps = [Step("c", "condition"), Step("s0", "wait", parent_id="c", branch="no")]
	steps += [Step(f"s{i}", "wait", parent_id=f"s{i - 1}") for i in range(1, 1_998)]
	frontier = Counting(FlowDefinition(steps=tuple(steps)), {}, START)
	frontier.ready.clear()
	frontier.settle("c", done("yes"))
	assert frontier.status() is RunStatus.COMPLETED
	assert frontier.looks <= 2 * len(steps)


@settings(max_examples=25)
@given(flows(most=40), st.integers(0, 2**32))
def test_larger_flows_keep_to_the_same_rules(made, seed):
	definition, endings = made
	frontier, ran = play(
		definition,
		endings,
		shuffle=random.Random(seed),
		check=lambda f, _: same(f, Frontier(definition, dict(f.states), START)),
	)
	assert len(ran) == len(set(ran))
	assert frontier.status() in (RunStatus.COMPLETED, RunStatus.FAILED)
