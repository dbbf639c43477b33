"""Who works on which run: finding what is due, claiming it for a lease, and finding what was forgotten.

Discovery is a plain read; a claim locks exactly the rows it found by primary key. A locking range read would
block inserts beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from flow_engine.engine.crash_points import reach
from flow_engine.engine.ports import Claim
from flow_engine.store.dialect import Dialect, places

# Workers that ask at the same moment find the same runs, and all but one of them none that is free. Each then
# looks further; how far is bounded, because a claim reads what it passes.
LOOKS = 5
_DUE = "wake_at <= %s AND (lease_until IS NULL OR lease_until <= %s)"


class SqlClaims(Dialect):
	"""The part of `ports.Runs` that hands runs out."""

	def claim(self, limit: int, lease_seconds: float, only: str | None = None) -> list[Claim]:
		tried: set[str] = set()
		for look in range(1, LOOKS + 1):
			# Past what others were quicker with: they may not have committed yet, and are found again.
			found = self.look(lambda wanted=limit * look: self.due(wanted, only))
			names = [name for name in found if name not in tried][:limit]
			if not names:
				break
			tried.update(names)
			reach("claim.discovered")
			claims = self._lend(names, lease_seconds)
			if claims:
				return claims
		return []

	def _lend(self, names: list[str], lease_seconds: float) -> list[Claim]:
		return self.lend(lambda: self._claim(names, lease_seconds))

	def due(self, limit: int, only: str | None = None) -> list[str]:
		"""Names of runs that are due and that nobody holds, longest due first.

		When more is due than the limit, every flow gets its share: a flow with a hundred thousand due runs
		must not keep another flow's step waiting.
		"""
		now = self.utc_text(self.now())
		where, values = (" AND name = %s", [only]) if only else ("", [])
		rows = self._rows(
			f"SELECT name, flow_template FROM `tabFlow Run` WHERE {_DUE}{where} "
			f"{'' if only else 'ORDER BY wake_at '}LIMIT {int(limit)}",
			[now, now, *values],
		)
		if len(rows) == limit > 1:
			rows = self._fair_share(limit, now or "") or rows
		return [row["name"] for row in rows]

	def _fair_share(self, limit: int, now: str) -> list[Mapping[str, Any]]:
		"""The longest due runs of each flow that has any, as many of each as fit."""
		flows = self._rows(
			"SELECT flow_template, MIN(wake_at) AS at FROM `tabFlow Run` WHERE wake_at IS NOT NULL "
			"GROUP BY flow_template"
		)
		moment = self.from_utc(now)
		waiting = []
		for row in flows:
			at = self.from_utc(row["at"])
			if at is not None and moment is not None and at <= moment:
				waiting.append((at, row["flow_template"]))
		if len(waiting) < 2:
			return []
		share = max(limit // len(waiting), 1)
		chosen: list[Mapping[str, Any]] = []
		for _at, flow in sorted(waiting)[:limit]:
			chosen += self._rows(
				f"SELECT name, flow_template, wake_at FROM `tabFlow Run` WHERE flow_template = %s AND {_DUE} "
				f"ORDER BY wake_at LIMIT {share}",
				[flow, now, now],
			)
		return sorted(chosen, key=lambda row: str(row["wake_at"]))[:limit]

	def _claim(self, names: list[str], lease_seconds: float) -> list[Claim]:
		rows = self._rows(
			"SELECT name, attempts, admitted, flow_template, template_version, wake_at, lease_until, "
			"lease_token "
			f"FROM `tabFlow Run` WHERE name IN ({places(names)}) ORDER BY name{self.skip_locked}",
			names,
		)
		reach("claim.locked")
		now = self.now()
		chosen = self._choose(rows, names, now)
		if not chosen:
			return []
		token = self._token()
		taken = [row["name"] for row in chosen]
		self._change(
			"UPDATE `tabFlow Run` SET lease_until = %s, "
			"attempts = CASE WHEN lease_token IS NULL THEN attempts ELSE attempts + 1 END, "
			f"lease_token = %s WHERE name IN ({places(taken)})",
			[self.utc_text(now + timedelta(seconds=lease_seconds)), token, *taken],
		)
		reach("claim.updated")
		return [
			Claim(
				row["name"],
				token,
				int(row["attempts"] or 0) + bool(row["lease_token"]),
				bool(row["admitted"]),
				row["flow_template"],
				int(row["template_version"] or 0),
			)
			for row in chosen
		]

	def _choose(
		self, rows: Sequence[Mapping[str, Any]], names: Sequence[str], now: datetime
	) -> list[Mapping[str, Any]]:
		"""What is still due and free, now that it is locked.

		A run whose worker was lost may be what killed it: it is claimed alone, so that it takes no neighbour
		down. The longest-due run leads, so neither sort starves.
		"""
		clean, lost = [], []
		for row in rows:
			wake_at, lease_until = self.from_utc(row["wake_at"]), self.from_utc(row["lease_until"])
			if wake_at is None or wake_at > now or (lease_until is not None and lease_until > now):
				continue
			(lost if row["lease_token"] or row["attempts"] else clean).append(row)
		order = {name: place for place, name in enumerate(names)}
		clean.sort(key=lambda row: order[row["name"]])
		if lost:
			first = min(lost, key=lambda row: order[row["name"]])
			if not clean or order[first["name"]] < order[clean[0]["name"]]:
				return [first]
		return clean

	def renew(self, claim: Claim, lease_seconds: float) -> bool:
		def work() -> bool:
			until = self.utc_text(self.now() + timedelta(seconds=lease_seconds))
			return bool(
				self._change(
					"UPDATE `tabFlow Run` SET lease_until = %s WHERE name = %s AND lease_token = %s",
					[until, claim.run, claim.token],
				)
			)

		return self.transact(work)

	def give_back(self, claims: Sequence[Claim]) -> None:
		if not claims:
			return
		names = [claim.run for claim in claims]
		self.transact(
			lambda: self._change(
				"UPDATE `tabFlow Run` SET lease_until = NULL, lease_token = NULL "
				f"WHERE name IN ({places(names)}) AND lease_token = %s",
				[*names, claims[0].token],
			)
		)

	# --- the tick -------------------------------------------------------------------------------------------

	def stray_pending(self, limit: int = 200) -> list[tuple[str, str, datetime]]:
		"""Due pending rows whose run would not wake for them: `(run, step id, due at)`. An operator put them
		back by hand, or somebody wrote to the table."""
		now = self.now()
		rows = self._rows(
			"SELECT p.name, p.flow_run, p.step_id, p.trigger_at FROM `tabFlow Step Pending` p "
			"JOIN `tabFlow Run` r ON r.name = p.flow_run "
			"WHERE p.status = 'pending' AND p.trigger_at <= %s AND r.lease_token IS NULL "
			f"AND (r.wake_at IS NULL OR r.wake_at > %s) ORDER BY p.trigger_at LIMIT {int(limit)}",
			[self.site_text(now), self.utc_text(now)],
		)
		found = []
		for row in rows:
			due_at = self.from_site(row["trigger_at"])
			if due_at is not None:
				found.append((row["flow_run"], row["step_id"], due_at))
		return found

	def count_due(self) -> int:
		now = self.utc_text(self.now())
		rows = self._rows(f"SELECT COUNT(*) AS n FROM `tabFlow Run` WHERE {_DUE}", [now, now])
		return int(rows[0]["n"])

	def late_runs(self, limit: int) -> list[str]:
		"""Along the index on `sla_at`, which stands only where a promise is still open."""
		rows = self._rows(
			f"SELECT name FROM `tabFlow Run` WHERE sla_at <= %s ORDER BY sla_at LIMIT {int(limit)}",
			[self.utc_text(self.now())],
		)
		return [row["name"] for row in rows]

	def next_sla(self) -> datetime | None:
		"""When a clock has something to say next."""
		rows = self._rows("SELECT MIN(sla_at) AS at FROM `tabFlow Run` WHERE sla_at IS NOT NULL")
		return self.from_utc(rows[0]["at"])

	def next_wake(self) -> datetime | None:
		"""When something is due next, as far as is known."""
		rows = self._rows("SELECT MIN(wake_at) AS at FROM `tabFlow Run` WHERE wake_at IS NOT NULL")
		return self.from_utc(rows[0]["at"])

	# --- the reconciler -------------------------------------------------------------------------------------

	def quiet_runs(self, after: str, limit: int) -> list[str]:
		"""Running runs that nothing will wake and nobody holds, a page in name order. Those that wait for a
		person are among them."""
		rows = self._rows(
			"SELECT name FROM `tabFlow Run` WHERE status = 'running' AND wake_at IS NULL AND lease_token IS "
			"NULL "
			f"AND name > %s ORDER BY name LIMIT {int(limit)}",
			[after],
		)
		return [row["name"] for row in rows]

	def still_waking(self, limit: int) -> int:
		"""Runs that have ended and would still be woken: their wake time is dropped. How many there were."""
		rows = self._rows(
			"SELECT name FROM `tabFlow Run` WHERE wake_at IS NOT NULL AND status <> 'running' LIMIT "
			f"{int(limit)}"
		)
		names = [row["name"] for row in rows]
		if names:
			self._change(f"UPDATE `tabFlow Run` SET wake_at = NULL WHERE name IN ({places(names)})", names)
		return len(names)
