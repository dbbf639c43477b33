"""Scripted HTTP servers on loopback addresses."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from flow_engine.outbound.http import resolve_name

LOOPBACK = ("127.0.0.1",)
NAMES = {"one.test": ["127.0.0.1"], "two.test": ["127.0.0.1"], "receiver.test": ["127.0.0.1"]}
# Key and self-signed certificate for the name receiver.test, made for these tests only.
RECEIVER_PEM = str(Path(__file__).with_name("receiver.pem"))


@dataclass
class Seen:
	"""A request as the server saw it; header names in lower case."""

	method: str
	path: str
	headers: dict[str, str]
	body: bytes


@dataclass
class Reply:
	status: int = 200
	headers: dict[str, str] = field(default_factory=dict)
	body: bytes = b""


class Receiver:
	"""One HTTP server; `answer` decides, `seen` remembers."""

	def __init__(self, address: str = "127.0.0.1", tls: bool = False):
		self.seen: list[Seen] = []
		self.answer: Callable[[Seen], Reply] = lambda request: Reply()
		receiver = self

		class Handler(BaseHTTPRequestHandler):
			def respond(self) -> None:
				length = int(self.headers.get("Content-Length") or 0)
				headers = {name.lower(): value for name, value in self.headers.items()}
				request = Seen(self.command, self.path, headers, self.rfile.read(length))
				receiver.seen.append(request)
				reply = receiver.answer(request)
				self.send_response(reply.status)
				for name, value in reply.headers.items():
					self.send_header(name, value)
				self.send_header("Content-Length", str(len(reply.body)))
				self.end_headers()
				if self.command != "HEAD":
					try:
						self.wfile.write(reply.body)
					except OSError:
						pass  # the client has had enough

			do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = respond

			def log_message(self, *args: object) -> None:
				pass

		class Server(ThreadingHTTPServer):
			address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
			daemon_threads = True

			def handle_error(self, *args: object) -> None:
				pass

		self.server = Server((address, 0), Handler)
		if tls:
			context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
			context.load_cert_chain(RECEIVER_PEM)
			self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
		self.scheme = "https" if tls else "http"
		self.address = address
		self.port = self.server.server_port
		threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

	def url(self, path: str = "/", host: str | None = None) -> str:
		host = host or (f"[{self.address}]" if ":" in self.address else self.address)
		return f"{self.scheme}://{host}:{self.port}{path}"

	def close(self) -> None:
		self.server.shutdown()
		self.server.server_close()


def names(host, port):
	"""A resolver that knows the test's own names and otherwise asks the system."""
	return NAMES.get(host) or resolve_name(host, port)


def redirect(status, location):
	return Reply(status, {"Location": location})


# --- scripts for bare sockets -------------------------------------------------------------------------------


def drop(connection, over):
	"""Accept the request, say nothing, hang up."""


def say(data):
	return lambda connection, over: connection.sendall(data)
