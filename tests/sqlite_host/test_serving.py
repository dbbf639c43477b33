"""The server as a process: work goes on by itself, survives a stop, and a signal ends it cleanly."""

import signal
import sqlite3
import subprocess
import sys

import pytest

from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.served import ServedHost

WAIT = {"wait_seconds": 20}
SOON = ("after_delay", {"delay_minutes": 0.02})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_cleanly(tmp_path, number):
	with ServedHost(tmp_path) as server:
		server.get("catalog")
		assert server.stop(number) == 0
	assert "Traceback" not in server.log


def test_a_wait_ends_by_itself_without_a_request(tmp_path):
	with ServedHost(tmp_path) as server:
		made = server.flow("x", flow(issue("a"), step("b", when=SOON, after=["a"])))
		run = server.api("runs.start", template=made["name"])["run"]
		while server.run(run)["status"] == "running":
			assert server.process.poll() is None
		assert server.steps(run) == {"a": "done", "b": "done"}


def test_what_was_due_while_the_server_was_away_is_done_when_it_is_back(tmp_path):
	with ServedHost(tmp_path) as server:
		made = server.flow("x", flow(step("ask", when="manual"), issue("b", after=["ask"])))
		run = server.api("runs.start", template=made["name"], **WAIT)["run"]
		server.stop(signal.SIGKILL)
	with ServedHost(tmp_path) as server:
		assert server.steps(run) == {"ask": "waiting", "b": "pending"}
		assert server.api("runs.complete", run=run, step_id="ask", **WAIT)["executed"] == ["ask", "b"]


def test_a_pending_row_set_back_by_hand_is_taken_up(tmp_path):
	update = {"doctype": "Gadget", "docname_ref": "G-1", "fields_json": '{"a": 1}'}
	with ServedHost(tmp_path) as server:
		paint = step("paint", "erp_update", payload=update, when=SOON)
		run = server.api("runs.start", template=server.flow("x", flow(paint))["name"])["run"]
		while server.run(run)["status"] == "running":
			server.api("runs.list")
		assert server.steps(run) == {"paint": "failed"}
		server.api("documents.put", doctype="Gadget", name="G-1")
	with sqlite3.connect(server.database) as database:
		database.execute("UPDATE `tabFlow Step Pending` SET status = 'pending', retry_count = 0")
	with ServedHost(tmp_path) as server:
		while server.run(run)["status"] != "completed":
			server.get("catalog")
		assert server.steps(run) == {"paint": "done"}


def test_a_port_in_use_is_said_in_one_line(tmp_path):
	with ServedHost(tmp_path) as server:
		port = server.url.rsplit(":", 1)[1]
		command = [
			sys.executable,
			"-m",
			"flow_engine.cli",
			"serve",
			"--db",
			str(tmp_path / "y"),
			"--port",
			port,
		]
		done = subprocess.run(command, capture_output=True, text=True, timeout=60)
	assert (done.returncode, done.stderr.split(":")[0], done.stderr.count("\n")) == (2, "address_in_use", 1)
