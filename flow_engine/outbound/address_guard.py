"""Which network addresses a flow may call: public ones, and private ones an administrator has named.

Decides on resolved addresses only, never on how a host was spelled. The tables are written out because what
`ipaddress` calls private or global differs between Python patch releases.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from flow_engine.engine.errors import HttpRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IANA IPv4 special-purpose registry, and multicast.
_SPECIAL_V4 = tuple(
	ipaddress.IPv4Network(text)
	for text in (
		"0.0.0.0/8",
		"10.0.0.0/8",
		"100.64.0.0/10",
		"127.0.0.0/8",
		"169.254.0.0/16",
		"172.16.0.0/12",
		"192.0.0.0/24",
		"192.0.2.0/24",
		"192.88.99.0/24",
		"192.168.0.0/16",
		"198.18.0.0/15",
		"198.51.100.0/24",
		"203.0.113.0/24",
		"224.0.0.0/4",
		"240.0.0.0/4",
	)
)
# Only 2000::/3 is handed out as global unicast; these parts of it are not.
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
	ipaddress.IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20")
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = ipaddress.IPv6Network("2002::/16")

# Instance metadata hands out credentials to whoever asks: a range or a name is not consent enough for these.
_METADATA = frozenset(
	ipaddress.ip_address(text)
	for text in (
		"169.254.169.254",
		"169.254.170.2",
		"100.100.100.200",
		"168.63.129.16",
		"192.0.0.192",
		"fd00:ec2::254",
		"fd00:ec2::23",
		"fd20:ce::254",
	)
)


def read_address(text: str) -> Address:
	"""The address of a resolver's answer, without an IPv6 scope. Raises ValueError."""
	return ipaddress.ip_address(text.partition("%")[0])


def unwrap_address(address: Address) -> Address:
	"""The IPv4 address that an IPv4-mapped, 6to4 or NAT64 address leads to; else the address itself."""
	if isinstance(address, ipaddress.IPv4Address):
		return address
	if address.ipv4_mapped is not None:
		return address.ipv4_mapped
	if address in _NAT64:
		return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
	if address in _SIX_TO_FOUR:
		return ipaddress.IPv4Address((int(address) >> 80) & 0xFFFFFFFF)
	return address


def is_public(address: Address) -> bool:
	"""Is the address, or the IPv4 address inside it, one of the open internet?"""
	address = unwrap_address(address)
	if address in _METADATA:
		return False
	if isinstance(address, ipaddress.IPv4Address):
		return not any(address in network for network in _SPECIAL_V4)
	return address in _GLOBAL_V6 and not any(address in network for network in _SPECIAL_V6)


class AddressGuard:
	"""Says yes or no to the addresses a host name resolved to.

	allowed_private_hosts: names, IP addresses, CIDR ranges, each optionally with `:port` (`[v6]:port`).
	A name or a range opens private addresses; a metadata address must be listed itself; multicast and the
	unspecified address stay closed.
	"""

	def __init__(self, allowed_private_hosts: Iterable[str] = ()):
		self._names: set[tuple[str, int | None]] = set()
		self._networks: list[tuple[Network, int | None]] = []
		for entry in allowed_private_hosts:
			self._allow(entry.strip().lower())

	def _allow(self, entry: str) -> None:
		if not entry:
			return
		host, port = _split_port(entry)
		try:
			self._networks.append((ipaddress.ip_network(host, strict=False), port))
		except ValueError:
			self._names.add((host.rstrip("."), port))

	def check(self, host: str, port: int, addresses: Iterable[str]) -> list[str]:
		"""The addresses, unchanged. Raises HttpRefused unless every one of them may be called.

		One bad address among good ones refuses them all: which one is used must not depend on luck.
		"""
		checked = list(addresses)
		for text in checked:
			try:
				address = read_address(text)
			except ValueError:
				address = None
			if address is None or not self._may_call(host.lower().rstrip("."), port, address):
				raise HttpRefused(
					f"{host} is at a private or reserved address, which flows may not call "
					"unless an administrator allows it."
				)
		return checked

	def _may_call(self, host: str, port: int, address: Address) -> bool:
		if is_public(address):
			return True
		inner = unwrap_address(address)
		if inner.is_multicast or inner.is_unspecified:
			return False
		for network, only_port in self._networks:
			if only_port not in (None, port) or not (_within(inner, network) or _within(address, network)):
				continue
			if inner not in _METADATA or network.num_addresses == 1:
				return True
		return inner not in _METADATA and bool(self._names & {(host, None), (host, port)})


def _within(address: Address, network: Network) -> bool:
	return address.version == network.version and address in network


def _split_port(entry: str) -> tuple[str, int | None]:
	"""`host:port` and `[v6]:port` apart; a bare IPv6 address or range has colons of its own and no port."""
	if entry.startswith("["):
		host, _, rest = entry[1:].partition("]")
		return host, _port(rest.lstrip(":"))
	if entry.count(":") == 1:
		host, _, port = entry.partition(":")
		if _port(port) is not None:
			return host, _port(port)
	return entry, None


def _port(text: str) -> int | None:
	return int(text) if text.isascii() and text.isdigit() else None
