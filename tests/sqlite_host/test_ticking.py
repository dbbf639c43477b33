"""`flow-engine tick` as a process: once for cron, or for ever until a signal."""

import json
import signal
import sqlite3
import subprocess
import sys
import threading

import pytest

from flow_engine.engine.draining import drain, start_run
from flow_engine.engine.ports import NewRun
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.templates import store_definition
from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.receiver import Answer, Receiver

UPDATE = {"doctype": "Gadget", "docname_ref": "G-1", "fields_json": '{"a": 1}'}
PAINT = step("paint", "erp_update", payload=UPDATE, when=("after_delay", {"delay_minutes": 0.05}))


class File:
	"""A database that a process ticks, and what it holds."""

	def __init__(self, folder):
		self.path = str(folder / "flows.sqlite3")
		self.host = open_host(self.path)

	def started(self, *steps, name="x"):
		trigger = store_definition(self.host.templates, flow(*steps), name)
		new = NewRun(trigger.template, trigger.version, "manual", run_as=trigger.run_as)
		return self.host.runs.transact(lambda: start_run(self.host, new))

	def status(self, run):
		return self.host.runs.read(run).status

	def command(self, *options):
		return [sys.executable, "-m", "flow_engine.cli", "tick", "--db", self.path, *options]

	def tick(self):
		done = subprocess.run(self.command("--json"), capture_output=True, text=True, timeout=60)
		return done.returncode, json.loads(done.stdout)


@pytest.fixture
def file(tmp_path):
	return File(tmp_path)


def test_one_tick_does_what_is_due_and_the_next_finds_nothing(file):
	run = file.started(issue("a"), issue("b", after=["a"]))
	waiting = file.started(step("ask", when="manual"), name="y")
	code, found = file.tick()
	assert (code, found["runs"], found["left"], found["failed"]) == (0, 2, 0, 0)
	assert (file.status(run), file.status(waiting)) == ("completed", "running")
	assert file.tick()[1]["runs"] == 0


def test_a_pending_row_set_back_by_hand_is_taken_up_by_a_tick(file):
	run = file.started(PAINT)
	drain(file.host, 5)
	while file.status(run) == "running":
		file.tick()
	assert file.status(run) == "failed"
	file.host.runs.transact(lambda: file.host.documents.put({"doctype": "Gadget", "name": "G-1"}))
	with sqlite3.connect(file.path) as database:
		changed = database.execute("UPDATE `tabFlow Step Pending` SET status = 'pending', retry_count = 0")
		assert changed.rowcount
	assert file.tick()[1]["repaired"] == 1
	assert file.status(run) == "completed"


def test_a_part_that_fails_is_counted_and_keeps_no_other_from_its_turn(file):
	later = file.started(PAINT)
	drain(file.host, 5)
	while file.status(later) == "running":
		file.tick()
	assert file.status(later) == "failed"
	with sqlite3.connect(file.path) as database:
		database.execute("UPDATE `tabFlow Step Pending` SET status = 'pending', trigger_at = '0 rubbish'")
	run = file.started(issue("a"), name="y")
	code, found = file.tick()
	assert (code, found["failed"], found["runs"]) == (1, 1, 1)
	assert file.status(run) == "completed"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_for_ever_works_until_a_signal_and_finishes_what_it_is_on(file, number):
	asked, answer = threading.Event(), threading.Event()

	def slowly(request):
		asked.set()
		answer.wait(30)
		return Answer()

	receiver = Receiver()
	receiver.answer = slowly
	try:
		call = step("call", "webhook", payload={"url": receiver.url(), "method": "POST"})
		process = subprocess.Popen(
			file.command("--forever", "--allow-host", "127.0.0.1"), stderr=subprocess.PIPE, text=True
		)
		run = file.started(call, issue("after", after=["call"]))
		assert asked.wait(60)
		process.send_signal(number)
		answer.set()
		_out, told = process.communicate(timeout=60)
	finally:
		receiver.close()
	assert (process.returncode, "Traceback" in told) == (0, False), told
	assert [row.state for row in file.host.runs.log_since(run, 0)] != ["running"]
	# What it had no time for is another's: nothing is lost and nothing is sent twice.
	while file.status(run) == "running":
		assert file.tick()[0] == 0
	assert (file.status(run), len(receiver.seen)) == ("completed", 1)
