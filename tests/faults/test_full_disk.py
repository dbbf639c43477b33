"""A disk that is full: a clear stop, nothing corrupted, no step to blame, and on it goes when there is room.

Once as a file system of a few dozen megabytes that is filled up, and once, also where mounting one is not
allowed, as the kernel's limit on the size of files.
"""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

from flow_engine.testing.builders import flow, step
from flow_engine.testing.served import Refused, ServedHost

WAIT = {"wait_seconds": 30}
LARGE = 300_000
# A lease that could not be given back has to run out.
PATIENCE_SECONDS = 100


class SmallDisk:
	"""A file system in memory, as large as said and filled up by a file."""

	def __init__(self, folder: Path, server: ServedHost):
		self.filler = folder / "filler"

	def fill(self, left: int) -> None:
		with self.filler.open("wb", buffering=0) as file:
			try:
				while True:
					file.write(b"x" * 65_536)
			except OSError:
				file.truncate(max(file.tell() - left, 0))

	def free(self) -> None:
		self.filler.unlink()


class LimitedFiles:
	"""No file of the server may grow beyond so many bytes; its log of writes has been emptied before."""

	def __init__(self, folder: Path, server: ServedHost):
		self.process = server.process

	def fill(self, left: int) -> None:
		self._limit(left)

	def free(self) -> None:
		self._limit(resource.RLIM_INFINITY)

	def _limit(self, size: int) -> None:
		resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.fixture(params=[SmallDisk, LimitedFiles], ids=["no space left", "files may not grow"])
def place(request, tmp_path):
	"""`(folder, kind of disk)`."""
	if request.param is LimitedFiles:
		yield tmp_path, LimitedFiles
		return
	mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(tmp_path)]
	if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
		pytest.skip("A file system can be mounted by root only.")
	yield tmp_path, SmallDisk
	subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def large_issue(step_id: str, **keys):
	return step(step_id, "issue", payload={"subject": step_id, "description": "x" * LARGE}, **keys)


def empty_the_log_of_writes(database: Path) -> None:
	"""So that what is written next needs room."""
	with sqlite3.connect(database) as connection:
		assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


@pytest.fixture
def told(place):
	"""`(server, disk, flow's name, a run that waits for a person before two large documents)`."""
	folder, kind_of_disk = place
	with ServedHost(folder) as server:
		steps = (
			step("ask", when="manual"),
			large_issue("a", after=["ask"]),
			large_issue("b", after=["a"]),
		)
		made = server.flow("x", flow(*steps))["name"]
		run = server.api("runs.start", template=made, **WAIT)["run"]
		empty_the_log_of_writes(server.database)
		yield server, kind_of_disk(folder, server), made, run
	assert "Traceback" not in server.log


def test_nothing_is_taken_on_that_cannot_be_kept(told):
	server, disk, made, run = told
	disk.fill(left=0)
	for act in (
		lambda: server.api("runs.start", template=made),
		lambda: server.api("runs.complete", run=run, step_id="ask"),
	):
		with pytest.raises(Refused) as refused:
			act()
		assert (refused.value.status, refused.value.code) == (503, "storage_failed")
	assert server.steps(run)["ask"] == "waiting"
	assert_sound(server.database)
	disk.free()
	assert_everything_is_done_once(server, made, run)


def test_a_disk_that_fills_up_in_the_middle_of_a_step_fails_no_step(told):
	server, disk, made, run = told
	disk.fill(left=LARGE // 2)
	server.api("runs.complete", run=run, step_id="ask", wait_seconds=3)
	assert server.process.poll() is None
	assert server.run(run)["status"] == "running"
	assert "failed" not in server.steps(run).values()
	# On the other kind of disk the log has no room either.
	assert isinstance(disk, SmallDisk) or "storage_failed" in server.log
	assert_sound(server.database)
	disk.free()
	assert_everything_is_done_once(server, made, run)


def assert_everything_is_done_once(server: ServedHost, made: str, run: str) -> None:
	if server.steps(run)["ask"] == "waiting":
		server.api("runs.complete", run=run, step_id="ask")
	other = server.api("runs.start", template=made, **WAIT)["run"]
	until = time.monotonic() + PATIENCE_SECONDS
	while server.run(run)["status"] == "running" and time.monotonic() < until:
		time.sleep(0.2)
	assert server.steps(run) == {"ask": "done", "a": "done", "b": "done"}
	assert server.steps(other)["ask"] == "waiting"
	assert_sound(server.database)
	with sqlite3.connect(server.database) as database:
		made = database.execute(
			"SELECT step_id, COUNT(*), MAX(attempt) FROM `tabFlow Step Log` WHERE flow_run = ? GROUP BY 1",
			[run],
		).fetchall()
		(documents,) = database.execute("SELECT COUNT(*) FROM document").fetchone()
	assert {row[1:] for row in made} == {(1, 1)}
	assert documents == 2


def assert_sound(database: Path) -> None:
	connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
	try:
		assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
	finally:
		connection.close()
