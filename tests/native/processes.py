"""The processes of a bench that a test session needs, on ports and a queue of its own.

The queue's Redis is started for the session, so that no other worker of the bench takes its jobs and it can
be flushed; database and cache are the bench's, as they are for every process of it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent.parent
PATIENCE_SECONDS = 90


def free_port() -> int:
	with socket.socket() as probe:
		probe.bind(("127.0.0.1", 0))
		return probe.getsockname()[1]


def eventually(look: Callable[[], Any], what: str, patience: float = PATIENCE_SECONDS) -> Any:
	"""The first true answer of `look`; fails with `what` and the last answer when there is none."""
	until, seen = time.monotonic() + patience, None
	while time.monotonic() < until:
		seen = look()
		if seen:
			return seen
		time.sleep(0.2)
	raise AssertionError(f"{what} did not happen; last seen: {seen!r}")


class Bench:
	"""A bench with a site, and what this session started of it."""

	def __init__(self, root: Path, site: str, logs: Path, sites: Path | None = None):
		self.root, self.site, self.logs = root, site, logs
		self.sites = sites or root / "sites"
		self.python = root / "env" / "bin" / "python"
		self.queue_port = free_port()
		self.queue_env = {"FRAPPE_REDIS_QUEUE": f"redis://127.0.0.1:{self.queue_port}"}
		self.env = {
			**os.environ,
			"PYTHONPATH": str(REPO),
			"PYTHONDONTWRITEBYTECODE": "1",
			**self.queue_env,
		}
		# With it set, the framework's workers would send emails inside the transaction that queues them.
		self.env.pop("CI", None)
		# The desk would look for a development server's socket.
		self.env.pop("DEV_SERVER", None)
		self._started: list[subprocess.Popen] = []
		self._worker: subprocess.Popen | None = None

	def start_queue(self) -> None:
		self._queue = self._start("redis", redis(self.queue_port, self.logs))
		eventually(lambda: listens(self.queue_port), "Redis answering")

	def stop_queue(self) -> None:
		"""At once, with all that is in it."""
		self.kill(self._queue)

	def start_web(self) -> str:
		"""The address of a web server that answers several requests at a time."""
		port = free_port()
		# In a web server `CI` does no more than leave out the debugger, which is no part of the product.
		self._frappe("web", "--site", self.site, "serve", "--port", str(port), "--noreload", CI="1")
		eventually(lambda: listens(port), "the web server answering")
		return f"http://127.0.0.1:{port}"

	def worker(self) -> subprocess.Popen:
		"""The worker that runs, or a new one."""
		if self._worker is None or self._worker.poll() is not None:
			self._worker = self._frappe("worker", "worker", "--queue", "short,default")
		return self._worker

	def is_at_work(self) -> bool:
		"""Is the session's worker in the middle of a job, and stays there for a moment?"""
		time.sleep(0.7)
		return self._worker is not None and bool(descendants(self._worker.pid))

	def command(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess:
		"""`bench --site SITE …`, to its end."""
		return subprocess.run(
			[*self._prefix(), "--site", self.site, *arguments],
			cwd=self.sites,
			env={**self.env, **options.pop("env", {})},
			capture_output=True,
			text=True,
			**options,
		)

	def redis(self, *arguments: str) -> str:
		return subprocess.run(
			["redis-cli", "-p", str(self.queue_port), *arguments], capture_output=True, text=True, check=True
		).stdout.strip()

	def kill(self, process: subprocess.Popen) -> None:
		"""As a power cut would: the worker and whatever it had forked, at once."""
		family = [process.pid, *descendants(process.pid)]
		for pid in family:
			try:
				os.kill(pid, signal.SIGKILL)
			except ProcessLookupError:
				pass
		process.wait(timeout=20)

	def stop(self) -> None:
		for process in reversed(self._started):
			if process.poll() is None:
				self.kill(process)

	def _prefix(self) -> list[str]:
		return [str(self.python), "-m", "frappe.utils.bench_helper", "frappe"]

	def _frappe(self, log: str, *arguments: str, **env: str) -> subprocess.Popen:
		return self._start(log, [*self._prefix(), *arguments], **env)

	def _start(self, log: str, command: list[str], **env: str) -> subprocess.Popen:
		with (self.logs / f"{log}.log").open("ab") as output:
			process = subprocess.Popen(
				command,
				cwd=self.sites,
				env={**self.env, **env},
				stdin=subprocess.DEVNULL,
				stdout=output,
				stderr=subprocess.STDOUT,
				start_new_session=True,
			)
		self._started.append(process)
		return process


def redis(port: int, folder: Path) -> list[str]:
	"""The command of a Redis that keeps nothing."""
	return ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]


def listens(port: int) -> bool:
	try:
		with socket.create_connection(("127.0.0.1", port), timeout=1):
			return True
	except OSError:
		return False


def descendants(pid: int) -> list[int]:
	"""Every process that this one has started, and theirs."""
	children = []
	for entry in Path("/proc").iterdir():
		if entry.name.isdigit():
			try:
				parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
			except (OSError, IndexError, ValueError):
				continue
			if parent == pid:
				children.append(int(entry.name))
	return children + [found for child in children for found in descendants(child)]
