"""A real HTTP receiver on this machine, for tests of what is sent: it answers as told and remembers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Seen:
	"""A request as it arrived; header names in lower case."""

	method: str
	path: str
	headers: dict[str, str]
	body: bytes


@dataclass(frozen=True)
class Answer:
	"""`status` 0 hangs until the receiver is closed."""

	status: int = 200
	headers: tuple[tuple[str, str], ...] = ()
	body: bytes = b"{}"


class Receiver:
	"""`answer` decides what each request gets; `seen` has them in the order of their arrival."""

	def __init__(self) -> None:
		self.seen: list[Seen] = []
		self.answer: Callable[[Seen], Answer] = lambda request: Answer()
		self._closing = threading.Event()
		receiver = self

		class Handler(BaseHTTPRequestHandler):
			def respond(self) -> None:
				body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
				headers = {name.lower(): value for name, value in self.headers.items()}
				request = Seen(self.command, self.path, headers, body)
				receiver.seen.append(request)
				answer = receiver.answer(request)
				if not answer.status:
					receiver._closing.wait()
					return
				self.send_response(answer.status)
				for name, value in answer.headers:
					self.send_header(name, value)
				self.send_header("Content-Length", str(len(answer.body)))
				self.end_headers()
				self.wfile.write(answer.body)

			do_GET = do_POST = respond

			def log_message(self, *arguments: object) -> None:
				"""Tests have nothing to say about single requests."""

		class Server(ThreadingHTTPServer):
			daemon_threads = True
			block_on_close = False

			def handle_error(self, *arguments: object) -> None:
				"""A client that has hung up is no news here."""

		self._server = Server(("127.0.0.1", 0), Handler)
		self.port = self._server.server_port
		threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

	def url(self, path: str = "/hook") -> str:
		return f"http://127.0.0.1:{self.port}{path}"

	def always(self, status: int, *headers: tuple[str, str]) -> None:
		self.answer = lambda request: Answer(status, headers)

	def close(self) -> None:
		self._closing.set()
		self._server.shutdown()
		self._server.server_close()
