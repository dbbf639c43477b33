"""Who asks, on a host that knows no logins: whoever runs it may do everything, unless a call says as whom.

A call's `user` is taken at its word. What roles that one has stands in the document `User` of the name, in
the shape that a site has: `{"roles": [{"role": …}]}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flow_engine.engine.allow_lists import Person, check_start
from flow_engine.engine.errors import DocumentNotFound
from flow_engine.service import arguments as read
from flow_engine.sqlite_host.host import StandaloneHost

_MANAGERS = frozenset(("Flow Manager", "System Manager"))


def person(host: StandaloneHost, user: Any) -> Person | None:
	"""None: nobody in particular, so nobody has to be asked. Raises BadInput."""
	name = read.text(user, "user")
	if name is None:
		return None
	try:
		rows = host.documents.get("User", name).get("roles")
	except DocumentNotFound:
		rows = None
	listed = rows if isinstance(rows, list) else []
	roles = {row.get("role") if isinstance(row, Mapping) else row for row in listed}
	names = frozenset(role for role in roles if isinstance(role, str))
	return Person(name, names, not names.isdisjoint(_MANAGERS))


def starting(who: Person | None) -> Callable[[Mapping[str, Any] | None], None]:
	"""What `doors.start` asks."""

	def check(starters: Mapping[str, Any] | None) -> None:
		if who is not None:
			check_start(starters, who)

	return check
