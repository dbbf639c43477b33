"""Outbound HTTP for flows: guarded addresses, bounded time and size, an honest word on what became of a call.

Decides per hop whether the address may be called, what of the request may go there, and whether a failure
came before anything was sent (HttpNotSent), after (HttpNoAnswer), or was ours (HttpRefused, BadTemplate).
What an answer means, and whether to try again, is left to the caller. Environment, proxies, `.netrc` and
cookies play no part: each hop is one fresh connection.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from http.client import HTTPException
from urllib.parse import urljoin

import requests
from requests.certs import where as default_ca_bundle
from urllib3.exceptions import HTTPError as Urllib3Error

from flow_engine import __version__
from flow_engine.engine.errors import BadTemplate, HttpNoAnswer, HttpNotSent, HttpRefused
from flow_engine.engine.ports import HttpReply
from flow_engine.outbound.address_guard import AddressGuard
from flow_engine.outbound.pinned import Deadline, Line, PinnedAdapter, unlogged
from flow_engine.outbound.reply_body import decode_text, read_body
from flow_engine.outbound.secrets import SAFE_IN_PATH, SAFE_IN_QUERY, Secrets, has_secret
from flow_engine.outbound.target import Target, parse_target

TRUNCATED_HEADER = "x-flow-engine-truncated"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_REDIRECTS = (301, 302, 303, 307, 308)
_TOKEN = re.compile(r"\A[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# These frame the message or name the host: a second opinion on them is how requests are smuggled.
_OWN_HEADERS = frozenset(
	(
		"accept-encoding",
		"connection",
		"content-length",
		"expect",
		"host",
		"keep-alive",
		"te",
		"trailer",
		"transfer-encoding",
		"upgrade",
	)
)
# All that another server gets to see of a request's headers after a redirect.
_HARMLESS_HEADERS = frozenset(("accept", "accept-language", "content-type", "user-agent"))
_FOREIGN_ERRORS = (requests.RequestException, Urllib3Error, HTTPException, OSError, ValueError)

Resolver = Callable[[str, int], Sequence[str]]


def resolve_name(host: str, port: int) -> list[str]:
	"""The addresses of a host, in the system's order. Raises OSError, UnicodeError."""
	found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
	return list(dict.fromkeys(str(info[4][0]) for info in found))


@dataclass(frozen=True)
class _Hop:
	"""One request to one server. Headers and, while `own_url`, the URL may hold placeholders for secrets."""

	method: str
	target: Target
	headers: Mapping[str, str] = field(repr=False)
	body: bytes | None = field(repr=False)
	own_url: bool = True


@dataclass(frozen=True)
class _Answer:
	"""What came back, undecoded; `url` is the one sent, secrets included."""

	status: int
	headers: Mapping[str, str] = field(repr=False)
	url: str = field(repr=False)
	body: bytes = field(default=b"", repr=False)
	truncated: bool = False


