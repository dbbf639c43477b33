"""What is decided for a whole file, as Flow Engine Settings decide it for a site. Keys and counters, which
nobody decides, stand in the same table and are not shown here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flow_engine.engine.condition_text import Strategy
from flow_engine.engine.errors import BadInput
from flow_engine.engine.ports import AuditEvent
from flow_engine.sqlite_host.store import Database

CHOICES: Mapping[str, tuple[str, ...]] = {"condition_strategy": tuple(Strategy)}


def read_settings(database: Database) -> dict[str, str]:
	"""Every setting with its value; the first of its choices where nothing was chosen."""
	chosen = {row["name"]: row["value"] for row in database.rows("SELECT name, value FROM setting")}
	return {
		name: chosen[name] if chosen.get(name) in choices else choices[0] for name, choices in CHOICES.items()
	}


def condition_strategy(database: Database) -> Strategy:
	return Strategy(read_settings(database)["condition_strategy"])


def change_settings(
	database: Database, audit: Callable[[AuditEvent], None], values: Mapping[str, str]
) -> dict[str, str]:
	"""Choose some; all of them as they are then. Raises BadInput."""
	for name, value in values.items():
		if name not in CHOICES:
			raise BadInput(f"{name!r} is no setting (there are: {', '.join(CHOICES)}).")
		if value not in CHOICES[name]:
			raise BadInput(f"`{name}` must be one of {', '.join(CHOICES[name])}.")

	def work() -> dict[str, str]:
		before = read_settings(database)
		for name, value in values.items():
			if value == before[name]:
				continue
			database.execute(
				"INSERT INTO setting (name, value) VALUES (%s, %s) "
				"ON CONFLICT (name) DO UPDATE SET value = excluded.value",
				[name, value],
			)
			details = {"setting": name}
			audit(AuditEvent("settings.changed", from_status=before[name], to_status=value, details=details))
		return read_settings(database)

	return database.transact(work)
