"""Connections that go to addresses checked beforehand and end at a deadline.

The connection keeps the host's name, so `Host`, TLS server name and certificate check use it; only the socket
is opened by address. One `Line` is one exchange: nothing is kept open or shared afterwards.
"""

from __future__ import annotations

import io
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

_SEND_BYTES = 16_384


class Deadline:
	"""The moment, by the monotonic clock, at which a whole call must be over."""

	def __init__(self, seconds: float):
		self._at = time.monotonic() + seconds

	def remaining(self) -> float:
		"""Seconds left, always more than zero. Raises TimeoutError when there are none."""
		left = self._at - time.monotonic()
		if left <= 0:
			raise TimeoutError("deadline")
		return left


class Line:
	"""Where one exchange goes, and what became of it.

	host: as in the URL, IPv6 without brackets. addresses: checked, in the resolver's order.
	sent: a byte of the request may have left; until then the other side cannot have acted.
	ended: the other side has closed its end, and that was noticed.
	trouble: why it broke, in words without the URL.
	"""

	def __init__(self, scheme: str, host: str, port: int, addresses: Sequence[str], deadline: Deadline):
		self.scheme = scheme
		self.host = host
		self.port = port
		self.addresses = addresses
		self.deadline = deadline
		self.sent = False
		self.ended = False
		self.trouble = ""

	def connect(self) -> socket.socket:
		"""A connected socket with the time left as its timeout. Raises OSError after trying every address."""
		failure: OSError = OSError("no address")
		for i, address in enumerate(self.addresses):
			# A share each: an address that swallows packets must leave time for the next one.
			share = self.deadline.remaining() / (len(self.addresses) - i)
			family = socket.AF_INET6 if ":" in address else socket.AF_INET
			try:
				target = socket.getaddrinfo(
					address, self.port, family, socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
				)[0][4]
				sock = socket.socket(family, socket.SOCK_STREAM)
			except OSError as e:
				failure = e
				continue
			try:
				sock.settimeout(share)
				sock.connect(target)
				sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
				sock.settimeout(self.deadline.remaining())
				return sock
			except OSError as e:
				sock.close()
				failure = e
		raise failure


class _Wire:
	"""A connected socket of which every send and receive gets only the time that is left."""

	def __init__(self, sock: Any, line: Line):
		self._sock = sock
		self._line = line

	def settimeout(self, seconds: float | None) -> None:
		"""Ignored: the deadline decides."""

	def sendall(self, data: Any, flags: int = 0) -> None:
		view = memoryview(data).cast("B")
		self._line.sent = True
		while view:
			self._sock.settimeout(self._line.deadline.remaining())
			view = view[self._sock.send(view[:_SEND_BYTES], flags) :]

	def makefile(self, mode: str = "rb", *args: Any, **kwargs: Any) -> io.BufferedReader:
		return io.BufferedReader(_WireReader(self._sock, self._line))

	def __getattr__(self, name: str) -> Any:
		return getattr(self._sock, name)


class _WireReader(io.RawIOBase):
	"""Reads from the socket; keeps it open, as `socket.makefile` does, until it is closed itself."""

	def __init__(self, sock: Any, line: Line):
		self._sock = sock
		self._line = line
		self._raw = sock.makefile("rb", buffering=0)

	def readable(self) -> bool:
		return True

	def readinto(self, buffer: Any) -> int | None:
		try:
			self._sock.settimeout(self._line.deadline.remaining())
			count = self._raw.readinto(buffer)
		except TimeoutError:
			self._line.trouble = "no complete answer came in time"
			raise
		if count == 0:
			self._line.ended = True
		return count

	def close(self) -> None:
		if not self.closed:
			self._raw.close()
		super().close()


class _Pinned:
	"""What both connection classes do differently from urllib3's."""

	def __init__(self, *args: Any, line: Line, **kwargs: Any):
		self._line = line
		super().__init__(*args, **kwargs)

	def _new_conn(self) -> socket.socket:
		try:
			return self._line.connect()
		except TimeoutError:
			self._line.trouble = "the connection was not made in time"
		except OSError as e:
			self._line.trouble = f"no connection ({e.strerror or type(e).__name__})"
		raise NewConnectionError(self, self._line.trouble)

	def connect(self) -> None:
		try:
			super().connect()
		except ssl.SSLCertVerificationError as e:
			self._line.trouble = f"the certificate was not accepted ({e.verify_message})"
			raise
		except OSError:
			self._line.trouble = "no secure connection could be made"
			raise
		self.sock = _Wire(self.sock, self._line)


class _PinnedHTTP(_Pinned, HTTPConnection):
	pass


class _PinnedHTTPS(_Pinned, HTTPSConnection):
	pass


class _OnePool:
	"""Stands where requests keeps its pool manager and gives the line's pool, whatever is asked for.

	Which way an adapter takes to its pool differs between releases of requests; a way that is not ours would
	resolve the name again and connect unchecked.
	"""

	def __init__(self, line: Line, tls: ssl.SSLContext):
		self.connection_pool_kw: dict[str, Any] = {}
		host = f"[{line.host}]" if ":" in line.host else line.host
		if line.scheme == "https":
			self.pool: HTTPConnectionPool = HTTPSConnectionPool(
				host, line.port, maxsize=1, cert_reqs="CERT_REQUIRED", ssl_context=tls
			)
			self.pool.ConnectionCls = partial(_PinnedHTTPS, line=line)
		else:
			self.pool = HTTPConnectionPool(host, line.port, maxsize=1)
			self.pool.ConnectionCls = partial(_PinnedHTTP, line=line)

	def _get(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
		return self.pool

	connection_from_host = connection_from_url = connection_from_context = connection_from_pool_key = _get

	def clear(self) -> None:
		self.pool.close()


class PinnedAdapter(HTTPAdapter):
	"""The requests transport of one line: no proxy, no environment, no reuse."""

	def __init__(self, line: Line, tls: ssl.SSLContext):
		self._one_pool = _OnePool(line, tls)
		super().__init__(pool_connections=1, pool_maxsize=1)

	def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
		self.poolmanager = self._one_pool

	def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
		return self._one_pool.pool

	def get_connection(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
		return self._one_pool.pool

	def cert_verify(self, *args: Any, **kwargs: Any) -> None:
		"""Nothing to add: the pool was made with a context that verifies."""


class _Quiet(logging.Filter, threading.local):
	"""Drops what urllib3 logs in this thread during a call: its lines carry the URL, secrets included."""

	active = False

	def filter(self, record: logging.LogRecord) -> bool:
		return not self.active


_quiet = _Quiet()
for _name in ("urllib3.connection", "urllib3.connectionpool"):
	logging.getLogger(_name).addFilter(_quiet)


@contextmanager
def unlogged() -> Iterator[None]:
	"""urllib3 logs nothing from this thread inside."""
	_quiet.active = True
	try:
		yield
	finally:
		_quiet.active = False
