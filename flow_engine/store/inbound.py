"""Inbound hooks and their calls in SQL that both hosts speak.

Calls are named by their time, as the audit trail's events are: those of the last minute are a range along the
index on (hook, name). How hooks are made and changed, and where their secrets lie, is each host's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import count
from typing import Any

from flow_engine.engine.inbound import HookNotFound
from flow_engine.store.dialect import Dialect, from_json, places, storable, to_json
from flow_engine.store.steps import DIGITS

DOCTYPE, CALLS = "Flow Inbound Hook", "Flow Inbound Call"
_TABLE, _CALLS = f"`tab{DOCTYPE}`", f"`tab{CALLS}`"
_SHOWN = (
	"h.name, h.hook_name, h.flow_template, h.enabled, h.authentication, h.window_seconds, h.max_body_bytes, "
	"h.calls_per_minute, h.previous_secret_until, h.owner, h.creation, h.modified"
)
_CALL_SHOWN = (
	"name, flow_hook, flow_template, received_at, address, outcome, http_status, code, message, problems, "
	"flow_run, call_id, content_type, size"
)
_COUNT = count()


class SqlInbound:
	"""On the connection and dialect of the run store, so that a call is kept with the run it starts."""

	def __init__(self, database: Dialect):
		self.database = database

	def find(self, template: str | None = None) -> list[dict[str, Any]]:
		where, values = ("WHERE h.flow_template = %s ", [template]) if template else ("", [])
		rows = self.database._rows(
			f"SELECT {_SHOWN}, t.template_name FROM {_TABLE} h LEFT JOIN `tabFlow Template` t "
			f"ON t.name = h.flow_template {where}ORDER BY h.hook_name",
			values,
		)
		return [self._hook(row) for row in rows]

	def get(self, name: str, suffix: str = "") -> dict[str, Any]:
		"""Raises HookNotFound."""
		rows = self.database._rows(f"SELECT {_SHOWN} FROM {_TABLE} h WHERE h.name = %s{suffix}", [name])
		if not rows:
			raise HookNotFound(f"There is no inbound hook {name[:64]!r}.", hook=name)
		return self._hook(rows[0])

	def lock(self, name: str) -> dict[str, Any]:
		"""Its row, locked until the end of the transaction: calls of one hook take turns. Raises
		HookNotFound."""
		return self.get(name, self.database.for_update)

	def _hook(self, row: Mapping[str, Any]) -> dict[str, Any]:
		return {
			**row,
			"enabled": bool(row["enabled"]),
			"creation": self.database.from_site(row["creation"]),
			"modified": str(row["modified"]),
			"previous_secret_until": self.database.from_site(row["previous_secret_until"]),
		}

	# --- calls ----------------------------------------------------------------------------------------------

	def calls(self, hook: str, limit: int, start: int = 0) -> list[dict[str, Any]]:
		"""The last ones first."""
		rows = self.database._rows(
			f"SELECT {_CALL_SHOWN} FROM {_CALLS} WHERE flow_hook = %s ORDER BY name DESC "
			f"LIMIT {int(limit)} OFFSET {int(start)}",
			[hook],
		)
		return [
			{
				**row,
				"received_at": self.database.from_site(row["received_at"]),
				"problems": from_json(row["problems"]) or [],
			}
			for row in rows
		]

	def put_call(self, values: Mapping[str, Any], at: datetime) -> str:
		name = f"{self._moment(at)}{next(_COUNT) & 0xFFFF:04x}{self.database._token()[:6]}"
		stamp, user = self.database.site_text(at), self.database._user()
		row = {
			"name": name,
			"creation": stamp,
			"modified": stamp,
			"owner": user,
			"modified_by": user,
			"docstatus": 0,
			"idx": 0,
			"received_at": stamp,
			**{key: storable(value) if isinstance(value, str) else value for key, value in values.items()},
		}
		row["problems"] = to_json(values["problems"]) if values.get("problems") else None
		self.database._insert(CALLS, [row])
		return name

	def count_since(
		self, hook: str, since: datetime, codes: Sequence[str] = (), but: Sequence[str] = ()
	) -> int:
		"""How many calls there were since then; of `codes` only, or of all `but` those."""
		where = f" AND code IN ({places(codes)})" if codes else ""
		where += f" AND (code IS NULL OR code NOT IN ({places(but)}))" if but else ""
		rows = self.database._rows(
			f"SELECT COUNT(*) AS calls FROM {_CALLS} WHERE flow_hook = %s AND name > %s{where}",
			[hook, self._moment(since), *codes, *but],
		)
		return int(rows[0]["calls"])

	def _moment(self, at: datetime) -> str:
		return (self.database.utc_text(at) or "").translate(DIGITS)

	def run_of(self, trigger_key: str | None, replay_key: str) -> str | None:
		"""What the same call started before; None when it is new."""
		found: list[Mapping[str, Any]] = []
		if trigger_key:
			found = self.database._rows(
				"SELECT name AS flow_run FROM `tabFlow Run` WHERE trigger_key = %s", [trigger_key]
			)
		if not found and replay_key:
			found = self.database._rows(
				f"SELECT flow_run FROM {_CALLS} WHERE replay_key = %s AND outcome = 'accepted'", [replay_key]
			)
		return str(found[0]["flow_run"]) if found else None
