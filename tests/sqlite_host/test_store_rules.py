"""What only the standalone host can show: clocks that repeat an hour, keys, names, transactions."""

from datetime import datetime, timezone

import pytest

from flow_engine.clock import VirtualClock
from flow_engine.engine.draining import drain, start_run
from flow_engine.engine.interventions import repair_pending
from flow_engine.engine.kinds import register
from flow_engine.engine.kinds.base import Effect
from flow_engine.engine.outcomes import Done
from flow_engine.engine.ports import NewRun
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.templates import store_definition
from flow_engine.testing.builders import flow, make_kind, step


def at(*moment):
	return datetime(*moment, tzinfo=timezone.utc)


def test_a_row_in_the_hour_that_repeats_does_not_fire_its_step_an_hour_early():
	clock = VirtualClock(at(2026, 10, 31, 12), "America/Toronto")
	host = open_host(clock=clock)
	# 01:30 for the second time, that is 06:30 UTC
	waits = step("a", when=("on_date", {"at": "2026-11-01T01:30:00-05:00"}))
	trigger = store_definition(host.templates, flow(waits))
	run = start_run(host, NewRun(trigger.template, trigger.version, "manual"))
	drain(host, 10)
	clock.move_to(at(2026, 11, 1, 5, 45))
	for name, step_id, due_at in host.runs.stray_pending():
		host.runs.transact(lambda n=name, s=step_id, d=due_at: repair_pending(host, host.runs.lock(n), s, d))
	drain(host, 10)
	assert host.runs.read(run).status == "running"
	assert host.runs.read(run).wake_at == at(2026, 11, 1, 6, 30)
	clock.move_to(at(2026, 11, 1, 6, 30))
	drain(host, 10)
	assert host.runs.read(run).status == "completed"


def test_a_link_stays_valid_when_the_transaction_it_was_first_made_in_is_rolled_back(tmp_path):
	path = str(tmp_path / "flows.sqlite")
	host = open_host(path)
	links = []

	def work():
		links.append(host.links.url("FR-00001", "s1"))
		raise ZeroDivisionError

	with pytest.raises(ZeroDivisionError):
		host.runs.transact(work)
	assert open_host(path).links.url("FR-00001", "s1") == links[0]


def test_no_transaction_is_open_while_an_external_call_is_made():
	found = []
	call = make_kind(
		"call", lambda ctx: found.append(host.database.in_transaction) or Done(), Effect.EXTERNAL
	)
	host = open_host(kinds=register([call]))
	trigger = store_definition(host.templates, flow(step("c", "call")))
	start_run(host, NewRun(trigger.template, trigger.version, "manual"))
	drain(host, 10)
	assert found == [False]


def test_a_new_document_takes_no_name_that_a_loaded_one_brought():
	host = open_host()
	host.documents.load({"doctype": "Issue", "name": "I-00002"})
	names = {host.documents.insert("Issue", {"subject": "x"})["name"] for _ in range(3)}
	assert len(names) == 3
	assert "I-00002" not in names


def test_time_that_is_up_gives_back_what_was_not_begun():
	host = open_host(clock=VirtualClock(at(2026, 3, 1)))
	opened = step("a", kind="issue", payload={"subject": "Noise on the line"})
	trigger = store_definition(host.templates, flow(opened))
	runs = [start_run(host, NewRun(trigger.template, trigger.version, "manual")) for _ in range(5)]
	assert len(drain(host, 0)) == 1
	records = [host.runs.read(run) for run in runs]
	assert sum(record.status == "completed" for record in records) == 1
	assert all(record.lease_token is None and record.attempts == 0 for record in records)
