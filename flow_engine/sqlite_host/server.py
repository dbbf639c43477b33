"""The standalone server: the API, the page and the links of waiting steps over one SQLite file.

A small WSGI application under waitress, and one worker thread beside it. Decides which part answers a path,
and turns every error into an answer; a traceback goes into the log and never to a caller.
"""

from __future__ import annotations

import json
import logging
import signal
import socket
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from waitress import create_server
from werkzeug.wrappers import Request, Response

from flow_engine.engine.errors import BadInput, FlowError
from flow_engine.engine.inbound import MAX_BODY_BYTES, Call
from flow_engine.engine.interventions import MAX_INPUT_BYTES
from flow_engine.service import arguments as read
from flow_engine.service import doors
from flow_engine.service.language import said_again, with_problems_in
from flow_engine.service.receiving import ACCEPTED
from flow_engine.sqlite_host import api, editor_page, incoming, pages
from flow_engine.sqlite_host.api import Caller
from flow_engine.sqlite_host.host import StandaloneHost
from flow_engine.sqlite_host.inbound_hooks import PATH as RECEIVE
from flow_engine.sqlite_host.trail_api import Download
from flow_engine.sqlite_host.worker import Worker

log = logging.getLogger("flow_engine")

LINK = "/flow-link"
THREADS = 8
_ASSETS = Path(__file__).parent / "assets"
_ASSET_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
	"X-Content-Type-Options": "nosniff",
	# Not `no-referrer`: with it, browsers send our own forms with `Origin: null`.
	"Referrer-Policy": "same-origin",
	"Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
	"img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	"Cache-Control": "no-store",
}


class InternalError(FlowError):
	"""Something went wrong here; the server's log says what."""

	code = "internal_error"
	http_status = 500


class Application:
	"""The WSGI application. hosts: the names it answers to; None for any."""

	def __init__(
		self, host: StandaloneHost, worker: Worker, hosts: Collection[str] | None = incoming.LOOPBACK
	):
		self.caller = Caller(host, worker)
		self.hosts = hosts

	def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
		request = Request(environ)
		response = self.answer(request)
		for name, value in _HEADERS.items():
			response.headers.setdefault(name, value)
		return response(environ, start_response)

	def answer(self, request: Request) -> Response:
		for_programs = request.path.startswith("/api/")
		try:
			if not request.path.startswith(LINK):
				incoming.check_sender(request, self.hosts)
			if for_programs:
				answer = self._api(request)
				if isinstance(answer, Download):
					return _file(answer)
				status = ACCEPTED if request.path == RECEIVE else 200
				return _json({"message": with_problems_in(answer, _language(request))}, status)
			return self._page(request)
		except FlowError as error:
			return _refusal(request, error, for_programs)
		except Exception:
			log.exception("%s %s", request.method, request.path)
			return _refusal(request, InternalError(), for_programs)

	def _api(self, request: Request) -> Any:
		if not request.path.startswith(api.PREFIX):
			raise api.UnknownPath()
		path = request.path[len(api.PREFIX) :]
		if request.path == RECEIVE:
			return api.call(self.caller, path, request.method, _call(request))
		if path != "runs.complete":
			return api.call(self.caller, path, request.method, incoming.arguments(request))
		arguments = incoming.arguments(request, MAX_INPUT_BYTES)
		token = request.headers.get("X-Flow-Token")
		return api.call(self.caller, path, request.method, {"token": token, **arguments})

	def _page(self, request: Request) -> Response:
		path = request.path
		if path == LINK:
			return self._link(request)
		if path.startswith("/assets/"):
			return _asset(path[len("/assets/") :])
		parts = [part for part in path.split("/") if part]
		if request.method == "POST":
			raise api.UnknownPath()
		if editor_page.answers(parts):
			return Response(editor_page.document(), content_type="text/html; charset=utf-8")
		return _html(pages.draw(self.caller.host, parts, request.args))

	def _link(self, request: Request) -> Response:
		"""What a waiting step's link does: a person sees what is asked and confirms, a machine posts."""
		run, step = read.needed(request.args.get("run"), "run"), read.needed(request.args.get("step"), "step")
		token = read.needed(request.args.get("token"), "token")
		if request.method != "POST":
			return _html(pages.confirmation(self.caller.host, run, step, token))
		posted = incoming.posted(request, MAX_INPUT_BYTES)
		answer = doors.complete(self.caller.host, run, step, posted if posted else None, token)
		if request.mimetype in incoming.FORMS:
			return _html(pages.confirmed())
		return _json({"message": answer})


