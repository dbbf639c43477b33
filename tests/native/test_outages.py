"""MariaDB is killed and Redis is gone while everybody works: in the end nothing is lost and nothing was done
twice.

Both are servers of the session's own, with a copy of the site's database.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest
from flows import definition, issue, step
from own_servers import OwnServers, why_not
from passing_time import tick
from processes import Bench, eventually
from site_python import SitePython

sys.path.insert(0, str(Path(__file__).parent.parent))

import soak as soaking
from counting_receiver import CountingReceiver

from flow_engine.testing.generated_flows import BUSY_ONCE

LOAD_MINUTES = 0.7


@pytest.fixture(scope="module")
def apart(bench, tmp_path_factory):
	"""`(bench, servers, Python inside the site)`, of which the rest of the session knows nothing."""
	reason = why_not()
	if reason:
		pytest.skip(reason)
	folder = tmp_path_factory.mktemp("apart")
	mine = Bench(bench.root, bench.site, folder)
	servers = OwnServers(mine, folder)
	inside = None
	try:
		servers.make()
		mine.start_queue()
		inside = SitePython(mine.python, mine.sites, mine.site, mine.env)
		inside(soaking.SETTLE_IN)
		yield mine, servers, inside
	finally:
		mine.stop()
		servers.stop()
		if inside:
			inside.stop()


@pytest.mark.parametrize("accident", ["restart_the_database", "stop_redis"])
def test_an_outage_under_load_changes_nothing_in_the_end(apart, accident):
	"""Runs of each flow end like the one that was left in peace; documents and calls are counted outside."""
	mine, servers, inside = apart
	seed = int(time.time())
	receiver = CountingReceiver(seed, slow=0.3, paths={BUSY_ONCE: 1})
	soak = soaking.Soak(mine, inside, receiver, seed, workers=2, servers=servers)
	try:
		soak.publish(flows=5, delays=(0.02, 0.1))
		soak.calm()
		soak.go(LOAD_MINUTES, [*soak.work(), (getattr(soak, accident), 6, 10)])
		soak.settle()
		found = soak.count()
	finally:
		for worker in soak.workers:
			mine.kill(worker)
		receiver.stop()
	print(found)
	outages = found.get("database_kills", 0) + found.get("database_stops", 0) + found.get("redis_stops", 0)
	assert outages >= 2 and found["runs"] > 20
	assert (found["lost"], found["duplicates"]) == (0, 0), found["examples"]
	assert set(found["incidents"]) <= {"outcome_unknown"}


def publish(inside, *steps, **trigger) -> str:
	made = definition(*steps, **trigger)
	return inside(soaking.PUBLISH, title=f"Outage {time.monotonic_ns()}", definition=made)


def drain(inside) -> None:
	inside("from flow_engine.frappe_host.jobs import drain\nanswer = drain(20)")


def test_the_outcome_of_a_call_is_kept_when_the_database_restarts_meanwhile(apart, gateway):
	_mine, servers, inside = apart
	gateway.hold()
	call = {"url": f"{gateway.url}/call", "method": "POST", "body_template": {"a": 1}}
	flow = publish(inside, step("call", "webhook", payload=call), issue("after", "x", after=["call"]))
	run = inside(soaking.START, flow=flow, mark="once")
	worker = threading.Thread(target=drain, args=(inside,))
	worker.start()
	eventually(lambda: [r for r in gateway.requests if r.path == "/call"], "the call arriving")
	servers.kill_database()
	gateway.release()
	time.sleep(3)
	servers.start_database()
	worker.join()
	drain(inside)
	found = inside(
		"frappe.get_all('Flow Step Log', {'flow_run': run}, ['step_id', 'state'], order_by='step_id')",
		run=run,
	)
	assert [(row["step_id"], row["state"]) for row in found] == [("after", "done"), ("call", "done")]
	assert len([r for r in gateway.requests if r.path == "/call"]) == 1


def test_a_document_saved_while_redis_is_gone_starts_its_run(apart):
	mine, servers, inside = apart
	subject = f"outage {time.monotonic_ns()}"
	flow = publish(
		inside,
		issue("follow", f"{subject} follow-up"),
		trigger={
			"event": "on_issue_opened",
			"condition": {"field": "doc.subject", "op": "==", "value": subject},
		},
	)
	servers.stop_redis()
	try:
		name = inside("frappe.get_doc({'doctype': 'Issue', 'subject': s}).insert().name", s=subject)
		assert inside("frappe.db.exists('Issue', name)", name=name) == name
		runs = inside("frappe.get_all('Flow Run', {'flow_template': f}, ['name', 'status'])", f=flow)
		assert [run["status"] for run in runs] == ["running"]
	finally:
		servers.start_redis()
	mine.worker()
	assert tick(inside)["drains"] >= 1
	eventually(
		lambda: inside("frappe.db.count('Issue', {'subject': s})", s=f"{subject} follow-up") == 1,
		"the run being advanced",
	)
