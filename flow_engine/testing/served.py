"""A standalone server as a process of its own, for tests that go through HTTP or a browser."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

_ADDRESS = re.compile(r"http://[^ ]+")


class Refused(Exception):
	"""The server refused: `status`, and `code` with the rest of the body in `body`."""

	def __init__(self, status: int, body: dict[str, Any]):
		super().__init__(f"{status} {body}")
		self.status = status
		self.body = body
		self.code = body.get("code")


class ServedHost:
	"""`flow-engine serve` on a free port, on a database in `folder`; stops with the `with` block."""

	def __init__(self, folder: Path, *options: str):
		self.database = folder / "flows.sqlite3"
		self.options = options
		self.url = ""
		self.process: subprocess.Popen[str] | None = None
		self.session = requests.Session()
		# A proxy set for the machine has nothing to say about a server on it.
		self.session.trust_env = False

	def __enter__(self) -> ServedHost:
		command = [
			sys.executable,
			"-m",
			"flow_engine.cli",
			"serve",
			"--db",
			str(self.database),
			"--port",
			"0",
		]
		self.process = subprocess.Popen(
			[*command, *self.options],
			stdout=subprocess.PIPE,
			stderr=(self.database.parent / "server.log").open("a"),
			text=True,
			env={**os.environ, "PYTHONUNBUFFERED": "1"},
		)
		assert self.process.stdout is not None
		line = self.process.stdout.readline()
		found = _ADDRESS.search(line)
		assert found, f"the server did not start: {line!r} {self.log}"
		self.url = found[0]
		return self

	def __exit__(
		self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
	) -> None:
		self.stop()

	def stop(self, number: int = signal.SIGTERM) -> int:
		"""Send the signal and wait; the exit code."""
		assert self.process is not None
		if self.process.poll() is None:
			self.process.send_signal(number)
		code = self.process.wait(timeout=30)
		if self.process.stdout is not None:
			self.process.stdout.close()
		return code

	@property
	def log(self) -> str:
		return (self.database.parent / "server.log").read_text()

	def api(self, path: str, **arguments: Any) -> Any:
		"""POST a JSON body; the `message`. Raises Refused."""
		return self.answer(self.session.post(self.path(path), json=arguments, timeout=60))

	def get(self, path: str, **arguments: Any) -> Any:
		return self.answer(self.session.get(self.path(path), params=arguments, timeout=60))

	def path(self, path: str) -> str:
		return f"{self.url}/api/method/flow_engine.api.{path}"

	@staticmethod
	def answer(response: requests.Response) -> Any:
		body = response.json()
		if response.status_code != 200:
			raise Refused(response.status_code, body)
		return body["message"]

	def flow(self, name: str, definition: dict[str, Any], **fields: Any) -> dict[str, Any]:
		"""An active flow with this definition."""
		made = self.api("templates.create", template_name=name, flow_definition=definition, **fields)
		return self.api("templates.update", name=made["template"]["name"], is_active=1)["template"]

	def run(self, name: str) -> dict[str, Any]:
		return self.get("runs.get", run=name)["run"]

	def steps(self, run: str) -> dict[str, str]:
		"""Step id → status."""
		return {step["id"]: step["status"] for step in self.run(run)["steps"]}
