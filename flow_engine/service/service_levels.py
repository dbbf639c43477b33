"""Service levels as the doors give them: since when a clock goes, until when, and how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flow_engine.engine.errors import BadInput
from flow_engine.engine.ports import Host
from flow_engine.engine.session import Session
from flow_engine.engine.sla.clocks import STANDINGS, SlaClock
from flow_engine.service import arguments as read


def clocks_of(session: Session) -> dict[str | None, dict[str, Any]]:
	"""Step id (None: the run) → `{since, warn_at, breach_at, warned_at, breached_at, open, standing}`, times
	in ISO 8601, UTC. Only clocks that have begun."""
	if not session.definition.has_sla:
		return {}
	return {clock.step_id: _view(clock) for clock in session.clocks.all()}


def _view(clock: SlaClock) -> dict[str, Any]:
	marks = clock.marks
	return {
		"since": _iso(clock.since),
		"warn_at": _iso(clock.warn_at),
		"breach_at": _iso(clock.breach_at),
		"warned_at": _iso(marks.warned_at),
		"breached_at": _iso(marks.breached_at),
		"open": clock.open,
		"standing": clock.standing,
	}


def agreement_view(host: Host, result: Any) -> dict[str, Any] | None:
	"""The agreement under which the document stands that a step has made, where its host knows of one:
	`{name, status, response_by, resolution_by, open}`."""
	if not isinstance(result, Mapping) or not result.get("doctype") or not result.get("name"):
		return None
	found = host.agreement(str(result["doctype"]), str(result["name"]))
	if found is None:
		return None
	return {
		"name": found.name,
		"status": found.status,
		"response_by": _iso(found.response_by),
		"resolution_by": _iso(found.resolution_by),
		"open": found.open,
	}


def read_standing(value: Any) -> str | None:
	"""A standing to look for, as it came in. Raises BadInput."""
	standing = read.text(value, "sla_status")
	if standing is not None and standing not in STANDINGS:
		raise BadInput(f"`sla_status` must be one of {', '.join(STANDINGS)}.")
	return standing


def _iso(when: Any) -> str | None:
	return when.isoformat() if when is not None else None