class GuardedHttpClient:
	"""The HttpClient port of both hosts.

	allowed_private_hosts: see AddressGuard. max_body_bytes bounds the answer, unpacked; a cut answer carries
	the header `x-flow-engine-truncated: 1`. With max_redirects 0 a redirect is an answer like any other.
	ca_bundle: path of the certificates to trust, not the usual ones.
	Values of secrets are redacted from the answer too: servers echo what they are sent.
	"""

	def __init__(
		self,
		allowed_private_hosts: Iterable[str] = (),
		max_body_bytes: int = 1_000_000,
		max_redirects: int = 5,
		user_agent: str = f"FlowEngine/{__version__}",
		ca_bundle: str | None = None,
		resolve: Resolver = resolve_name,
	):
		self._guard = AddressGuard(allowed_private_hosts)
		self._max_body_bytes = max_body_bytes
		self._max_redirects = max_redirects
		self._user_agent = user_agent
		self._resolve = resolve
		# Made once: reading the certificates costs more than most calls.
		self._tls = ssl.create_default_context(cafile=ca_bundle or default_ca_bundle())

	def request(
		self,
		method: str,
		url: str,
		*,
		headers: Mapping[str, str] | None = None,
		body: str | bytes | None = None,
		timeout_seconds: float = 30,
		secret: Callable[[str, str], str] | None = None,
	) -> HttpReply:
		"""Send, follow redirects, answer; all within `timeout_seconds`.

		Raises HttpRefused, HttpNotSent, HttpNoAnswer, BadTemplate, and what `secret` raises.
		"""
		method = method.upper()
		if method not in METHODS:
			raise HttpRefused("The HTTP method is not one a flow may use.")
		deadline = Deadline(timeout_seconds)
		secrets = Secrets(secret)
		hop = _Hop(
			method,
			parse_target(url),
			_check_names(headers or {}),
			body.encode() if isinstance(body, str) else body,
		)
		acted = False
		for _ in range(self._max_redirects + 1):
			try:
				answer = self._exchange(hop, deadline, secrets)
			except HttpNotSent as e:
				if not acted:
					raise
				raise HttpNoAnswer(f"The request was answered with a redirect. {e.message}") from None
			redirects = answer.status in _REDIRECTS and "location" in answer.headers
			if not redirects or not self._max_redirects:
				return _read_reply(answer, secrets)
			following = _follow(hop, answer)
			# A server that turns a POST into a GET has done the POST: sending again would do it twice.
			acted = acted or following.method != hop.method
			hop = following
		raise HttpRefused(f"The call to {parse_target(url).origin} was redirected too often.")

	def _exchange(self, hop: _Hop, deadline: Deadline, secrets: Secrets) -> _Answer:
		"""One hop: resolve, check, connect, send, read. Raises as `request`."""
		target = hop.target
		addresses = self._guard.check(target.host, target.port, self._look_up(target, deadline))
		prepared = self._prepare(hop, secrets)
		line = Line(target.scheme, target.host, target.port, addresses, deadline)
		answer = self._converse(line, prepared)
		if answer is not None:
			return answer
		shown = secrets.redact(target.shown)
		if line.sent:
			trouble = line.trouble or "the connection broke before the answer was complete"
			raise HttpNoAnswer(f"{hop.method} {shown} was sent, but {trouble}.")
		raise HttpNotSent(f"{hop.method} {shown} was not sent: {line.trouble or 'no connection'}.")

	def _look_up(self, target: Target, deadline: Deadline) -> list[str]:
		"""The host's addresses. Raises HttpNotSent.

		In a thread of its own: the system's resolver knows no deadline and may take half a minute.
		"""
		found: list[str] = []

		def look_up() -> None:
			try:
				found.extend(self._resolve(target.host, target.port))
			except (OSError, UnicodeError):
				pass

		worker = threading.Thread(target=look_up, name="flow-engine-resolver", daemon=True)
		worker.start()
		try:
			worker.join(deadline.remaining())
		except TimeoutError:
			found = []
		addresses = list(found)
		if not addresses:
			raise HttpNotSent(f"The name {target.host} could not be resolved.")
		return addresses

	def _prepare(self, hop: _Hop, secrets: Secrets) -> requests.PreparedRequest:
		"""The request as sent, secrets filled in. Raises BadTemplate, HttpRefused, and as the secrets do."""
		target = hop.target
		path, query, host = target.path, target.query, target.host.rstrip(".")
		if hop.own_url:
			path = secrets.fill(path, host, safe=SAFE_IN_PATH)
			query = secrets.fill(query, host, safe=SAFE_IN_QUERY)
		headers: dict[str, str | bytes] = {"User-Agent": self._user_agent, "Accept": "*/*"}
		for name, template in hop.headers.items():
			value = secrets.fill(template, host).strip(" \t")
			if _CONTROL.search(value):
				raise BadTemplate(f"The header {name} contains a line break or another control character.")
			headers = {k: v for k, v in headers.items() if k.lower() != name.lower()}
			headers[name] = value.encode()
		headers |= {"Accept-Encoding": "gzip, deflate", "Connection": "close"}
		url = target.origin + path + (f"?{query}" if query else "")
		try:
			return requests.Request(hop.method, url, headers=headers, data=hop.body).prepare()
		except (requests.RequestException, ValueError):
			pass
		# Outside the handler: the error caught there quotes the URL with its secrets.
		raise HttpRefused("The URL cannot be read.")

	def _converse(self, line: Line, prepared: requests.PreparedRequest) -> _Answer | None:
		"""The answer, or None when the line broke; `line` knows how far it came.

		Foreign errors end here, unchained: their texts quote the URL with its secrets.
		"""
		adapter = PinnedAdapter(line, self._tls)
		response = None
		try:
			with unlogged():
				response = adapter.send(prepared, stream=True, proxies={})
				if line.ended:
					# The standard library takes the end of the connection for the end of the headers.
					return None
				headers = {name.lower(): value for name, value in response.headers.items()}
				answer = _Answer(response.status_code, headers, prepared.url or "")
				if answer.status in _REDIRECTS and "location" in headers:
					return answer
				body, truncated = read_body(
					partial(response.raw.read, decode_content=False),
					headers.get("content-encoding", ""),
					self._max_body_bytes,
				)
				if not truncated and response.raw.length_remaining:
					return None
				return replace(answer, body=body, truncated=truncated)
		except _FOREIGN_ERRORS:
			return None
		finally:
			if response is not None:
				response.close()
			adapter.close()


def _check_names(headers: Mapping[str, str]) -> dict[str, str]:
	"""The headers a step asks for. Raises BadTemplate."""
	for name in headers:
		if not isinstance(name, str) or not _TOKEN.match(name):
			raise BadTemplate("A header's name contains characters that a header's name cannot have.")
		if name.lower() in _OWN_HEADERS or name.lower().startswith("proxy-"):
			raise BadTemplate(f"The header {name} is set by the engine.")
	return {name: str(value) for name, value in headers.items()}


def _follow(hop: _Hop, answer: _Answer) -> _Hop:
	"""The request a redirect asks for. Raises HttpRefused.

	Another server gets none of the headers a step set but the harmless ones: not the credentials, nor the
	idempotency key. What was dropped stays dropped.
	"""
	try:
		location = answer.headers["location"].encode("latin-1", "replace").decode("utf-8", "replace")
		target = parse_target(urljoin(answer.url, location))
	except (BadTemplate, ValueError):
		target = None
	if target is None:
		raise HttpRefused(f"{hop.target.origin} redirects to an address that cannot be read.")
	if hop.target.scheme == "https" and target.scheme == "http":
		raise HttpRefused(f"{hop.target.origin} redirects from https to http.")
	method, body, headers = hop.method, hop.body, dict(hop.headers)
	if not target.is_same_party(hop.target):
		headers = {k: v for k, v in headers.items() if k.lower() in _HARMLESS_HEADERS and not has_secret(v)}
	if (answer.status == 303 and method != "HEAD") or (answer.status in (301, 302) and method == "POST"):
		method, body = "GET", None
		headers = {k: v for k, v in headers.items() if not k.lower().startswith("content-")}
	return _Hop(method, target, headers, body, own_url=False)


def _read_reply(answer: _Answer, secrets: Secrets) -> HttpReply:
	headers = {name: secrets.redact(value) for name, value in answer.headers.items()}
	headers.pop(TRUNCATED_HEADER, None)
	if answer.truncated:
		headers[TRUNCATED_HEADER] = "1"
	text = decode_text(answer.body, answer.headers.get("content-type", ""))
	return HttpReply(answer.status, headers, secrets.redact(text))
