"""A run's row in one statement: MariaDB gives name and time while it writes, and answers with both.

A start is on the way of a save, where asking first would be another round trip. MariaDB may have no names of
time zones, so how far the site's time is from UTC comes from here, by this machine's clock; `FrappeRuns` puts
it right in the hour where that was another.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

import frappe

from flow_engine.frappe_host.names import next_name_sql
from flow_engine.store.dialect import to_json
from flow_engine.store.runs import NEW_RUN

SITE_TIMES = ("creation", "modified", "started_at")
_MOMENT = "'%%Y-%%m-%%dT%%H:%%i:%%s.%%f+00:00'"
_AT = "at"


def insert_run(
	columns: Mapping[str, Any], trigger_data: Mapping[str, Any], clock: str, offset_seconds: int
) -> tuple[str, datetime]:
	"""Write the row of a run that is due now; its name and when that was, in UTC.

	`columns`: those that depend on neither; a `root_run` of None is the run itself. `clock`: the SQL
	expression of the time in UTC. `offset_seconds`: how far the site's time is ahead of it.
	"""
	before, after = _around_the_moment(trigger_data)
	values = [*columns.values(), *[offset_seconds] * len(SITE_TIMES), before, after]
	# One column: each is a packet of its own that the driver takes apart.
	name, _, at = frappe.db.sql(_statement(tuple(columns), clock), values)[0][0].partition(" ")
	return name, datetime.fromisoformat(at).replace(tzinfo=timezone.utc)


def _around_the_moment(trigger_data: Mapping[str, Any]) -> tuple[str, str]:
	"""The JSON on both sides of the time that the database puts between them."""
	text = to_json({**trigger_data, _AT: ""})
	return text[:-2], text[-2:]


@lru_cache(maxsize=32)
def _statement(columns: tuple[str, ...], clock: str) -> str:
	# The name stands first, because the row's other columns can then refer to it.
	assigned = {"name": next_name_sql("Flow Run")}
	# Constants stand in the text: escaping a value costs the driver more than sending it.
	assigned.update({column: repr(value) for column, value in NEW_RUN.items()})
	assigned.update(dict.fromkeys(columns, "%s"))
	if "root_run" in assigned:
		assigned["root_run"] = "COALESCE(%s, `name`)"
	assigned.update(dict.fromkeys(SITE_TIMES, f"{clock} + INTERVAL %s SECOND"))
	assigned["trigger_data"] = f"CONCAT(%s, DATE_FORMAT({clock}, {_MOMENT}), %s)"
	assigned["wake_at"] = clock
	names = ", ".join(f"`{column}`" for column in assigned)
	values = ", ".join(assigned.values())
	return f"INSERT INTO `tabFlow Run` ({names}) VALUES ({values}) RETURNING CONCAT(name, ' ', wake_at)"
