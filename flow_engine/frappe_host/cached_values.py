"""One small value of the site's cache, asked for on the way of every request's first save.

The trip to Redis is short; putting the command together and handing it through the client's layers takes as
long again. So the command is packed once, and goes over a connection of the cache's own pool.
"""

from __future__ import annotations

import frappe

_packed: dict[bytes, list[bytes]] = {}


def ask_value(name: str) -> bytes | None:
	"""The value of this name, as it was written. Raises what the client raises: RedisError, OSError."""
	cache = frappe.cache
	key, pool = cache.make_key(name), cache.connection_pool
	connection = pool.get_connection("GET")
	try:
		command = _packed.get(key)
		if command is None:
			command = _packed[key] = [b"".join(connection.pack_command("GET", key))]
		connection.send_packed_command(command)
		return connection.read_response()
	except BaseException:
		# Also when a job's time is up in between: an answer still to come would be taken for the next one's.
		connection.disconnect()
		raise
	finally:
		pool.release(connection)
