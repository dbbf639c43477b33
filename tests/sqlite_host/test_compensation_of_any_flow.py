"""Whatever a flow looks like and however its run ends: every step that was done and can be undone is undone
once, the last one first, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from unittest import TestCase

from hypothesis import given, settings
from hypothesis import strategies as st
from on_sqlite import OnSqlite

from flow_engine.engine.compensating import compensate_run, plan_of
from flow_engine.engine.compensation import How, compensating_steps
from flow_engine.engine.draining import drain, start_run
from flow_engine.engine.errors import NothingToCompensate
from flow_engine.engine.interventions import cancel_run, mark_done, retry_step, skip_step
from flow_engine.engine.kinds import register
from flow_engine.engine.kinds.base import Effect
from flow_engine.engine.outcomes import Done, Fail, Unknown
from flow_engine.engine.ports import NewRun
from flow_engine.engine.session import Session
from flow_engine.engine.state import RunStatus, StepStatus
from flow_engine.sqlite_host.templates import store_definition
from flow_engine.testing.builders import flow, make_kind, step

EFFECTS = {
	"t_none": Effect.NONE,
	"t_db": Effect.DATABASE,
	"t_call": Effect.EXTERNAL,
	"t_own": Effect.DATABASE,
}
WHEN = ("ask", "on_failure", "on_cancel", "both")


def any_flow(random: Random) -> dict:
	"""Trees with branches and joins, some of whose steps name what undoes them."""
	steps: list[dict] = []
	for number in range(random.randint(2, 9)):
		made = step(f"s{number}", random.choice(list(EFFECTS)))
		if steps and random.random() < 0.4:
			made["parent_id"] = random.choice(steps)["id"]
			made["branch"] = random.choice([None, None, "yes"])
		if steps and random.random() < 0.5:
			made["depends_on"] = [random.choice(steps)["id"]]
		made["on_error"] = random.choice(["fail", "continue"])
		made["disabled"] = random.random() < 0.1
		if random.random() < 0.2:
			made["compensate"] = False
		steps.append(made)
	for one in list(steps):
		undoing: list[str] = []
		for number in range(random.choice([0, 0, 1, 1, 3])):
			made = step(f"u{number}_{one['id']}", random.choice(["t_none", "t_db"]), parent=one["id"])
			made["branch"] = "compensate"
			if undoing and random.random() < 0.5:
				made["parent_id"], made["branch"] = random.choice(undoing), None
			elif undoing and random.random() < 0.5:
				made["depends_on"] = [random.choice(undoing)]
			undoing.append(made["id"])
			steps.append(made)
	random.shuffle(steps)
	return {**flow(*steps), "compensate": random.choice(WHEN)}


class Story(OnSqlite):
	"""One run of one flow, its failures and its end drawn by chance."""

	def __init__(self, random: Random):
		self.random = random
		self.cleanups: list = []
		self.undoing = False
		# What had an effect, as it happened: steps without one may be computed again.
		self.effects: list[str] = []
		self.marked: list[tuple[int, str]] = []
		self.given_up: list[str] = []
		kinds = [
			make_kind(name, self.handle, effect, branches=("yes", "no")) for name, effect in EFFECTS.items()
		]
		own = kinds.pop()
		self.host = self.make_host(register([*kinds, replace(own, compensate=self.undo)]))
		definition = any_flow(random)
		trigger = store_definition(self.host.templates, definition, "any")
		new = NewRun(trigger.template, trigger.version, "manual", run_as=self.user)
		self.run = self.host.runs.transact(lambda: start_run(self.host, new))

	def addCleanup(self, function):
		self.cleanups.append(function)

	def handle(self, ctx):
		if self.undoing:
			return self.outcome(ctx.step_id, Fail("no", "not yet"))
		ends = [Fail("no", "never")]
		if ctx.step_id and self.kind(ctx.step_id) == "t_call":
			ends.append(Unknown("no answer"))
		return self.outcome(ctx.step_id, *ends)

	def undo(self, ctx, done):
		assert (done.run, done.step_id) == (self.run, ctx.step_id)
		assert done.result["by"] == ctx.step_id
		return self.outcome(ctx.step_id, Fail("no", "not yet"))

	def outcome(self, step_id, *failures):
		if self.random.random() < 0.2:
			return self.random.choice(failures)
		if self.undoing and self.kind(step_id) != "t_none":
			self.effects.append(step_id)
		return Done({"by": step_id, **({"branch": "yes"} if self.random.random() < 0.5 else {})})

	def kind(self, step_id):
		return self.session(self.run).definition.step(step_id).kind

	def session(self, run):
		return Session(self.host, self.host.runs.read(run))

	def failed(self, run):
		session = self.session(run)
		states = [(one.id, session.state(one.id)) for one in session.definition.steps]
		return [i for i, s in states if s.status is StepStatus.FAILED and s.handled is None]

	def end(self):
		"""Let it run, repair some of it, and undo it one way or another; the compensation, if any."""
		drain(self.host, 60, only=self.run)
		for step_id in self.failed(self.run):
			if self.random.random() < 0.3 and self.compensation() is None:
				if self.random.random() < 0.5:
					mark_done(self.host, self.run, step_id, {"by": step_id})
					self.marked.append((len(self.log(self.run)), step_id))
				self.pass_time(1)
				drain(self.host, 60, only=self.run)
		if self.host.runs.read(self.run).status == RunStatus.FAILED and self.random.random() < 0.5:
			cancel_run(self.host, self.run, "why", compensate=self.random.choice([None, True]))
		try:
			child = compensate_run(self.host, self.run).run
		except NothingToCompensate:
			return None
		self.undoing = True
		for _ in range(200):
			drain(self.host, 60, only=child)
			failed = self.failed(child)
			if not failed:
				return child
			# A person gives some of it up; what comes before it is undone all the same.
			give_up = self.random.random() < 0.3
			(skip_step if give_up else retry_step)(self.host, child, failed[0])
			if give_up:
				self.given_up.append(failed[0])
		raise AssertionError("failures without end")

	def log(self, run):
		"""Ids of the steps that were done, in the order of doing."""
		return [row.step_id for row in self.host.runs.log_since(run, 0) if row.state == "done"]

	def done(self):
		"""The same, with what a person says was done."""
		done = self.log(self.run)
		for place, step_id in reversed(self.marked):
			done.insert(place, step_id)
		return done

	def compensation(self):
		return self.host.runs.started_by(f"compensate:{self.run}")

	def close(self):
		for function in self.cleanups:
			function()


class TestAnyFlow(TestCase):
	@settings(max_examples=120, deadline=None)
	@given(st.integers(0, 10**9))
	def test_every_done_step_is_undone_once_and_in_reverse(self, seed):
		story = Story(Random(seed))
		try:
			child = story.end()
			session = story.session(story.run)
			definition = session.definition
			expected = [
				step_id
				for step_id in reversed(story.done())
				if definition.step(step_id).compensate is not False
				and (compensating_steps(definition, step_id) or definition.step(step_id).kind == "t_own")
			]
			plan = [one.step_id for one in plan_of(story.host, session) if one.acts]
			self.assertEqual(plan, expected)
			self.assertEqual(child is None, not expected)
			if child is not None:
				self.assertEqual(story.session(child).record.status, "completed")
				self.assert_one_after_the_other(story, child, definition, expected)
		finally:
			story.close()

	def assert_one_after_the_other(self, story, child, definition, expected):
		"""All that undoes a step was tried before anything that undoes the one before it, and done once."""
		rows = story.host.runs.log_since(child, 0)
		place = {step_id: at for at, step_id in enumerate(expected)}
		belongs = {
			one: place[step_id] for step_id in expected for one in compensating_steps(definition, step_id)
		}
		order = [place.get(row.step_id, belongs.get(row.step_id)) for row in rows]
		self.assertNotIn(None, order, "something was undone that had not been done")
		self.assertEqual(order, sorted(order))
		done = story.log(child)
		self.assertEqual(len(set(done)), len(done), "something was undone twice")
		self.assertEqual(len(set(story.effects)), len(story.effects), "something had its effect twice")
		self.assertEqual(set(expected), (set(done) | set(story.given_up)) & set(expected))
		self.assertFalse(set(done) & set(story.given_up))

	def test_the_stories_are_told_in_all_their_ways(self):
		"""Chance that never fails, cancels or gives anything up would show nothing."""
		seen = set()
		for seed in range(150):
			story = Story(Random(seed))
			child = story.end()
			session = story.session(story.run)
			seen |= {str(one.how) for one in plan_of(story.host, session)} | {session.record.status}
			seen.add("compensated" if child else "nothing to undo")
			seen |= {"gave up"} if story.given_up else set()
			seen |= {"marked"} if story.marked else set()
			story.close()
		self.assertLessEqual(
			{*map(str, (How.STEPS, How.KIND, How.NOTHING, How.UNKNOWN)), "completed", "failed", "cancelled"}
			| {"compensated", "nothing to undo", "gave up", "marked"},
			seen,
		)
