"""Schedules: what is due fires once, whatever happens to whoever fires it, and nothing of it is lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flow_engine.engine.crash_points import arm
from flow_engine.engine.draining import drain
from flow_engine.engine.schedules.policies import jitter_of
from flow_engine.service import schedules
from flow_engine.service.schedule_firing import fire_due, fire_schedule
from flow_engine.service.schedule_values import InvalidSchedule
from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.contract.base import ContractBase, Killed

MINUTE, HOUR, DAY = 60, 3_600, 86_400
NEEDS_TEAM = {"type": "object", "properties": {"team": {"type": "string"}}, "required": ["team"]}
NEEDS_SIZE = {"type": "object", "properties": {"size": {"type": "integer"}}, "required": ["size"]}


class ScheduleWords(ContractBase):
	"""What tests of schedules do."""

	host: Any

	def remember(self, template: str) -> None:
		"""The template is this test's, for the host to clean up."""

	def flow_of(self, *steps: Mapping[str, Any], schema: Any = None, **keys: Any) -> str:
		"""A published flow that is switched on."""
		steps = steps or (issue("made", self.named("made")),)
		definition = {**flow(*steps), **keys}
		if schema is not None:
			definition["payload_schema"] = schema

		def work() -> str:
			values = {"template_name": self.named(f"Flow {len(self.made)}"), "is_active": 1}
			made = self.host.templates.insert({**values, "flow_definition": json.dumps(definition)})
			return made["name"]

		name = self.host.runs.transact(work)
		self.made.append(name)
		self.remember(name)
		return name

	def publish_again(self, template: str, **keys: Any) -> None:
		def work() -> None:
			found = json.loads(self.host.templates.get(template)["flow_definition"])
			self.host.templates.update(template, {"flow_definition": json.dumps({**found, **keys})})
			self.host.templates.publish(template)

		self.host.runs.transact(work)

	def switch(self, template: str, on: bool) -> None:
		self.host.runs.transact(lambda: self.host.templates.update(template, {"is_active": int(on)}))

	def setUp(self) -> None:
		self.made: list[str] = []
		super().setUp()

	def schedule(self, template: str, **values: Any) -> str:
		"""Every hour, unless it says otherwise."""
		given = {"schedule_name": self.named("Schedule"), "flow_template": template, "cron": "0 * * * *"}
		return schedules.create(self.host, {**given, **values})["schedule"]["name"]

	def seen(self, name: str) -> dict[str, Any]:
		return self.host.runs.transact(lambda: schedules.get_schedule(self.host, name))["schedule"]

	def next_at(self, name: str) -> datetime:
		return datetime.fromisoformat(self.seen(name)["next_fire_at"])

	def wait_for(self, name: str, after: float = 30) -> datetime:
		"""Until so many seconds after its next fire; that fire's moment."""
		at = self.next_at(name)
		self.pass_time((at - self.now()).total_seconds() + after)
		return at

	def fire(self) -> dict[str, int]:
		return fire_due(self.host, 60)

	def fires(self, name: str) -> list[dict[str, Any]]:
		"""The oldest first."""
		found = self.host.runs.transact(lambda: schedules.list_fires(self.host, name, 200))
		return found["fires"][::-1]

	def runs_of(self, template: str) -> list[Mapping[str, Any]]:
		return sorted(self.rows("Flow Run", flow_template=template), key=lambda row: row["trigger_key"] or "")

	def events_of(self, template: str) -> list[str]:
		rows = self.rows("Flow Audit Event", flow_template=template)
		return [row["event_type"] for row in rows if row["event_type"].startswith("schedule.")]

	def killed_at(self, point: str, act: Any) -> None:
		def die(name: str) -> None:
			if name == point:
				raise Killed(point)

		arm(die)
		try:
			with self.assertRaises(Killed):  # type: ignore[attr-defined]
				act()
		finally:
			arm(None)


