"""Deliveries on SQLite, in memory and in a file, to a real receiver, and at the standalone doors."""

import tempfile
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest import TestCase

import pytest

from flow_engine.clock import VirtualClock
from flow_engine.engine.deliveries import NewDelivery
from flow_engine.engine.ports import NewRun
from flow_engine.service.deliveries import enqueue, send_due
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.simulation import Scenario, simulate
from flow_engine.testing.builders import flow, step
from flow_engine.testing.delivery_contract import DeliveryContract
from flow_engine.testing.receiver import Receiver
from flow_engine.testing.served import ServedHost

START = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


class TestSqliteDeliveries(DeliveryContract, TestCase):
	user = "operator@example.com"
	path = ":memory:"

	def make_host(self):
		self.clock = VirtualClock(START, "America/Toronto")
		host = open_host(self.path, clock=self.clock, allowed_private_hosts=("127.0.0.1",))
		self.addCleanup(host.database.close)
		return host

	def pass_time(self, seconds):
		self.clock.move_to(self.clock.now() + timedelta(seconds=seconds))

	def rows(self, doctype, **filters):
		where = "".join(f" AND `{column}` = %s" for column in filters)
		return self.host.database.rows(
			f"SELECT * FROM `tab{doctype}` WHERE 1 = 1{where} ORDER BY rowid", list(filters.values())
		)


class TestSqliteFileDeliveries(TestSqliteDeliveries):
	def setUp(self):
		folder = tempfile.TemporaryDirectory()
		self.addCleanup(folder.cleanup)
		self.path = str(Path(folder.name) / "flows.sqlite")
		super().setUp()


class Told:
	"""Remembers alerts instead of sending them."""

	def __init__(self):
		self.alerts = []

	def alert(self, run, step_id, code, message):
		self.alerts.append((run["name"], step_id, code))


@pytest.mark.parametrize(("status", "told"), [(200, False), (500, False), (404, True)])
def test_whoever_published_the_flow_is_told_of_a_delivery_that_failed(status, told):
	receiver = Receiver()
	receiver.always(status)
	messages = Told()
	host = replace(open_host(allowed_private_hosts=("127.0.0.1",)), messages=messages)
	run = host.runs.transact(lambda: host.runs.insert(NewRun("FT-1", 1, "manual")))
	new = NewDelivery("dispatch_job.opened", receiver.url(), {"job": {}}, flow_run=run, flow_step="s1")
	try:
		host.runs.transact(lambda: enqueue(host, new))
		send_due(host, 30)
	finally:
		receiver.close()
		host.database.close()
	assert messages.alerts == ([(run, "s1", "delivery_failed")] if told else [])


def test_a_simulation_records_deliveries_and_sends_none():
	receiver = Receiver()
	try:
		job = step(
			"s1",
			"dispatch_job",
			payload={"subject": "Dig", "on_open_webhook": receiver.url("/opened")},
		)
		outcome = simulate(Scenario(flow(job)))
	finally:
		receiver.close()
	(message,) = outcome["messages"]
	assert outcome["run"]["status"] == "completed"
	assert (message["channel"], message["method"], message["url"]) == (
		"http",
		"POST",
		receiver.url("/opened"),
	)
	assert '"dispatch_job.opened"' in message["body"]
	assert receiver.seen == []


def test_a_served_host_delivers_and_lets_people_see_and_repeat_it(tmp_path):
	receiver = Receiver()
	try:
		with ServedHost(tmp_path, "--allow-host", "127.0.0.1") as served:
			doc = {
				"doctype": "Dispatch Job",
				"name": "DJ-1",
				"subject": "Dig",
				"on_open_webhook": receiver.url(),
			}
			job = served.api("documents.put", doc=doc)["document"]["name"]
			(delivery,) = _settled(served, job)
			assert (delivery["status"], delivery["destination"]) == ("delivered", "127.0.0.1")
			served.api("deliveries.redeliver", delivery=delivery["name"])
			assert _settled(served, job, attempts=2, seen=receiver.seen)[0]["status"] == "delivered"
			assert len({request.headers["idempotency-key"] for request in receiver.seen}) == 1
			assert len(served.api("deliveries.signing_secret")["signing_secret"]) == 64
	finally:
		receiver.close()


def _settled(served, job, attempts=1, seen=None):
	"""The job's deliveries once each has been sent as often as said."""
	until = time.monotonic() + 30
	while True:
		rows = served.get("deliveries.list", doctype="Dispatch Job", docname=job)["deliveries"]
		sent = len(seen) >= attempts if seen is not None else True
		if rows and sent and all(row["status"] == "delivered" for row in rows):
			return rows
		assert time.monotonic() < until, rows
		time.sleep(0.05)
