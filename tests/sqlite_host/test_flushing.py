"""What waits for the disk: every commit but that of a lease."""

from __future__ import annotations

import shutil

import pytest

from flow_engine.engine.crash_points import arm
from flow_engine.engine.draining import drain, start_run
from flow_engine.engine.ports import NewRun
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.templates import store_definition

NORMAL, FULL = 1, 2


def flow() -> dict:
	steps = [
		{"id": "one", "kind": "issue", "payload": {"subject": "One"}},
		{"id": "two", "kind": "issue", "payload": {"subject": "Two"}, "depends_on": ["one"]},
	]
	return {"version": 1, "trigger": {"event": "manual"}, "variables": {}, "steps": steps}


@pytest.fixture
def started(tmp_path):
	"""A host on a file, and a run that is due."""
	host = open_host(str(tmp_path / "flows.sqlite3"))
	trigger = store_definition(host.templates, flow())
	new = NewRun(trigger.template, trigger.version, "manual", run_as=trigger.run_as)
	return host, host.runs.transact(lambda: start_run(host, new))


def level(host) -> int:
	return host.database.rows("PRAGMA synchronous")[0]["synchronous"]


def test_a_lease_alone_does_not_wait_for_the_disk(started):
	host, run = started
	passed: list[str] = []
	commits: list[tuple[bool, int]] = []

	def reached(name: str) -> None:
		if name == "transaction.begun":
			passed.clear()
		passed.append(name)
		if name == "transaction.before_commit":
			commits.append(("claim.updated" in passed, level(host)))

	arm(reached)
	try:
		drain(host, 10, only=run)
	finally:
		arm(None)
	assert [flushed for lent, flushed in commits if lent] == [NORMAL]
	assert [flushed for lent, flushed in commits if not lent] == [FULL, FULL]
	assert level(host) == FULL


def test_a_claim_that_fails_leaves_the_next_commit_flushed(started):
	host, _run = started

	def broken() -> None:
		raise ValueError("not today")

	with pytest.raises(ValueError):
		host.runs.lend(broken)
	assert level(host) == FULL


def test_a_lease_that_a_power_cut_takes_back_was_under_nobodys_work(started, tmp_path):
	host, run = started
	file, log = tmp_path / "flows.sqlite3", tmp_path / "flows.sqlite3-wal"
	on_disk = log.stat().st_size
	(claim,) = host.runs.claim(1, 60, run)
	assert log.stat().st_size > on_disk
	after = tmp_path / "after"
	after.mkdir()
	shutil.copy(file, after / file.name)
	(after / log.name).write_bytes(log.read_bytes()[:on_disk])

	again = open_host(str(after / file.name))
	record = again.runs.read(run)
	assert claim.token and record.lease_token is None and record.wake_at is not None
	drain(again, 10, only=run)
	assert again.runs.read(run).status == "completed"
	assert len(again.documents.find("Issue", {})) == 2
