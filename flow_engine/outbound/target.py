"""A URL taken apart once, strictly: what is checked, connected to and sent is made from these parts only.

Two parsers that disagree about where the host ends are how address guards are passed by; so whatever a parser
might read differently (user names, backslashes, control characters, odd host characters) is refused.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import idna

from flow_engine.engine.errors import BadTemplate, HttpRefused

_DEFAULT_PORTS = {"http": 80, "https": 443}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SECRET_HOST = re.compile(r"\A(?:[^/?#]*//)?[^/?#]*\{\{")
_NAME = re.compile(r"\A[a-z0-9_](?:[a-z0-9_.-]{0,252})\Z")


@dataclass(frozen=True, slots=True)
class Target:
	"""Where a request goes. host: lower case, IDNA, IPv6 without brackets. path and query as given."""

	scheme: str
	host: str
	port: int
	path: str
	query: str

	@property
	def origin(self) -> str:
		host = f"[{self.host}]" if ":" in self.host else self.host
		port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
		return f"{self.scheme}://{host}{port}"

	@property
	def shown(self) -> str:
		"""For messages: no query, which is where keys and personal data stand."""
		return self.origin + self.path[:200]

	def is_same_party(self, origin: Target) -> bool:
		"""Is this the same server as `origin`, or its move from http to https at the usual ports?"""
		if self.host != origin.host:
			return False
		if (self.scheme, self.port) == (origin.scheme, origin.port):
			return True
		return (origin.scheme, origin.port, self.scheme, self.port) == ("http", 80, "https", 443)


def parse_target(url: str) -> Target:
	"""The target of a URL. Raises BadTemplate (line break, placeholder as host), HttpRefused (all else)."""
	url = url.strip(" ")
	if _CONTROL.search(url):
		raise BadTemplate("The URL contains a line break or another control character.")
	if _SECRET_HOST.match(url):
		raise BadTemplate("A secret may stand in the path or the query of a URL, never in its host.")
	try:
		parts = urlsplit(url)
		port = parts.port
		host = parts.hostname or ""
	except ValueError:
		parts = None
	if parts is None or "\\" in url:
		raise HttpRefused("The URL cannot be read.")
	scheme = parts.scheme.lower()
	if scheme not in _DEFAULT_PORTS:
		raise HttpRefused("Only http and https URLs may be called.")
	if "@" in parts.netloc:
		raise HttpRefused("A URL may not carry a user name or password; use a header with a secret.")
	if port == 0:
		raise HttpRefused("The URL's port cannot be called.")
	return Target(
		scheme=scheme,
		host=_read_host(host, "[" in parts.netloc),
		port=port or _DEFAULT_PORTS[scheme],
		path=parts.path or "/",
		query=parts.query,
	)


def _read_host(host: str, bracketed: bool) -> str:
	if bracketed:
		try:
			return str(ipaddress.IPv6Address("" if "%" in host else host))
		except ValueError:
			pass
	else:
		if not host.isascii():
			try:
				host = idna.encode(host, uts46=True).decode("ascii")
			except idna.IDNAError:
				host = ""
		if _NAME.match(host.lower()):
			return host.lower()
	raise HttpRefused("The URL's host name cannot be read.")
