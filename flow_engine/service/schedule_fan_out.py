"""A fire for many documents, worked off: list them once, then a batch of runs per transaction.

How far it is stands on the fire's row and commits with the batch, so whoever comes after a killed worker goes
on from there; a run that was started has its key, which is unique.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flow_engine.engine.crash_points import reach
from flow_engine.engine.errors import FlowError, TransientDatabaseError
from flow_engine.service.schedule_firing import (
	LOOK_AGAIN,
	MOST_LISTED,
	SHOWN_REFUSALS,
	ConditionFails,
	begin,
	is_busy,
	start_for,
	startable,
)
from flow_engine.store.schedules import OPEN, ScheduleNotFound


def next_batch(host: Any, name: str) -> dict[str, int] | None:
	try:
		return host.runs.transact(lambda: _step(host, name, None))
	except TransientDatabaseError:
		raise
	except Exception as error:
		host.report(error, f"the batch of {name}")
	# Whose trouble it was shows when each has a transaction of its own; that one is then passed over.
	try:
		return host.runs.transact(lambda: _step(host, name, 1))
	except TransientDatabaseError:
		raise
	except Exception as error:
		failed = error
	return host.runs.transact(lambda: _pass_over(host, name, failed))


def _step(host: Any, name: str, size: int | None) -> dict[str, int] | None:
	store = host.schedules.store
	fire = store.lock_fire(name)
	now = host.runs.now()
	if fire is None or fire["status"] not in OPEN or fire["wake_at"] is None or fire["wake_at"] > now:
		return None
	try:
		row = store.get(fire["flow_schedule"])
		trigger = startable(host, row["flow_template"])
		if fire["status"] == "running" and fire["documents"] is None:
			return _list(host, fire, row, trigger)
	except TransientDatabaseError:
		raise
	except FlowError as error:
		_end(host, fire, now, status="failed", reason_code=error.code, message=error.message[:500])
		return {}
	if fire["status"] == "queued":
		return _leave_queue(host, fire, row, trigger, now)
	return _batch(host, fire, row, trigger, now, size)


def _leave_queue(
	host: Any, fire: Mapping[str, Any], row: Mapping[str, Any], trigger: Any, now: datetime
) -> dict[str, int] | None:
	if is_busy(host, row, besides=fire["name"]):
		host.schedules.store.write_fire(fire["name"], wake_at=now + LOOK_AGAIN)
		return None
	outcome = begin(host, row, trigger, fire["name"], fire["fire_utc"], now)
	host.schedules.store.write_fire(fire["name"], **{"wake_at": None, **outcome})
	host.schedules.store.write(row["name"], last_fire_at=now)
	return {"fired": 1, "runs": int(bool(outcome.get("flow_run")))}


def _list(host: Any, fire: Mapping[str, Any], row: Mapping[str, Any], trigger: Any) -> dict[str, int]:
	"""Which documents, as the flow's user may read them; decided once."""
	names = host.schedules.sources.matching(
		trigger.run_as or "",
		row["fan_out_doctype"],
		row["fan_out_filters"] or [],
		row["fan_out_order"] or "",
		MOST_LISTED + 1,
	)
	host.schedules.store.write_fire(
		fire["name"],
		documents=names[:MOST_LISTED],
		total=len(names[:MOST_LISTED]),
		capped=int(len(names) > MOST_LISTED),
	)
	reach("fan_out.listed")
	return {}


def _batch(
	host: Any, fire: Mapping[str, Any], row: Mapping[str, Any], trigger: Any, now: datetime, size: int | None
) -> dict[str, int]:
	place, most = int(fire["place"] or 0), int(row["fan_out_limit"] or 1)
	counts = {key: int(fire[key] or 0) for key in ("started", "passed_over", "refused")}
	refusals, started = list(fire["refusals"]), 0
	names = fire["documents"]
	for docname in names[place : place + (size or int(row["batch_size"] or 50))]:
		if counts["started"] >= most:
			break
		place += 1
		try:
			start_for(host, row, trigger, fire["name"], fire["fire_utc"], docname)
			counts["started"] += 1
			started += 1
		except TransientDatabaseError:
			raise
		except ConditionFails:
			counts["passed_over"] += 1
		except FlowError as error:
			counts["refused"] += 1
			_refuse(refusals, docname, error.code, error.message)
	reach("fan_out.batched")
	capped = counts["started"] >= most and place < len(names)
	columns = {"place": place, **counts, "refusals": refusals, "template_version": trigger.version}
	if capped or place >= len(names):
		_end(host, fire, now, status="completed", capped=int(capped or bool(fire["capped"])), **columns)
	else:
		host.schedules.store.write_fire(fire["name"], **columns)
	return {"runs": started}


def _refuse(refusals: list[Any], docname: str, code: str, message: str) -> None:
	if len(refusals) < SHOWN_REFUSALS:
		refusals.append({"document": docname, "code": code, "message": message[:500]})


def _pass_over(host: Any, name: str, error: Exception) -> dict[str, int] | None:
	fire = host.schedules.store.lock_fire(name)
	if fire is None or fire["status"] not in OPEN:
		return None
	now, place, names = host.runs.now(), int(fire["place"] or 0), fire["documents"]
	message = f"{type(error).__name__}: {error}"
	if names is None or place >= len(names):
		_end(host, fire, now, status="failed", reason_code="unexpected_error", message=message[:500])
		return {}
	refusals = list(fire["refusals"])
	_refuse(refusals, names[place], "unexpected_error", message)
	host.schedules.store.write_fire(
		name, place=place + 1, refused=int(fire["refused"] or 0) + 1, refusals=refusals
	)
	return {}


def _end(host: Any, fire: Mapping[str, Any], now: datetime, **columns: Any) -> None:
	host.schedules.store.write_fire(fire["name"], wake_at=None, ended_at=now, **columns)


__all__ = ["ScheduleNotFound", "next_batch"]