def _call(request: Request) -> dict[str, Any]:
	"""A call to an inbound hook: its bytes as they came, because they are what is signed."""
	body = incoming.body(request, MAX_BODY_BYTES) if request.method == "POST" else b""
	headers = {name.lower(): value for name, value in request.headers.items()}
	return {"hook": request.args.get("hook"), "call": Call(body, headers, request.remote_addr or "")}


def _language(request: Request) -> str:
	"""What the reader's browser asks for first."""
	return request.accept_languages.best or "en"


def _json(data: Any, status: int = 200) -> Response:
	text = json.dumps(data, ensure_ascii=False, default=str)
	return Response(text.encode("utf-8", "backslashreplace"), status, content_type="application/json")


def _file(download: Download) -> Response:
	headers = {"Content-Disposition": f'attachment; filename="{download.name}"'}
	return Response(download.chunks, content_type=download.content_type, headers=headers)


def _html(text: str, status: int = 200) -> Response:
	return Response(text.encode("utf-8", "backslashreplace"), status, content_type="text/html; charset=utf-8")


def _refusal(request: Request, error: FlowError, for_programs: bool) -> Response:
	wants_html = "text/html" in request.headers.get("Accept", "") or request.mimetype in incoming.FORMS
	if for_programs or not wants_html:
		language = _language(request)
		said = with_problems_in(error.as_dict(), language)
		said["message"] = said_again(said["message"], language)
		return _json({**said, "exc_type": type(error).__name__}, error.http_status)
	return _html(pages.refusal(error), error.http_status)


def _asset(name: str) -> Response:
	if name.startswith(editor_page.FOLDER):
		built = editor_page.asset(name[len(editor_page.FOLDER) :])
		if built is None:
			raise api.UnknownPath()
		return Response(
			built[0], content_type=f"{built[1]}; charset=utf-8", headers={"Cache-Control": editor_page.KEEP}
		)
	path = _ASSETS / name
	if "/" in name or path.suffix not in _ASSET_TYPES or not path.is_file():
		raise api.UnknownPath()
	return Response(path.read_bytes(), content_type=f"{_ASSET_TYPES[path.suffix]}; charset=utf-8")


class AddressInUse(FlowError):
	"""The address cannot be listened on."""

	code = "address_in_use"


def listen(address: str, port: int) -> socket.socket:
	"""A listening socket; port 0 takes a free one. Raises AddressInUse, BadInput."""
	if not 0 <= port <= 65535:
		raise BadInput("The port must be between 0 and 65535.")
	try:
		family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
		sock = socket.socket(family, socket.SOCK_STREAM)
	except (OSError, UnicodeError) as error:
		reason = getattr(error, "strerror", None) or "not a name"
		raise BadInput(f"{address!r} is not an address to listen on: {reason}.") from None
	try:
		sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		sock.bind((address, port))
		sock.listen(128)
	except OSError as error:
		sock.close()
		raise AddressInUse(f"Cannot listen on {address} port {port}: {error.strerror}.") from None
	return sock


def serve(host: StandaloneHost, sock: socket.socket, hosts: Collection[str] | None) -> None:
	"""Answer requests and run flows until SIGTERM or SIGINT; what is being done is finished first."""
	worker = Worker(host)
	server = create_server(
		Application(host, worker, hosts),
		sockets=[sock],
		threads=THREADS,
		ident=None,
		max_request_body_size=2 * incoming.MAX_BODY_BYTES,
		clear_untrusted_proxy_headers=True,
	)

	def stop(signum: int, frame: Any) -> None:
		raise SystemExit(0)

	before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
	worker.start()
	try:
		server.run()
	except SystemExit:
		pass
	finally:
		for number, handler in before.items():
			signal.signal(number, handler)
		server.close()
		worker.stop()


__all__ = ["AddressInUse", "Application", "listen", "serve"]
