"""Operations on many runs on a site: a record of what was asked, worked off by a job, with progress.

The record is the truth, as a run's row is: a worker takes the operation for a lease, says now and then how
far it is, and whoever comes after a lost one goes on from there. What had been done since it last said so is
told by the audit trail, where every act names the operation it belongs to, in the act's own transaction.
"""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import frappe
from frappe import _
from frappe.utils import escape_html

from flow_engine.engine.errors import EngineDisabled, LeaseLost
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.jobs import is_disabled
from flow_engine.frappe_host.run_access import is_manager
from flow_engine.service.bulk import SHOWN_REFUSALS, Bulk, act_on

DOCTYPE = "Flow Bulk Operation"
QUEUE = "default"
# What starts runs is not done while the engine is switched off.
STARTING = ("replay", "compensate")
JOB_TIMEOUT_SECONDS = 1_500
# Well before the queue's own limit; what is left then is another job's.
WORK_SECONDS = 1_200
LEASE_SECONDS = 60
SAVED_EVERY_SECONDS = 1.0
# An operation that takes its worker down so often without getting anywhere is stopped.
LOST_LEASES = 5
LISTED_REFUSALS = 10
WAITING, RUNNING, COMPLETED, STOPPED = "waiting", "running", "completed", "stopped"


def start_bulk(bulk: Bulk) -> dict[str, Any]:
	"""Write it down in the current transaction; it is worked off once that has committed. `{job, count,
	more}`. Raises EngineDisabled."""
	if bulk.action in STARTING and is_disabled():
		raise EngineDisabled()
	name = None
	if bulk.names:
		record = frappe.get_doc(
			{
				"doctype": DOCTYPE,
				"action": bulk.action,
				"status": WAITING,
				"asked_by": frappe.session.user,
				"version": bulk.version,
				"reason": bulk.reason,
				"total": len(bulk.names),
				"runs": json.dumps(bulk.names),
			}
		)
		record.flags.flow_engine_writes = True
		name = record.insert(ignore_permissions=True).name
		frappe.db.after_commit.add(lambda: _queue(name))
	return {"job": name, "count": len(bulk.names), "more": bulk.more}


def resume_bulk() -> int:
	"""What the tick does: queue operations that nobody works on; how many there were."""
	host = get_host()
	found = host.runs.look(
		lambda: frappe.db.sql_list(
			f"SELECT name FROM `tab{DOCTYPE}` WHERE status IN %(open)s AND "
			"(lease_until IS NULL OR lease_until <= UTC_TIMESTAMP()) ORDER BY creation LIMIT 20",
			{"open": (WAITING, RUNNING)},
		)
	)
	for name in found:
		_queue(name)
	return len(found)


def _queue(name: str) -> None:
	try:
		frappe.enqueue(
			work_off,
			queue=QUEUE,
			timeout=JOB_TIMEOUT_SECONDS,
			job_id=f"flow_engine_bulk_{name}",
			deduplicate=True,
			operation=name,
		)
	except Exception as error:
		# It is written down and committed; the tick queues it again.
		frappe.logger("flow_engine").warning(f"The bulk operation {name} is not queued yet: {error}")


def work_off(operation: str) -> dict[str, Any] | None:
	"""The job, as the user who asked: go through the runs from where the last worker got to. What came of it
	all in all; None when there is nothing to do, or another worker has it."""
	host = get_host()
	work = host.runs.transact(lambda: _take(operation))
	if work is None:
		return None
	before = frappe.session.user
	frappe.set_user(work.asked_by)
	# From here on what is audited names the operation.
	frappe.flags.flow_engine_bulk = operation
	try:
		return work.go_through()
	except LeaseLost:
		return None
	finally:
		frappe.flags.flow_engine_bulk = None
		frappe.set_user(before)


def _take(operation: str) -> Work | None:
	"""Lease it, in the current transaction; None when it has ended or somebody else's lease is live."""
	host = get_host()
	rows = frappe.db.sql(f"SELECT * FROM `tab{DOCTYPE}` WHERE name = %s FOR UPDATE", operation, as_dict=True)
	now = host.runs.now()
	if not rows or rows[0].status not in (WAITING, RUNNING):
		return None
	row = rows[0]
	if row.action in STARTING and is_disabled():
		return None
	lease_until = host.runs.from_utc(row.lease_until)
	if lease_until is not None and lease_until > now:
		return None
	lost = (row.lost_leases or 0) + bool(row.lease_token)
	token = frappe.generate_hash(length=32)
	columns: dict[str, Any] = {"status": RUNNING, "lease_token": token, "lost_leases": lost}
	columns["lease_until"] = host.runs.utc_text(now + timedelta(seconds=LEASE_SECONDS))
	columns["started_at"] = row.started_at or host.runs.site_text(now)
	stop = None
	if lost >= LOST_LEASES:
		stop = f"Its worker was lost {lost} times in a row, after {row.place} of {row.total} runs."
	elif not frappe.db.get_value("User", row.asked_by, "enabled") or not is_manager(row.asked_by):
		stop = f"{row.asked_by} may no longer do this."
	if stop:
		columns.update(status=STOPPED, stop_reason=stop, ended_at=host.runs.site_text(now), lease_token=None)
	_write(operation, None, columns)
	return None if stop else Work(row, token)


