"""A real HTTP receiver on this machine that counts what reaches it, by idempotency key."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class CountingReceiver:
	"""`arrivals`: requests by key; `effects`: those it acted on and answered with 200, or dropped.

	paths: first part of the path → how often a key is refused before it is accepted (with 503; a negative
	number: for ever, with 400). drop: the share of accepted requests whose connection is closed without an
	answer. slow: the longest time an answer takes, in seconds.
	"""

	def __init__(
		self,
		seed: int = 0,
		*,
		drop: float = 0,
		slow: float = 0,
		paths: Mapping[str, int] | None = None,
		broken: Mapping[str, int] | None = None,
	):
		self.arrivals: Counter[str] = Counter()
		self.effects: Counter[str] = Counter()
		self._random = random.Random(seed)
		self._lock = threading.Lock()
		outer = self
		refused = {**(paths or {}), **(broken or {})}

		class Request(BaseHTTPRequestHandler):
			protocol_version = "HTTP/1.1"

			def do_POST(self) -> None:
				self.rfile.read(int(self.headers.get("Content-Length") or 0))
				path = self.path.split("/")[1]
				status, dropped, wait = outer._take(self.headers["Idempotency-Key"], refused.get(path, 0))
				time.sleep(wait)
				if dropped:
					self.close_connection = True
					return
				if status != 200 and path in (broken or {}):
					status = 400
				try:
					self.send_response(status)
					self.send_header("Content-Length", "2")
					self.end_headers()
					self.wfile.write(b"{}")
				except OSError:
					pass  # whoever asked is dead: that is what these tests are about

			do_PUT = do_POST

			def do_GET(self) -> None:
				"""`/<key>`: how often this key was acted on, as somebody who looks would find out."""
				body = str(outer.effects[unquote(self.path[1:])]).encode()
				self.send_response(200)
				self.send_header("Content-Length", str(len(body)))
				self.end_headers()
				self.wfile.write(body)

			def log_message(self, *arguments: object) -> None:
				"""Single requests are nothing to report."""

		self._server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
		self._server.daemon_threads = True
		self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
		self._drop, self._slow = drop, slow
		threading.Thread(target=self._server.serve_forever, daemon=True).start()

	def _take(self, key: str, refusals: int) -> tuple[int, bool, float]:
		with self._lock:
			self.arrivals[key] += 1
			wait = self._random.uniform(0, self._slow) if self._slow else 0.0
			if refusals < 0 or self.arrivals[key] <= refusals:
				return 503, False, wait
			self.effects[key] += 1
			return 200, self._random.random() < self._drop, wait

	def forget(self) -> None:
		with self._lock:
			self.arrivals.clear()
			self.effects.clear()

	def stop(self) -> None:
		self._server.shutdown()
		self._server.server_close()
