"""Service levels: what is late is marked, told and escalated, each once, whoever notices it first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flow_engine.engine.allow_lists import Person, check_fire
from flow_engine.engine.crash_points import arm
from flow_engine.engine.errors import NotAllowed
from flow_engine.engine.interventions import cancel_run, complete_step, mark_done, skip_step
from flow_engine.engine.sla.agreements import Agreement
from flow_engine.engine.sla.watching import watch_clocks
from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.contract.base import ContractBase, Killed

HOUR, DAY = 3_600, 86_400
THREE_DAYS = {"warn": "2d", "breach": "3d"}


class Closing:
	"""Messages as the host has them; what is closed is noted too."""

	def __init__(self, messages: Any, closed: list[str]):
		self._messages, self._closed = messages, closed

	def __getattr__(self, name: str) -> Any:
		return getattr(self._messages, name)

	def close(self, run: Mapping[str, Any], step_id: str) -> None:
		self._closed.append(step_id)
		self._messages.close(run, step_id)


class ServiceLevelContract(ContractBase):
	def waiting_with_sla(self, **more: Any) -> str:
		"""A run that waits for a person, with a step for when that takes too long."""
		run = self.start(
			step("ask", when="manual", sla={**THREE_DAYS, **more}),
			step("boss", "t_db", parent="ask", branch="sla_breach"),
			step("next", "t_db", parent="ask"),
		)
		self.drain(run)
		return run

	def sla_events(self, run: str) -> list[tuple[str, str | None]]:
		rows = self.rows("Flow Audit Event", flow_run=run)
		wanted = ("run.sla_warned", "run.sla_breached", "run.escalated")
		found = [(row["event_type"], row["step_id"]) for row in rows if row["event_type"] in wanted]
		return sorted(found, key=lambda row: wanted.index(row[0]))

	def sla_standing(self, run: str) -> str:
		(row,) = self.rows("Flow Run", name=run)
		return row["sla_status"]

	def test_what_waits_too_long_is_warned_of_and_then_late_each_once(self):
		run = self.waiting_with_sla()
		self.assertEqual((self.sla_standing(run), self.sla_events(run)), ("on_time", []))
		self.assertEqual(watch_clocks(self.host), 0)
		self.pass_time(2 * DAY + 60)
		self.assertEqual([watch_clocks(self.host), watch_clocks(self.host)], [1, 0])
		self.assertEqual(
			(self.sla_standing(run), self.sla_events(run)), ("at_risk", [("run.sla_warned", "ask")])
		)
		self.pass_time(DAY)
		self.assertEqual([watch_clocks(self.host), watch_clocks(self.host)], [1, 0])
		self.assertEqual(self.sla_standing(run), "overdue")
		both = [("run.sla_warned", "ask"), ("run.sla_breached", "ask")]
		self.assertEqual(self.sla_events(run), both)
		state = self.state(run, "ask")
		self.assertEqual(state.breached_at, state.ready_at + timedelta(days=3))

	def test_the_steps_for_lateness_run_while_the_late_one_is_still_open(self):
		run = self.waiting_with_sla()
		self.pass_time(3 * DAY + 60)
		watch_clocks(self.host)
		self.drain(run)
		self.assertEqual(self.states(run), {"ask": "waiting", "boss": "done", "next": "pending"})
		self.assertEqual(self.status(run), "running")
		self.pass_time(10 * DAY)
		complete_step(self.host, run, "ask")
		self.drain(run)
		self.assertEqual(self.ran, ["boss", "next"])
		self.assert_done(run)
		self.assertEqual(self.sla_standing(run), "missed")

	def test_the_row_of_what_waits_shows_how_it_stands(self):
		run = self.start(step("ask", when=("manual", {"timeout_hours": 240}), sla=THREE_DAYS))
		self.drain(run)
		shown = []
		for days in (0, 2, 1):
			self.pass_time(days * DAY + 60)
			watch_clocks(self.host)
			(row,) = self.rows("Flow Step Pending", flow_run=run, status="pending")
			shown.append((row["purpose"], row["sla_status"] or ""))
		self.assertEqual(shown, [("timeout", ""), ("timeout", "at_risk"), ("timeout", "overdue")])

	def test_what_is_done_in_time_skips_them(self):
		run = self.waiting_with_sla()
		complete_step(self.host, run, "ask")
		self.drain(run)
		self.assertEqual(self.states(run), {"ask": "done", "boss": "skipped", "next": "done"})
		self.assertEqual(self.sla_standing(run), "on_time")
		self.pass_time(10 * DAY)
		self.assertEqual((watch_clocks(self.host), self.sla_events(run)), (0, []))

	def test_lateness_counts_from_its_time_and_not_from_when_a_tick_finds_it(self):
		run = self.waiting_with_sla()
		self.pass_time(3 * DAY + 60)
		# No tick has come by: the person who does it is late all the same.
		complete_step(self.host, run, "ask")
		self.drain(run)
		self.assertEqual(self.states(run)["boss"], "done")
		self.assertEqual(
			[event for event, _step in self.sla_events(run)], ["run.sla_warned", "run.sla_breached"]
		)

	def test_who_fires_it_in_time_is_in_time_however_late_a_worker_comes(self):
		run = self.waiting_with_sla()
		complete_step(self.host, run, "ask")
		self.pass_time(10 * DAY)
		self.assertEqual(watch_clocks(self.host), 0)
		self.drain(run)
		self.assert_done(run)
		self.assertEqual((self.sla_standing(run), self.sla_events(run)), ("on_time", []))

	def test_who_settles_a_failure_too_late_is_late(self):
		for settle in (mark_done, skip_step):
			self.on("a", lambda ctx: (_ for _ in ()).throw(ValueError("no")))
			run = self.start(step("a", "t_db", sla={"breach": "2h"}))
			self.drain(run)
			self.pass_time(2 * HOUR + 60)
			settle(self.host, run, "a")
			self.assertEqual((self.status(run), self.sla_standing(run)), ("completed", "missed"))
			self.assertEqual(self.sla_events(run), [("run.sla_breached", "a")])

	def test_what_a_worker_has_told_is_known_for_told_when_it_goes_down(self):
		self.once("timer", lambda ctx: (_ for _ in ()).throw(Killed()))
		run = self.start(
			step("ask", when="manual", sla={"breach": "1d"}),
			step("timer", "t_db", when=("after_delay", {"delay_days": 2})),
		)
		self.drain(run)
		self.pass_time(2 * DAY + 60)
		self.drain_killed(run)
		self.assertEqual(self.sla_events(run), [("run.sla_breached", "ask")])
		self.drain(run)
		self.assertEqual(self.states(run), {"ask": "waiting", "timer": "done"})
		self.assertEqual(self.sla_events(run), [("run.sla_breached", "ask")])

	def test_a_crash_between_marking_and_writing_leaves_nothing_and_is_made_good(self):
		run = self.waiting_with_sla()
		self.pass_time(3 * DAY + 60)

		def die(name: str) -> None:
			if name == "sla.marked":
				raise Killed

		arm(die)
		try:
			with self.assertRaises(Killed):
				watch_clocks(self.host)
		finally:
			arm(None)
		self.assertEqual(self.sla_events(run), [])
		watch_clocks(self.host)
		self.assertEqual(len(self.sla_events(run)), 2)

	def test_a_planned_wait_is_no_lateness(self):
		run = self.start(step("a", when=("after_delay", {"delay_days": 10}), sla={"breach": "1d"}))
		self.drain(run)
		self.pass_time(9 * DAY)
		self.assertEqual(watch_clocks(self.host), 0)
		self.pass_time(DAY + 60)
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(self.sla_standing(run), "on_time")

	def test_the_clock_goes_on_through_retries_and_an_unhandled_failure(self):
		self.on("a", lambda ctx: (_ for _ in ()).throw(ValueError("no")))
		run = self.start(
			step("a", "t_db", sla={"breach": "2h"}), step("boss", "t_db", parent="a", branch="sla_breach")
		)
		self.drain(run)
		self.assertEqual(self.status(run), "failed")
		self.pass_time(2 * HOUR + 60)
		watch_clocks(self.host)
		self.drain(run)
		self.assertEqual(self.states(run), {"a": "failed", "boss": "done"})
		self.assertEqual((self.status(run), self.sla_standing(run)), ("failed", "overdue"))
		mark_done(self.host, run, "a")
		self.drain(run)
		self.assertEqual((self.status(run), self.sla_standing(run)), ("completed", "missed"))

	def test_the_run_as_a_whole_has_a_clock_from_its_start_to_its_end(self):
		published = self.publish(
			{**flow(step("ask", when="manual")), "sla": THREE_DAYS}, f"Contract {self.mark} whole"
		)
		run = self.start_again(published)
		self.drain(run)
		self.pass_time(2 * DAY + 60)
		watch_clocks(self.host)
		self.assertEqual(
			(self.sla_standing(run), self.sla_events(run)), ("at_risk", [("run.sla_warned", None)])
		)
		self.pass_time(DAY)
		watch_clocks(self.host)
		watch_clocks(self.host)
		self.assertEqual(self.sla_events(run), [("run.sla_warned", None), ("run.sla_breached", None)])
		complete_step(self.host, run, "ask")
		self.drain(run)
		self.assertEqual((self.status(run), self.sla_standing(run)), ("completed", "missed"))

	def test_a_cancelled_run_has_no_clocks_any_more(self):
		run = self.waiting_with_sla()
		cancel_run(self.host, run, "enough")
		self.pass_time(10 * DAY)
		self.assertEqual((watch_clocks(self.host), self.sla_events(run)), (0, []))

	def test_an_escalation_is_told_once(self):
		run = self.waiting_with_sla(escalate={"user": self.user})
		self.pass_time(3 * DAY + 60)
		watch_clocks(self.host)
		watch_clocks(self.host)
		self.assertEqual([event for event, _step in self.sla_events(run)].count("run.escalated"), 1)

	def test_the_time_of_an_issue_is_its_agreements_which_may_move_it(self):
		asked: set[tuple[str, str]] = set()
		promised = {"at": self.now() + timedelta(days=1), "open": True}

		def agreement(doctype: str, name: str) -> Agreement | None:
			asked.add((doctype, name))
			return Agreement("Gold", "Resolution Due", None, promised["at"], promised["open"])

		self.host = replace(self.host, agreement=agreement)
		run = self.start(
			issue("open", self.named("Promised")),
			step("solved", when="manual", after=["open"], sla={"from": "open"}),
			step("boss", "t_db", parent="solved", branch="sla_breach"),
		)
		self.drain(run)
		promised["at"] += timedelta(days=1)
		self.pass_time(DAY + 60)
		self.assertEqual((watch_clocks(self.host), self.sla_standing(run)), (0, "on_time"))
		promised["open"] = False
		self.pass_time(DAY)
		self.assertEqual(watch_clocks(self.host), 0)
		promised["open"] = True
		self.pass_time(2 * HOUR)
		self.assertEqual([watch_clocks(self.host), watch_clocks(self.host)], [1, 0])
		self.drain(run)
		self.assertEqual(self.state(run, "solved").breached_at, promised["at"])
		self.assertEqual(self.ran, ["boss"])
		self.assertEqual(asked, {("Issue", self.state(run, "open").result["name"])})

	def test_whoever_it_goes_to_may_fire_it_and_the_others_still_may(self):
		people = {"role": "Sales User", "user": "boss@example.com"}
		run = self.start(
			step("ask", when=("manual", {"assignee": self.user}), sla={"breach": "1d", "escalate": people})
		)
		self.drain(run)
		definition = self.session(run).definition
		boss, seller = Person("boss@example.com"), Person("someone", frozenset(["Sales User"]))
		for person in (boss, seller):
			with self.assertRaises(NotAllowed):
				check_fire(definition.step("ask"), self.state(run, "ask"), person)
		self.pass_time(DAY + 60)
		watch_clocks(self.host)
		for person in (boss, seller, Person(self.user)):
			check_fire(definition.step("ask"), self.state(run, "ask"), person)
		with self.assertRaises(NotAllowed):
			check_fire(definition.step("ask"), self.state(run, "ask"), Person("nobody"))

	def test_what_lateness_has_asked_of_people_ends_with_the_step_and_with_the_run(self):
		closed: list[str] = []
		self.host = replace(self.host, messages=Closing(self.host.messages, closed))
		people = {"escalate": {"user": self.user}}
		whole = flow(
			step("a", "t_db", when="on_webhook", sla={"breach": "1d", **people}),
			step("b", "t_db", when="on_webhook"),
		)
		published = self.publish({**whole, "sla": {"breach": "1d", **people}}, f"Contract {self.mark} ask")
		for end in ("done", "cancelled"):
			run = self.start_again(published)
			self.drain(run)
			self.pass_time(DAY + 60)
			watch_clocks(self.host)
			self.assertEqual(closed, [])
			if end == "cancelled":
				cancel_run(self.host, run, "enough")
			else:
				self.call(run, "a")
				self.drain(run)
				self.assertEqual(closed, ["a"])
				self.call(run, "b")
				self.drain(run)
			self.assertEqual(sorted(set(closed)), ["", "a"])
			closed.clear()

	def test_the_lease_of_a_worker_is_left_alone(self):
		run = self.waiting_with_sla()
		self.pass_time(3 * DAY + 60)
		self.host.runs.transact(lambda: self.host.runs.write(run, None, wake_at=self.host.runs.now()))
		claim = self.claim(run)
		watch_clocks(self.host)
		self.assertEqual(self.record(run).lease_token, claim.token)
		self.host.runs.give_back([claim])
		self.drain(run)
		self.assertEqual((self.ran, len(self.sla_events(run))), (["boss"], 2))
