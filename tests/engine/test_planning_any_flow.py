"""What holds for every flow there can be, and what planning it costs."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from step_states import (
	DONE,
	START,
	done,
)

from flow_engine.engine.definition import FlowDefinition, OnError, Step
from flow_engine.engine.planning import Frontier
from flow_engine.engine.state import RunStatus, StepState, StepStatus, handling

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
