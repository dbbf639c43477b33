"""A real HTTP receiver on this machine: what an SMS gateway or another system would be."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
	method: str
	path: str
	headers: dict[str, str]
	body: str


class Gateway:
	"""Takes every request and answers 200; while `hold()` lasts, it takes them and does not answer."""

	def __init__(self) -> None:
		self.requests: list[Received] = []
		self._open = threading.Event()
		self._open.set()
		outer = self

		class Request(BaseHTTPRequestHandler):
			def do_GET(self) -> None:
				body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
				headers = {name.lower(): value for name, value in self.headers.items()}
				outer.requests.append(Received(self.command, self.path, headers, body))
				outer._open.wait(60)
				try:
					self.send_response(200)
					self.send_header("Content-Length", "2")
					self.end_headers()
					self.wfile.write(b"{}")
				except OSError:
					pass  # whoever asked is dead: that is what some tests are about

			do_POST = do_PUT = do_GET

			def log_message(self, *arguments: object) -> None:
				"""Single requests are nothing to report."""

		self._server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
		self._server.daemon_threads = True
		self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
		threading.Thread(target=self._server.serve_forever, daemon=True).start()

	def hold(self) -> None:
		self._open.clear()

	def release(self) -> None:
		self._open.set()

	def stop(self) -> None:
		self.release()
		self._server.shutdown()
		self._server.server_close()
