"""The key `sla` of a step and of a flow: read, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flow_engine.engine.sla.durations import BadDuration, Duration, parse_duration

KEYS = ("warn", "breach", "calendar", "from", "notify", "escalate")
PEOPLE_KEYS = ("user", "role")
BUSINESS = "business"
LONGEST_NAME = 140


@dataclass(frozen=True, slots=True)
class People:
	"""A user, everybody with a role, or both."""

	user: str | None = None
	role: str | None = None

	def __bool__(self) -> bool:
		return bool(self.user or self.role)

	def as_dict(self) -> dict[str, str]:
		return {key: name for key, name in (("user", self.user), ("role", self.role)) if name}


NOBODY = People()


@dataclass(frozen=True, slots=True)
class Sla:
	"""One service level. `calendar`: empty counts real time, `business` the host's own working hours, any
	other name a calendar that the host knows. `source`: the step whose Issue says by when (its ERPNext
	Service Level Agreement); then there are no durations. `keeps`: an escalation adds to who was asked
	before, instead of taking it from them."""

	warn: Duration | None = None
	breach: Duration | None = None
	calendar: str = ""
	source: str | None = None
	notify: People = NOBODY
	escalate: People = NOBODY
	keeps: bool = False


def parse_sla(data: Mapping[str, Any]) -> Sla:
	"""A valid `sla` → Sla. Raises BadDuration, which validation has ruled out."""
	escalate = data.get("escalate") or {}
	return Sla(
		warn=parse_duration(data["warn"]) if data.get("warn") else None,
		breach=parse_duration(data["breach"]) if data.get("breach") else None,
		calendar=(data.get("calendar") or "").strip(),
		source=data.get("from") or None,
		notify=_people(data.get("notify") or {}),
		escalate=_people(escalate),
		keeps=bool(escalate.get("keep")),
	)


def _people(data: Mapping[str, Any]) -> People:
	return People(data.get("user") or None, data.get("role") or None)


def sla_problems(data: Any, *, of_flow: bool = False) -> Iterator[tuple[str, str, str]]:
	"""`(path inside sla, code, message)`; an empty path is the whole. Never raises."""
	if not isinstance(data, Mapping):
		yield "", "bad_value", "A service level is an object with warn and breach."
		return
	for key in data:
		if key not in KEYS or (of_flow and key == "from"):
			yield str(key)[:64], "unknown_key", f"A service level has no “{str(key)[:64]}”."
	found: dict[str, Duration] = {}
	for key in ("warn", "breach"):
		if data.get(key) in (None, ""):
			continue
		try:
			found[key] = parse_duration(data[key])
		except BadDuration as error:
			yield key, "bad_duration", str(error)
	yield from _source_problems(data, of_flow)
	if not found and not data.get("from") and all(data.get(key) in (None, "") for key in ("warn", "breach")):
		yield "breach", "missing_field", "Say after how long it is late."
	if len(found) == 2 and found["warn"].elapsed_seconds >= found["breach"].elapsed_seconds:
		yield "warn", "warn_after_breach", "The warning comes before it is late, not after."
	calendar = data.get("calendar")
	if calendar is not None and (not isinstance(calendar, str) or len(calendar) > LONGEST_NAME):
		yield "calendar", "bad_value", "The calendar is a name."
	yield from _people_problems(data, "notify", PEOPLE_KEYS)
	yield from _people_problems(data, "escalate", (*PEOPLE_KEYS, "keep"))
	if data.get("escalate") and "breach" not in found and not data.get("from") and not data.get("breach"):
		yield "escalate", "missing_field", "It is escalated when it is late: say after how long that is."


def _source_problems(data: Mapping[str, Any], of_flow: bool) -> Iterator[tuple[str, str, str]]:
	source = data.get("from")
	if source in (None, "") or of_flow:
		return
	if not isinstance(source, str):
		yield "from", "bad_value", "from names the step that opens the Issue."
	for key in ("warn", "breach", "calendar"):
		if data.get(key) not in (None, ""):
			yield key, "bad_value", "The Issue's own Service Level Agreement says by when: leave this empty."


def _people_problems(
	data: Mapping[str, Any], key: str, keys: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
	people = data.get(key)
	if people in (None, ""):
		return
	if not isinstance(people, Mapping):
		yield key, "bad_value", f"{key} is an object with a user or a role."
		return
	for name, value in people.items():
		if name not in keys:
			yield f"{key}.{str(name)[:64]}", "unknown_key", f"{key} has no “{str(name)[:64]}”."
		elif name == "keep":
			if not isinstance(value, bool) and value not in (None, 0, 1):
				yield f"{key}.keep", "bad_value", "keep is true or false."
		elif value not in (None, "") and (not isinstance(value, str) or len(value) > LONGEST_NAME):
			yield f"{key}.{name}", "bad_value", f"The {name} is a name."
	if not any(people.get(name) for name in PEOPLE_KEYS):
		yield f"{key}.user", "missing_field", "Choose a user or a role."