class ScheduleContract(ScheduleWords):
	def test_a_schedule_starts_one_run_with_its_payload_and_says_so(self):
		template = self.flow_of(schema=NEEDS_TEAM)
		name = self.schedule(template, payload={"team": "Ops"})
		self.assertEqual(self.fire()["fired"], 0)
		at = self.wait_for(name)
		self.assertEqual([self.fire()["fired"], self.fire()["fired"]], [1, 0])
		(run,) = self.runs_of(template)
		self.assertEqual(run["trigger_key"], f"schedule:{name}:{at:%Y%m%dT%H%M%SZ}")
		record = self.record(run["name"])
		self.assertEqual((record.trigger_event, dict(record.variables)), ("schedule", {"team": "Ops"}))
		told = record.trigger_data["schedule"]
		self.assertEqual((told["name"], told["fire_at"]), (name, at.isoformat()))
		(fire,) = self.fires(name)
		self.assertEqual((fire["status"], fire["run"]), ("completed", run["name"]))
		self.assertEqual(self.next_at(name), at + timedelta(hours=1))
		self.assertLess(at, datetime.fromisoformat(self.seen(name)["last_fire_at"]))

	def test_a_step_reads_which_schedule_started_it(self):
		template = self.flow_of(issue("made", "{{trigger.schedule.schedule_name}} {{trigger.event}}"))
		name = self.schedule(template, schedule_name=self.named("Nightly"))
		self.wait_for(name)
		self.fire()
		(run,) = self.runs_of(template)
		drain(self.host, 60, only=run["name"])
		with self.host.documents.acting_as(self.user):
			found = self.host.documents.find("Issue", {"subject": f"{self.named('Nightly')} schedule"})
		self.assertEqual(len(found), 1)

	def test_killed_at_any_place_it_still_fires_once(self):
		for point in (
			"schedule.found",
			"schedule.locked",
			"schedule.decided",
			"schedule.fired",
			"start.inserted",
		):
			template = self.flow_of()
			name = self.schedule(template)
			self.wait_for(name)
			self.killed_at(point, self.fire)
			self.assertEqual((self.runs_of(template), self.fires(name)), ([], []), point)
			self.fire()
			self.assertEqual((len(self.runs_of(template)), len(self.fires(name))), (1, 1), point)
			schedules.pause(self.host, name)

	def test_who_comes_second_to_a_schedule_that_has_just_fired_leaves_it(self):
		template = self.flow_of()
		name = self.schedule(template)
		self.wait_for(name)
		self.assertEqual(fire_schedule(self.host, name), {"fired": 1, "runs": 1})
		self.assertIsNone(fire_schedule(self.host, name))

	def test_a_moment_that_has_fired_does_not_fire_again_after_a_restore(self):
		template = self.flow_of()
		name = self.schedule(template)
		(before,) = self.rows("Flow Schedule", name=name)
		self.wait_for(name)
		self.fire()
		self.set_row("Flow Schedule", name, wake_at=before["wake_at"], fire_at=before["fire_at"])
		self.fire()
		self.assertEqual(len(self.runs_of(template)), 1)
		self.assertGreater(self.next_at(name), self.now())
		self.assertIsNone(self.seen(name)["last_error"])

	def test_a_schedule_that_is_spread_fires_so_much_later_and_not_before(self):
		template = self.flow_of()
		name = self.schedule(template, jitter_minutes=30)
		at = self.next_at(name)
		late = jitter_of(name, at, 30 * MINUTE)
		self.pass_time((at + late - self.now()).total_seconds() - 1)
		self.assertEqual((self.fire()["fired"], self.runs_of(template)), (0, []))
		self.pass_time(3)
		self.fire()
		(run,) = self.runs_of(template)
		self.assertEqual(self.record(run["name"]).trigger_data["schedule"]["fire_at"], at.isoformat())

	def test_a_payload_that_was_changed_behind_the_engine_is_not_fired_with(self):
		template = self.flow_of(schema=NEEDS_TEAM)
		name = self.schedule(template, payload={"team": "Ops"})
		self.set_row("Flow Schedule", name, payload='{"team": 5}')
		self.wait_for(name)
		self.fire()
		self.assertEqual((self.runs_of(template), self.seen(name)["status"]), ([], "invalid"))

	def test_a_payload_has_to_fit_when_it_is_saved(self):
		template = self.flow_of(schema=NEEDS_TEAM)
		with self.assertRaises(InvalidSchedule) as refused:
			self.schedule(template, payload={"team": 5})
		self.assertEqual([p["path"] for p in refused.exception.problems], ["payload.team"])
		with self.assertRaises(InvalidSchedule) as refused:
			self.schedule(self.flow_of(), payload={"a": 1})
		self.assertEqual([p["code"] for p in refused.exception.problems], ["schema_missing"])
		self.assertEqual(self.rows("Flow Schedule", flow_template=template), [])

	def test_a_version_that_the_payload_does_not_fit_keeps_it_from_firing_until_one_does(self):
		template = self.flow_of(schema=NEEDS_TEAM)
		name = self.schedule(template, payload={"team": "Ops"})
		self.publish_again(template, payload_schema=NEEDS_SIZE)
		seen = self.seen(name)
		self.assertEqual((seen["status"], seen["problem_code"]), ("invalid", "invalid_payload"))
		self.assertEqual([p["path"] for p in seen["problems"]], ["payload.size"])
		self.assertEqual(seen["payload"], {"team": "Ops"})
		self.pass_time(2 * HOUR)
		self.assertEqual((self.fire()["fired"], self.runs_of(template)), (0, []))
		self.publish_again(template, payload_schema=NEEDS_TEAM)
		self.assertEqual(self.seen(name)["status"], "enabled")
		self.fire()
		(run,) = self.runs_of(template)
		self.assertEqual(run["template_version"], self.host.templates.get(template)["published_version"])
		wanted = ["schedule.created", "schedule.invalidated", "schedule.restored"]
		self.assertEqual(self.events_of(template), wanted)

	def test_a_paused_flow_holds_its_schedule_back_and_nothing_is_lost(self):
		template = self.flow_of()
		name = self.schedule(template, missed_policy="run_once")
		self.switch(template, False)
		self.wait_for(name)
		self.fire()
		seen = self.seen(name)
		self.assertEqual((seen["status"], seen["problem_code"]), ("invalid", "template_inactive"))
		self.assertEqual((self.runs_of(template), self.fires(name)), ([], []))
		self.switch(template, True)
		self.pass_time(11 * MINUTE)
		self.fire()
		self.assertEqual(len(self.runs_of(template)), 1)
		self.assertEqual((self.seen(name)["status"], self.seen(name)["last_error"]), ("enabled", None))

	def test_a_deleted_flow_leaves_its_schedule_with_a_problem(self):
		template = self.flow_of()
		name = self.schedule(template)
		self.host.runs.transact(lambda: self.host.templates.delete(template))
		self.wait_for(name)
		self.fire()
		seen = self.seen(name)
		self.assertEqual((seen["status"], seen["problem_code"]), ("invalid", "template_not_found"))
		self.pass_time(DAY)
		self.assertEqual(self.fire(), {"fired": 0, "runs": 0})
		schedules.pause(self.host, name, "Gone")
		self.assertEqual(self.seen(name)["status"], "paused")
		schedules.delete(self.host, name)

	def test_a_schedule_that_is_invalid_can_be_paused_and_comes_back_when_its_payload_is_put_right(self):
		template = self.flow_of(schema=NEEDS_TEAM)
		names = [self.schedule(template, payload={"team": "Ops"}) for _ in range(2)]
		self.publish_again(template, payload_schema=NEEDS_SIZE)
		schedules.pause(self.host, names[0])
		with self.assertRaises(InvalidSchedule):
			schedules.resume(self.host, names[0])
		at = self.next_due(names[1])
		schedules.update(self.host, names[1], {"payload": {"size": 2}, "status": "enabled"})
		self.assertEqual([self.seen(name)["status"] for name in names], ["paused", "enabled"])
		self.assertEqual(self.next_at(names[1]), at)
		self.publish_again(template, payload_schema=NEEDS_TEAM)
		schedules.resume(self.host, names[0])
		self.assertEqual([self.seen(name)["status"] for name in names], ["enabled", "invalid"])

	def next_due(self, name: str) -> datetime:
		"""Also of one that does not fire now."""
		found = self.host.runs.transact(lambda: self.host.schedules.store.get(name))
		return found["fire_at"]

	def test_after_an_outage_it_does_what_its_policy_says(self):
		wanted = {"skip": 0, "run_once": 1, "run_all": 3}
		templates = {policy: self.flow_of() for policy in wanted}
		names = {
			policy: self.schedule(template, missed_policy=policy, missed_limit=3)
			for policy, template in templates.items()
		}
		# Half past, so that none of the hours is in time any more.
		self.wait_for(names["skip"], after=5 * HOUR + 30 * MINUTE)
		self.fire()
		found = {policy: len(self.runs_of(template)) for policy, template in templates.items()}
		self.assertEqual(found, wanted)
		for policy, name in names.items():
			skipped = [fire for fire in self.fires(name) if fire["status"] == "skipped"]
			self.assertEqual([fire["skipped_because"] for fire in skipped], ["missed"], policy)
			self.assertEqual(skipped[0]["missed_count"], 6 - wanted[policy])

	def test_a_run_that_is_still_going_lets_the_next_fire_through_past_or_wait(self):
		waiting = step("person", when="manual")
		kinds = {
			"allow": ["completed", "completed"],
			"skip": ["completed", "skipped"],
			"queue": ["completed", "queued"],
		}
		names = {}
		for policy in kinds:
			names[policy] = self.schedule(self.flow_of(waiting), overlap_policy=policy)
		for _ in range(2):
			self.wait_for(names["allow"])
			self.fire()
		for policy, statuses in kinds.items():
			self.assertEqual([fire["status"] for fire in self.fires(names[policy])], statuses, policy)
		template = self.seen(names["queue"])["flow_template"]
		(run,) = self.runs_of(template)
		drain(self.host, 60, only=run["name"])
		self.pass_time(2 * MINUTE)
		self.fire()
		self.assertEqual(len(self.runs_of(template)), 1)
		self.complete(run["name"])
		self.pass_time(2 * MINUTE)
		self.fire()
		self.assertEqual(len(self.runs_of(template)), 2)
		self.assertEqual([fire["status"] for fire in self.fires(names["queue"])], ["completed", "completed"])

	def complete(self, run: str) -> None:
		from flow_engine.engine.interventions import complete_step

		complete_step(self.host, run, "person")
		drain(self.host, 60, only=run)
		self.assert_done(run)

	def test_a_paused_schedule_does_not_fire_and_is_not_made_up_for(self):
		template = self.flow_of()
		name = self.schedule(template, missed_policy="run_all")
		schedules.pause(self.host, name, "Holiday")
		self.pass_time(3 * HOUR)
		self.assertEqual(self.fire()["fired"], 0)
		self.assertIsNone(self.seen(name)["next_fire_at"])
		schedules.resume(self.host, name)
		self.assertGreater(self.next_at(name), self.now())
		self.assertEqual((self.fire()["fired"], self.runs_of(template)), (0, []))
		wanted = ["schedule.created", "schedule.paused", "schedule.resumed"]
		self.assertEqual(self.events_of(template), wanted)

	def test_changing_something_else_does_not_lose_a_fire_that_is_due(self):
		template = self.flow_of()
		name = self.schedule(template)
		self.wait_for(name)
		schedules.update(self.host, name, {"schedule_name": self.named("Renamed")})
		self.fire()
		self.assertEqual(len(self.runs_of(template)), 1)

	def test_a_one_time_schedule_fires_once_and_is_finished(self):
		template = self.flow_of()
		zone = self.host.clock.time_zone
		soon = (self.now() + timedelta(hours=2)).astimezone(zone)
		name = self.schedule(
			template, schedule_type="once", cron="", run_at=soon.strftime("%Y-%m-%dT%H:%M"), timezone=zone.key
		)
		self.wait_for(name)
		self.fire()
		self.assertEqual((self.seen(name)["status"], len(self.runs_of(template))), ("finished", 1))
		schedules.update(self.host, name, {"schedule_name": self.named("Renamed")})
		self.assertEqual(self.seen(name)["status"], "finished")
		with self.assertRaises(InvalidSchedule) as refused:
			schedules.resume(self.host, name)
		self.assertEqual([p["code"] for p in refused.exception.problems], ["past"])

	def test_firing_by_hand_leaves_the_next_time_as_it_is(self):
		template = self.flow_of()
		name = self.schedule(template)
		before = self.next_at(name)
		made = schedules.fire_now(self.host, name, "To see it", self.user)
		(run,) = self.runs_of(template)
		self.assertEqual((made["run"], self.next_at(name)), (run["name"], before))
		(fire,) = self.fires(name)
		self.assertEqual((fire["by_hand"], fire["reason"], fire["asked_by"]), (True, "To see it", self.user))
		self.assertIn("schedule.fired", self.events_of(template))

	def test_a_deleted_schedule_fires_no_more_and_its_fires_stay(self):
		template = self.flow_of()
		name = self.schedule(template)
		self.wait_for(name)
		self.fire()
		schedules.delete(self.host, name, "Not needed")
		self.pass_time(DAY)
		self.assertEqual((self.fire()["fired"], len(self.runs_of(template))), (0, 1))
		self.assertEqual(len(self.fires(name)), 1)

	def test_a_flow_whose_own_condition_fails_is_not_started_and_says_so(self):
		condition = {"field": "variables.team", "op": "==", "value": "Ops"}
		template = self.flow_of(schema=NEEDS_TEAM, trigger={"event": "manual", "condition": condition})
		name = self.schedule(template, payload={"team": "Sales"})
		self.wait_for(name)
		self.fire()
		(fire,) = self.fires(name)
		self.assertEqual((fire["status"], fire["error"]["code"]), ("failed", "condition_not_met"))
		self.assertEqual(self.runs_of(template), [])
