"""What every host keeps when running runs move to a newer version of their flow."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from flow_engine.engine.advanced import Advanced
from flow_engine.engine.crash_points import arm
from flow_engine.engine.errors import CannotMigrate, TemplateNotFound
from flow_engine.engine.running import advance_run
from flow_engine.engine.sla.watching import watch_clocks
from flow_engine.service import compensation as undoing
from flow_engine.service import doors, migrations
from flow_engine.service.bulk import act_on_all, read_bulk
from flow_engine.service.definitions import definition_text
from flow_engine.testing.builders import flow, step
from flow_engine.testing.contract.base import Killed
from flow_engine.testing.versions_contract import VersionsActs

WAITS = step("m", label="Ask", when="manual")


class MigrationContract(VersionsActs):
	def _published(self, *steps: Any) -> str:
		made = self._do(
			"insert", {"template_name": self.named("Moves"), "flow_definition": definition_text(flow(*steps))}
		)
		self.remember(made["name"])
		self._do("update", made["name"], {"is_active": 1})
		return made["name"]

	def _next_version(self, name: str, *steps: Any) -> int:
		self._do("update", name, {"flow_definition": definition_text(flow(*steps))})
		return self._do("publish", name)["published_version"]

	def _running(self, name: str) -> str:
		run = doors.start(self.host, self.host.templates, name)["run"]
		self.drain(run)
		return run

	def _move(self, run: str, **given: Any) -> dict[str, Any]:
		return migrations.migrate(self.host, self.host.templates, run, **given)

	def test_a_waiting_run_goes_on_with_the_newer_version(self):
		name = self._published(WAITS, step("gone", after=["m"]))
		run = self._running(name)
		before = self.record(run)
		version = self._next_version(name, WAITS, step("new", after=["m"]))
		self.assertEqual(
			self._move(run, reason="new terms"),
			{"run": run, "from": before.template_version, "to": version},
		)
		after = self.record(run)
		self.assertEqual(after.template_version, version)
		self.assertGreater(after.revision, before.revision)
		doors.complete(self.host, run, "m")
		self.drain(run)
		self.assertEqual(self.states(run), {"m": "done", "new": "done"})
		self.assert_done(run)
		(told,) = self.rows("Flow Audit Event", flow_run=run, event_type="run.migrated")
		details = json.loads(told["details"])
		self.assertEqual(
			(told["reason"], details["from"], details["to"]), ("new terms", before.template_version, version)
		)

	def test_what_cannot_move_stays_as_it_is_and_says_why(self):
		name = self._published(step("a", label="First"), step("m", label="Ask", after=["a"], when="manual"))
		run = self._running(name)
		before = self.record(run)
		self._next_version(name, step("m", label="Ask", when="manual"))
		with self.assertRaises(CannotMigrate) as caught:
			self._move(run)
		(problem,) = caught.exception.as_dict()["problems"]
		self.assertEqual((problem["code"], problem["step"]), ("step_gone", "a"))
		self.assertIn("First", problem["message"])
		self.assertEqual(self.record(run), before)
		self.assertEqual(len(self.rows("Flow Audit Event", flow_run=run, event_type="run.migrated")), 0)

	def test_only_running_runs_move_and_only_forward(self):
		name = self._published(WAITS)
		run = self._running(name)
		version = self.record(run).template_version
		for to, code in ((version, "not_newer"), ("latest", "not_newer")):
			with self.assertRaises(CannotMigrate) as caught:
				self._move(run, version=to)
			self.assertEqual(caught.exception.as_dict()["problems"][0]["code"], code)
		with self.assertRaises(TemplateNotFound):
			self._move(run, version=999)
		self._next_version(name, WAITS, step("new", after=["m"]))
		doors.cancel(self.host, run)
		with self.assertRaises(CannotMigrate) as caught:
			self._move(run)
		self.assertEqual(caught.exception.as_dict()["problems"][0]["code"], "run_ended")

	def test_a_longer_delay_counts_from_the_same_moment(self):
		name = self._published(step("d", when=("after_delay", {"delay_days": 2})))
		run = self._running(name)
		due = self.state(run, "d").trigger_at
		self.assertEqual(self.open_rows(run), {"d": "delay"})
		self.pass_time(3600)
		self._next_version(name, step("d", when=("after_delay", {"delay_days": 5})))
		self._move(run)
		self.drain(run)
		self.assertEqual(self.state(run, "d").trigger_at, due + timedelta(days=3))
		self.assertEqual(self.open_rows(run), {"d": "delay"})
		rows = self.rows("Flow Step Pending", flow_run=run, status="cancelled")
		self.assertEqual([row["step_id"] for row in rows], ["d"])

	def test_a_wait_that_did_not_change_is_left_alone(self):
		name = self._published(step("d", when=("after_delay", {"delay_days": 2})))
		run = self._running(name)
		before = self.state(run, "d")
		self._next_version(name, step("d", when=("after_delay", {"delay_days": 2})), step("new", after=["d"]))
		self._move(run)
		self.drain(run)
		self.assertEqual(self.state(run, "d"), before)
		self.assertEqual(len(self.rows("Flow Step Pending", flow_run=run)), 1)

	def test_what_is_new_beside_what_waits_runs_at_once(self):
		name = self._published(step("a"), step("m", after=["a"], when="manual"))
		run = self._running(name)
		self._next_version(name, step("a"), step("m", after=["a"], when="manual"), step("n", after=["a"]))
		self._move(run)
		self.drain(run)
		self.assertEqual(self.states(run), {"a": "done", "m": "waiting", "n": "done"})

	def test_a_worker_that_holds_the_run_goes_on_with_the_newer_version(self):
		name = self._published(WAITS)
		run = self._running(name)
		doors.complete(self.host, run, "m")
		claim = self.claim(run)
		self._next_version(name, WAITS, step("new", after=["m"]))
		self._move(run)
		advanced: Advanced = advance_run(self.host, claim)
		self.assertFalse(advanced.lost)
		self.drain(run)
		self.assertEqual(self.states(run), {"m": "done", "new": "done"})

	def test_killed_anywhere_in_a_move_the_run_is_as_it_was(self):
		name = self._published(step("d", when=("after_delay", {"delay_days": 2})))
		run = self._running(name)
		self._next_version(name, step("d", when=("after_delay", {"delay_days": 5})))
		before = self.record(run)
		for point in ("outsider.locked", "outsider.changed", "outsider.flushed", "outsider.written"):
			with self.subTest(point):
				arm(lambda name, point=point: self._die(name == point))
				try:
					with self.assertRaises(Killed):
						self._move(run)
				finally:
					arm(None)
				self.assertEqual((self.record(run), self.open_rows(run)), (before, {"d": "delay"}))
				self.assertEqual(self.rows("Flow Audit Event", flow_run=run, event_type="run.migrated"), [])
		self._move(run)
		self.drain(run)
		self.assertEqual(self.open_rows(run), {"d": "delay"})

	def _die(self, now: bool) -> None:
		if now:
			raise Killed

	def test_all_waiting_runs_of_a_version_move_and_the_preview_says_which(self):
		name = self._published(
			step("c", when="manual"), step("d", after=["c"]), step("e", after=["d"], when="manual")
		)
		host, store = self.host, self.host.templates
		free, passed = self._running(name), self._running(name)
		doors.complete(host, passed, "c")
		self.drain(passed)
		old = self.record(free).template_version
		version = self._next_version(name, step("c", when="manual"), step("e", after=["c"], when="manual"))
		told = host.runs.transact(lambda: migrations.preview(host, store, name, old))
		self.assertEqual(
			(told["from"], told["to"], told["count"], told["can"], told["cannot"]), (old, version, 2, 1, 1)
		)
		((refused, problems),) = [(one["run"], one["problems"]) for one in told["refused"]]
		self.assertEqual((refused, problems[0]["code"], problems[0]["step"]), (passed, "step_gone", "d"))
		bulk = host.runs.transact(
			lambda: read_bulk(
				host, store, "migrate", filters={"template": name, "version": old}, version=version
			)
		)
		done = act_on_all(host, store, bulk)
		self.assertEqual((done["count"], done["done"], done["failed"]), (2, 1, 1))
		self.assertEqual(done["refusals"][0]["code"], "cannot_migrate")
		self.assertEqual([self.record(run).template_version for run in (free, passed)], [version, old])

	def test_what_the_run_was_given_has_to_be_what_the_newer_version_wants(self):
		name = self._published(WAITS)
		host, store = self.host, self.host.templates
		without = self._running(name)
		given = doors.start(host, store, name, variables={"region": "north"})["run"]
		wanted = {
			**flow(WAITS),
			"payload_schema": {
				"type": "object",
				"properties": {"region": {"type": "string", "enum": ["north", "south"]}},
				"required": ["region"],
			},
		}
		self._do("update", name, {"flow_definition": definition_text(wanted)})
		self._do("publish", name)
		with self.assertRaises(CannotMigrate) as caught:
			self._move(without)
		(problem,) = caught.exception.as_dict()["problems"]
		self.assertEqual(problem["code"], "invalid_payload")
		self.assertIn("region", problem["message"])
		self._move(given)
		self.assertGreater(self.record(given).template_version, self.record(without).template_version)

	# --- service levels and compensation ------------------------------------------------------------------

	def test_a_promise_that_the_newer_version_makes_is_watched_from_when_the_step_became_ready(self):
		name = self._published(WAITS)
		run = self._running(name)
		self._next_version(name, {**WAITS, "sla": {"warn": "1d", "breach": "2d"}})
		self._move(run)
		self.assertEqual(self._sla_status(run), "on_time")
		self.pass_time(86_400 + 60)
		self.assertEqual(watch_clocks(self.host), 1)
		self.assertEqual(self._sla_status(run), "at_risk")

	def test_a_promise_that_the_newer_version_does_not_make_is_forgotten(self):
		name = self._published({**WAITS, "sla": {"breach": "2d"}})
		run = self._running(name)
		self._next_version(name, WAITS, step("new", after=["m"]))
		self._move(run)
		self.assertFalse(self._sla_status(run))
		self.pass_time(3 * 86_400)
		self.assertEqual(watch_clocks(self.host), 0)

	def test_what_followed_from_lateness_stays_done(self):
		late = {**WAITS, "sla": {"breach": "1d"}}
		name = self._published(late, step("boss", parent="m", branch="sla_breach"))
		run = self._running(name)
		self.pass_time(86_400 + 60)
		watch_clocks(self.host)
		self.drain(run)
		self.assertEqual(self.states(run), {"m": "waiting", "boss": "done"})
		self._next_version(
			name, late, step("boss", parent="m", branch="sla_breach"), step("new", after=["m"])
		)
		self._move(run)
		self.drain(run)
		self.assertEqual(self.states(run), {"m": "waiting", "boss": "done", "new": "pending"})
		self.assertEqual(self._sla_status(run), "overdue")
		doors.complete(self.host, run, "m")
		self.drain(run)
		self.assert_done(run)

	def test_a_run_that_undoes_another_does_not_move(self):
		name = self._published(
			step("a"),
			step("b", after=["a"], when="manual"),
			step("u", parent="a", branch="compensate", when="manual"),
		)
		run = self._running(name)
		doors.cancel(self.host, run)
		child = undoing.compensate(self.host, run)["run"]
		self.drain(child)
		self.assertEqual(self.status(child), "running", self.states(child))
		self._next_version(name, step("a"), step("b", after=["a"], when="manual"))
		with self.assertRaises(CannotMigrate) as caught:
			self._move(child)
		self.assertEqual(caught.exception.as_dict()["problems"][0]["code"], "compensates")

	def _sla_status(self, run: str) -> Any:
		(row,) = self.rows("Flow Run", name=run)
		return row["sla_status"]
