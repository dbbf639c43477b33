"""The app changes while runs are under way: between a claim and its run, and between two looks at a state."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from flow_engine.clock import VirtualClock
from flow_engine.engine.draining import drain, start_run
from flow_engine.engine.interventions import cancel_run, retry_step
from flow_engine.engine.kinds import register
from flow_engine.engine.outcomes import Done
from flow_engine.engine.parking import TOO_NEW_SECONDS
from flow_engine.engine.ports import NewRun
from flow_engine.engine.running import LEASE_SECONDS, advance_run
from flow_engine.engine.session import Session
from flow_engine.engine.state import STATE_VERSION
from flow_engine.service.definitions import definition_text
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.templates import store_definition
from flow_engine.testing.builders import flow, issue, make_kind, step

START = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


class Place:
	"""A database file and the app as deployed on it at the moment."""

	template: str | None = None

	def __init__(self, path):
		self.path, self.clock = str(path), VirtualClock(START)
		self.deploy(make_kind("ours", lambda ctx: Done({"by": "old"})))

	def deploy(self, *kinds):
		self.host = open_host(self.path, clock=self.clock, kinds=register(kinds))

	def start(self, *steps):
		if self.template is None:
			trigger = store_definition(self.host.templates, flow(*steps), "Deployed")
			self.template = trigger.template
		else:
			self.host.templates.update(self.template, {"flow_definition": definition_text(flow(*steps))})
			self.host.templates.publish(self.template)
			trigger = self.host.templates.trigger_of(self.template)
		new = NewRun(trigger.template, trigger.version, "manual", run_as="a@example.com")
		return self.host.runs.transact(lambda: start_run(self.host, new))

	def work(self, seconds=0):
		self.clock.move_to(self.clock.now() + timedelta(seconds=seconds))
		while drain(self.host, 60):
			pass

	def state(self, run, step_id):
		return Session(self.host, self.host.runs.read(run)).state(step_id)

	def stored(self, run, change=None):
		rows = self.host.database.rows("SELECT step_state FROM `tabFlow Run` WHERE name = %s", [run])
		state = json.loads(rows[0]["step_state"])
		if change is not None:
			change(state)
			self.host.database.execute(
				"UPDATE `tabFlow Run` SET step_state = %s WHERE name = %s", [json.dumps(state), run]
			)
		return state


@pytest.fixture
def place(tmp_path):
	found = Place(tmp_path / "flows.sqlite")
	yield found
	found.host.database.close()


def test_a_definition_published_between_claim_and_run_is_for_later_runs(place):
	run = place.start(issue("a", "first"), issue("b", "second", after=["a"]))
	(claim,) = place.host.runs.claim(1, LEASE_SECONDS)
	later = place.start(issue("c", "third"))
	place.deploy(make_kind("ours"))
	advance_run(place.host, claim)
	assert {place.state(run, s).status for s in ("a", "b")} == {"done"}
	place.work()
	assert place.state(later, "c").status == "done"
	assert [place.host.runs.read(one).template_version for one in (run, later)] == [1, 2]


def test_a_kind_that_is_gone_parks_its_step_and_discards_nothing(place):
	run = place.start(issue("a", "first"), step("x", "ours", after=["a"]), issue("b", "second", after=["x"]))
	(claim,) = place.host.runs.claim(1, LEASE_SECONDS)
	place.deploy()
	advance_run(place.host, claim)
	assert place.state(run, "a").status == "done"
	assert (place.state(run, "x").status, place.state(run, "x").error["code"]) == ("failed", "unknown_kind")
	assert place.state(run, "b").status == "pending"
	place.deploy(make_kind("ours", lambda ctx: Done({"by": "new"})))
	retry_step(place.host, run, "x")
	place.work()
	assert place.state(run, "x").result == {"by": "new"}
	assert place.host.runs.read(run).status == "completed"


# What older versions did not write yet, key by key.
@pytest.mark.parametrize(
	"missing", ["ready_at", "purpose", "started_at", "completed_at", "attempts", "result"]
)
def test_a_state_without_a_key_that_came_later_is_read(place, missing):
	run = place.start(
		issue("a", "first"), step("late", when=("after_delay", {"delay_hours": 1}), after=["a"])
	)
	place.work()

	def older(state):
		for entry in state.values():
			entry.pop(missing, None)

	place.stored(run, older)
	place.work(3_700)
	assert place.host.runs.read(run).status == "completed"


def test_keys_that_nobody_knows_are_ignored(place):
	run = place.start(step("late", when=("after_delay", {"delay_hours": 1})))
	place.work()
	place.stored(run, lambda state: state["late"].update(mood="good"))
	place.work(3_700)
	assert place.host.runs.read(run).status == "completed"


def test_what_a_newer_version_wrote_is_refused_and_kept_and_goes_on_after_the_upgrade(place, monkeypatch):
	run = place.start(step("late", when=("after_delay", {"delay_hours": 1})), issue("a", "x", after=["late"]))
	place.work()
	newer = place.stored(run, lambda state: state.update({"$version": STATE_VERSION + 1}))
	place.work(3_700)
	record = place.host.runs.read(run)
	(row,) = place.host.database.rows("SELECT error_code, error_message FROM `tabFlow Run`")
	assert (record.status, row["error_code"], place.stored(run)) == ("running", "state_too_new", newer)
	assert "Upgrade" in row["error_message"] and record.lease_token is None
	monkeypatch.setattr("flow_engine.engine.state.STATE_VERSION", STATE_VERSION + 1)
	place.work(TOO_NEW_SECONDS + 1)
	(row,) = place.host.database.rows("SELECT error_code FROM `tabFlow Run`")
	assert (place.host.runs.read(run).status, row["error_code"]) == ("completed", None)


def test_a_run_with_a_newer_state_can_be_ended(place):
	run = place.start(step("late", when=("after_delay", {"delay_hours": 1})))
	place.work()
	place.stored(run, lambda state: state.update({"$version": STATE_VERSION + 1}))
	cancel_run(place.host, run, "Not worth an upgrade.")
	assert place.host.runs.read(run).status == "cancelled"
