"""A piece of code that must reach nobody: connections and programs are refused while it runs.

For code that others wrote and that is only being tried. It stops what is done in this thread by ordinary
means, whatever library does it; it is no wall against code that wants around it (another thread, a connection
opened before).
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flow_engine.engine.errors import CannotSimulate

_REFUSED = frozenset(("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn"))
_CONNECTS = frozenset(("socket.connect", "socket.sendto"))
# The addresses that may still be connected to; None: nothing is refused.
_allowed: ContextVar[Collection[tuple[str, int]] | None] = ContextVar("flow_engine_allowed", default=None)
_installed = False


@contextmanager
def unreachable(allowed: Collection[tuple[str, int]] = ()) -> Iterator[None]:
	"""Nothing inside connects anywhere or starts a program. allowed: `(host, port)` of what the host itself
	needs for reading. Raises CannotSimulate inside, where it is tried."""
	global _installed
	if not _installed:
		# There is no taking an audit hook away; this one looks at one variable and is done.
		sys.addaudithook(_audit)
		_installed = True
	token = _allowed.set(frozenset(allowed))
	try:
		yield
	finally:
		_allowed.reset(token)


def _audit(event: str, details: tuple[Any, ...]) -> None:
	if event not in _CONNECTS and event not in _REFUSED:
		return
	allowed = _allowed.get()
	if allowed is None:
		return
	if event in _CONNECTS:
		address = details[1]
		# A path is a socket on this machine: the database's or the cache's.
		if not isinstance(address, tuple) or tuple(address[:2]) in allowed:
			return
		raise CannotSimulate("The step's kind connects to another system by itself.")
	raise CannotSimulate("The step's kind starts a program.")
