"""The standalone server's worker: whoever waits for a run is told of that run."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from flow_engine.engine.draining import start_run
from flow_engine.engine.kinds import register
from flow_engine.engine.kinds.base import Effect
from flow_engine.engine.outcomes import Done
from flow_engine.engine.ports import NewRun
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.templates import store_definition
from flow_engine.sqlite_host.worker import Worker


def flow(*kinds: str) -> dict:
	steps = [{"id": f"s{i}", "kind": kind, "payload": {}} for i, kind in enumerate(kinds)]
	return {"version": 1, "trigger": {"event": "manual"}, "variables": {}, "steps": steps}


@pytest.fixture
def held(tmp_path):
	"""A host with a kind `hold`, whose step stays in its handler until `let_go` is set."""
	let_go, begun = threading.Event(), threading.Event()

	def hold(ctx):
		begun.set()
		let_go.wait(30)
		return Done()

	kinds = register()
	hold_kind = replace(kinds["wait"], name="hold", effect=Effect.DATABASE, handle=hold)
	host = open_host(str(tmp_path / "flows.sqlite3"), kinds={**kinds, "hold": hold_kind})
	yield host, begun, let_go
	let_go.set()


def started(host, name: str, *kinds: str) -> str:
	trigger = store_definition(host.templates, flow(*kinds), name)
	new = NewRun(trigger.template, trigger.version, "manual", run_as=trigger.run_as)
	return host.runs.transact(lambda: start_run(host, new))


def test_a_run_that_has_ended_is_answered_while_another_of_its_batch_is_at_work(held):
	host, begun, let_go = held
	quick, slow = started(host, "quick", "wait", "wait"), started(host, "slow", "hold")
	worker = Worker(host)
	worker.start()
	try:
		assert begun.wait(30)
		assert worker.follow(quick, 0, 10) == {"executed": ["s0", "s1"], "scheduled": []}
		assert host.runs.read(slow).lease_token
		let_go.set()
		assert worker.follow(slow, 0, 10)["executed"] == ["s0"]
	finally:
		let_go.set()
		worker.stop()


def test_following_a_run_that_nobody_works_on_ends_at_once(held):
	host, _begun, _let_go = held
	worker = Worker(host)  # not started: nobody will ever say anything
	waiting = started(host, "waiting", "hold")
	host.runs.transact(lambda: host.runs.write(waiting, None, wake_at=None))
	answers = []
	follower = threading.Thread(target=lambda: answers.append(worker.follow(waiting, 0, 60)), daemon=True)
	host.jobs.event.clear()
	follower.start()
	follower.join(30)
	assert answers == [{"executed": [], "scheduled": []}]
