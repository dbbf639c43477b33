"""Steps for when another one is late: when they run, when they are skipped, whatever the order."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from step_states import BY_HAND, DISABLED, DONE, NOT_TAKEN, START, UNHANDLED, active
from test_planning_any_flow import ending, flows, outcome, same

from flow_engine.engine.definition import LATE_BRANCH, FlowDefinition, Step
from flow_engine.engine.planning import Frontier
from flow_engine.engine.sla.marks import SlaMarks
from flow_engine.engine.state import RunStatus, SkipReason, StepState, StepStatus, dump_state, load_state
from flow_engine.testing.builders import parsed, step

LATE_AT = START + timedelta(days=3)
READY, WAITS = "ready", "pending"


def late(state, at=LATE_AT):
	return replace(state, sla=SlaMarks(breached_at=at))


@pytest.mark.parametrize(
	("parent", "expected"),
	[
		(active(StepStatus.WAITING), WAITS),
		(active(StepStatus.SCHEDULED), WAITS),
		(UNHANDLED, WAITS),
		(DONE, SkipReason.NOT_TAKEN),
		(BY_HAND, SkipReason.NOT_TAKEN),
		(NOT_TAKEN, SkipReason.NOT_TAKEN),
		(DISABLED, SkipReason.DISABLED),
		(late(active(StepStatus.WAITING)), READY),
		(late(active(StepStatus.RUNNING)), READY),
		(late(UNHANDLED), READY),
		(late(DONE), READY),
		(late(BY_HAND), READY),
	],
)
def test_a_parent_admits_its_late_child_as_the_table_says(parent, expected):
	definition = parsed(step("p"), step("c", parent="p", branch=LATE_BRANCH))
	frontier = Frontier(definition, {"p": parent}, START)
	if expected is READY:
		assert list(frontier.ready) == ["c"]
	elif expected is WAITS:
		assert not frontier.ready and frontier.state("c").status is StepStatus.PENDING
	else:
		assert frontier.state("c").reason is expected


def test_other_children_wait_for_the_parent_although_it_is_late():
	definition = parsed(step("p"), step("c", parent="p"), step("e", parent="p", branch="error"))
	frontier = Frontier(definition, {"p": late(active(StepStatus.WAITING))}, START)
	assert not frontier.ready


def test_a_late_child_counts_from_the_lateness_whenever_the_parent_is_done():
	definition = parsed(step("p"), step("c", parent="p", branch=LATE_BRANCH))
	for parent in (active(StepStatus.WAITING), replace(DONE, completed_at=LATE_AT + timedelta(days=9))):
		assert Frontier(definition, {"p": late(parent)}, START).state("c").ready_at == LATE_AT


def test_marks_survive_being_stored_also_on_a_step_that_nobody_has_begun():
	states = {
		"open": late(active(StepStatus.WAITING)),
		"ready": StepState(sla=SlaMarks(warned_at=LATE_AT)),
		"planned": replace(active(StepStatus.SCHEDULED), sla=SlaMarks(since=START)),
		"plain": DONE,
	}
	assert load_state(dump_state(states)) == states
	assert "sla" not in dump_state(states)["plain"]


@st.composite
def flows_with_lateness(draw):
	"""As any flow, some of the children on the branch for lateness instead."""
	definition, endings = draw(flows())
	steps = [
		replace(s, branch=LATE_BRANCH) if s.parent_id and draw(st.booleans()) else s for s in definition.steps
	]
	return FlowDefinition(steps=tuple(steps)), endings


def play(definition, endings, chance, check):
	"""Steps that are ready wait or end, by chance; open ones become late or end; until nothing is open."""
	frontier, now, ran = Frontier(definition, {}, START), START, []
	while True:
		waiting = [i for i, state in frontier.active_steps()]
		ready = list(frontier.ready)
		if not waiting and not ready:
			return frontier, ran
		now += timedelta(minutes=1)
		step_id = chance.choice(ready + waiting)
		state = frontier.state(step_id)
		what = chance.choice(["end", "end", "wait", "late"])
		if what == "late" and state.breached_at is None:
			frontier.mark_late(step_id, replace(state, sla=SlaMarks(breached_at=now)))
		elif what == "wait" and step_id in ready:
			frontier.ready.remove(step_id)
			frontier.put(step_id, state.move(StepStatus.WAITING))
		elif what == "end":
			if step_id in ready:
				frontier.ready.remove(step_id)
			ran.append(step_id)
			ended = ending(definition, step_id, endings[step_id], now)
			frontier.settle(step_id, replace(ended, sla=state.sla))
		check(frontier)


@given(flows_with_lateness(), st.integers(0, 2**32))
def test_a_frontier_kept_up_to_date_equals_one_built_from_scratch_whatever_becomes_late(made, seed):
	definition, endings = made

	def check(frontier):
		same(frontier, Frontier(definition, dict(frontier.states), START))

	play(definition, endings, random.Random(seed), check)


@given(flows_with_lateness(), st.integers(0, 2**32))
def test_what_is_for_lateness_runs_once_and_only_where_there_was_some(made, seed):
	definition, endings = made
	frontier, ran = play(definition, endings, random.Random(seed), lambda frontier: None)
	assert len(ran) == len(set(ran))
	for one in definition.steps:
		if one.branch == LATE_BRANCH and one.id in ran:
			assert frontier.state(one.parent_id).breached_at is not None
	if not frontier.failed_steps:
		assert frontier.status() is RunStatus.COMPLETED
		assert StepStatus.PENDING not in {status for status, _, _ in outcome(frontier).values()}


@given(flows_with_lateness(), st.integers(0, 2**32))
def test_who_is_late_decides_the_outcome_not_when_others_end(made, seed):
	definition, endings = made
	marks = random.Random(seed)
	is_late = {s.id for s in definition.steps if marks.random() < 0.5}

	def end(chance):
		frontier = Frontier(definition, {}, START)
		while frontier.ready:
			frontier.ready.rotate(chance.randrange(len(frontier.ready)))
			step_id = frontier.ready[0]
			if step_id in is_late and frontier.state(step_id).breached_at is None:
				frontier.mark_late(step_id, late(frontier.state(step_id), START))
				continue
			frontier.ready.popleft()
			ended = ending(definition, step_id, endings[step_id], START)
			frontier.settle(step_id, replace(ended, sla=frontier.state(step_id).sla))
		return outcome(frontier)

	assert end(random.Random(seed)) == end(random.Random(seed + 1))


def test_marking_looks_at_the_children_of_the_late_step_and_nowhere_else():
	class Counting(Frontier):
		looks = 0

		def _decide(self, step_id):
			self.looks += 1
			return super()._decide(step_id)

	steps = [Step("p", "wait"), Step("c", "wait", parent_id="p", branch=LATE_BRANCH)]
	steps += [Step(f"s{i}", "wait", depends_on=("p",)) for i in range(500)]
	frontier = Counting(FlowDefinition(steps=tuple(steps)), {"p": active(StepStatus.WAITING)}, START)
	before = frontier.looks
	frontier.mark_late("p", late(frontier.state("p")))
	assert list(frontier.ready) == ["c"]
	assert frontier.looks - before == 1
