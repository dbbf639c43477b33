"""Runs over HTTP: `flow-engine serve` in a process of its own, a run started and finished by every request.

Five steps without effect, as the five Set nodes behind n8n's webhook; a request is answered when its run has
ended and says so. Clients keep their connection. They live in this process, so on two cores they take a part
of what the server could have.
"""

from __future__ import annotations

import json
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

from benchmarks.measure import Measurement, in_turns, median
from benchmarks.standalone import STEPS, flow
from flow_engine.testing.served import ServedHost

# n8n 1.110 on two cores like these, webhook → five Set nodes, SQLite: requests per second.
N8N = 200.0
REQUESTS_PER_SAMPLE = 400
CLIENTS = (1, 8)
TARGET = ">= 2"
_PREFIX = "/api/method/flow_engine.api."


class Client:
	"""One connection that starts runs, one after the other."""

	def __init__(self, url: str, template: str):
		place = urlsplit(url)
		self.socket = socket.create_connection((place.hostname, place.port))
		self.answers = self.socket.makefile("rb")
		body = json.dumps({"template": template, "wait_seconds": 10}).encode()
		head = (
			f"POST {_PREFIX}runs.start HTTP/1.1\r\nHost: {place.netloc}\r\n"
			f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
		)
		self.request = head.encode() + body

	def run(self) -> None:
		self.socket.sendall(self.request)
		status, length = self.answers.readline(), 0
		while (line := self.answers.readline()) not in (b"\r\n", b""):
			if line.lower().startswith(b"content-length:"):
				length = int(line.split(b":")[1])
		answer = json.loads(self.answers.read(length))
		assert b" 200 " in status and len(answer["message"]["executed"]) == STEPS, (status, answer)


def sampler(clients: list[Client]) -> Callable[[], float]:
	"""Requests per second of all clients together."""

	def sample() -> float:
		each = REQUESTS_PER_SAMPLE // len(clients)
		failures: list[BaseException] = []

		def work(client: Client) -> None:
			try:
				for _ in range(each):
					client.run()
			except BaseException as error:
				failures.append(error)

		threads = [threading.Thread(target=work, args=[client]) for client in clients]
		began = perf_counter()
		for thread in threads:
			thread.start()
		for thread in threads:
			thread.join()
		took = perf_counter() - began
		if failures:
			raise failures[0]
		return each * len(clients) / took

	return sample


def measure(rounds: int) -> Iterator[Measurement]:
	with tempfile.TemporaryDirectory(prefix="flow-bench-") as folder, ServedHost(Path(folder)) as served:
		template = served.flow("five", flow("wait", {}))["name"]
		sides = {
			str(count): sampler([Client(served.url, template) for _ in range(count)]) for count in CLIENTS
		}
		samples = in_turns(sides, rounds)
	for count in CLIENTS:
		value = median(samples[str(count)])
		yield Measurement(
			f"standalone over HTTP: a run of 5 steps in each request, {count} at a time",
			value,
			"requests/s",
			f"n8n at {N8N:.0f}/s, measured before on two cores, not in this run (ours / n8n)",
			value / N8N,
			TARGET,
		)