class Work:
	"""One worker's turn at one operation that it holds by `token`."""

	def __init__(self, row: Any, token: str):
		self.name, self.token, self.asked_by = row.name, token, row.asked_by
		names = tuple(json.loads(row.runs))
		self.bulk = Bulk(row.action, names, row.reason or "", row.version or "original", key=row.name)
		self.place, self.done, self.refused = row.place or 0, row.done or 0, row.refused or 0
		self.refusals: list[dict[str, str]] = json.loads(row.refusals or "[]")
		self.found_done = _audited(row.name, names[self.place :]) if row.started_at else frozenset()

	def go_through(self) -> dict[str, Any]:
		host = get_host()
		until = time.monotonic() + WORK_SECONDS
		saved_at = time.monotonic()
		for run in self.bulk.names[self.place :]:
			if time.monotonic() > until:
				# Free for the next job, which the tick queues at the latest.
				self._save(lease_until=None, lease_token=None)
				frappe.db.after_commit.add(lambda: _queue(self.name))
				frappe.db.commit()  # nothing is open; the callback above is what it is for
				return self._outcome()
			self._do(run)
			if time.monotonic() - saved_at > SAVED_EVERY_SECONDS:
				saved_at = time.monotonic()
				self._save()
		ended = host.runs.site_text(host.runs.transact(host.runs.now))
		self._save(status=COMPLETED, ended_at=ended, lease_until=None, lease_token=None)
		frappe.publish_realtime("msgprint", self._summary(), user=self.asked_by)
		return self._outcome()

	def _do(self, run: str) -> None:
		host = get_host()
		refusal = None if run in self.found_done else act_on(host, host.templates, self.bulk, run)
		self.place += 1
		if refusal is None:
			self.done += 1
			return
		self.refused += 1
		if len(self.refusals) < SHOWN_REFUSALS:
			self.refusals.append(refusal)

	def _save(self, **columns: Any) -> None:
		"""Say how far it is, and keep the lease. Raises LeaseLost."""
		host = get_host()

		def work() -> None:
			now = host.runs.now()
			values = {
				"place": self.place,
				"done": self.done,
				"refused": self.refused,
				"refusals": json.dumps(self.refusals),
				"lost_leases": 0,
				"lease_until": host.runs.utc_text(now + timedelta(seconds=LEASE_SECONDS)),
				**columns,
			}
			_write(self.name, self.token, values)

		host.runs.transact(work)
		count = len(self.bulk.names)
		frappe.publish_progress(
			self.place * 100 / count,
			title=_title(self.bulk.action),
			description=f"{self.place} / {count}",
		)

	def _outcome(self) -> dict[str, Any]:
		return {
			"count": len(self.bulk.names),
			"done": self.done,
			"failed": self.refused,
			"refusals": self.refusals,
		}

	def _summary(self) -> str:
		count = len(self.bulk.names)
		text = f"{_title(self.bulk.action)}: " + _("{0} of {1} done.").format(self.done, count)
		if not self.refused:
			return text
		rows = "".join(
			f"<li>{escape_html(row['run'])}: {escape_html(row['message'])}</li>"
			for row in self.refusals[:LISTED_REFUSALS]
		)
		return f"{text}<ul>{rows}</ul>"


def _write(operation: str, token: str | None, columns: dict[str, Any]) -> None:
	"""In the current transaction. Raises LeaseLost when the operation is no longer held by the token."""
	sets = ", ".join(f"`{column}` = %s" for column in columns)
	where, values = ("", []) if token is None else (" AND lease_token = %s", [token])
	frappe.db.sql(
		f"UPDATE `tab{DOCTYPE}` SET {sets}, modified = NOW(6) WHERE name = %s{where}",
		[*columns.values(), operation, *values],
	)
	if not frappe.db._cursor.rowcount:
		raise LeaseLost(run=operation)


def _audited(operation: str, runs: tuple[str, ...]) -> frozenset[str]:
	"""Which of the runs the operation has acted on already."""
	found: set[str] = set()
	mark = f'%"bulk": "{operation}"%'
	for start in range(0, len(runs), 1_000):
		found |= set(
			frappe.db.sql_list(
				"SELECT flow_run FROM `tabFlow Audit Event` WHERE flow_run IN %(runs)s AND details LIKE "
				"%(mark)s",
				{"runs": runs[start : start + 1_000], "mark": mark},
			)
		)
	return frozenset(found)


def _title(action: str) -> str:
	return {
		"cancel": _("Cancelling runs"),
		"retry": _("Retrying failed steps"),
		"replay": _("Replaying runs"),
		"compensate": _("Undoing what runs did"),
	}[action]
