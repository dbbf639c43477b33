"""Who may do what by hand: start a flow, fire a step that waits for a person.

An allow-list names users and roles and comes before anything else: whoever is not on it is refused, managers
too. Where there is none, or after it, the older rules hold. Decides from plain values; who the caller is and
which roles they have is the host's to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flow_engine.engine.definition import TriggerType
from flow_engine.engine.errors import NotAllowed, NotOnAllowList, StepHandedOn
from flow_engine.engine.placeholders import find_placeholders, placeholder_problems
from flow_engine.engine.plain import as_text

if TYPE_CHECKING:
	from flow_engine.engine.definition import Step
	from flow_engine.engine.state import StepState

KEYS = ("users", "roles")
MAX_NAMES = 100
_LONGEST = 140


@dataclass(frozen=True, slots=True)
class Person:
	"""Whoever asks. `manages`: may do everything with runs that nobody is named for."""

	name: str
	roles: frozenset[str] = frozenset()
	manages: bool = False


@dataclass(frozen=True, slots=True)
class AllowList:
	"""Users by name and roles; empty when everybody is as good as anybody."""

	users: tuple[str, ...] = ()
	roles: tuple[str, ...] = ()

	def __bool__(self) -> bool:
		return bool(self.users or self.roles)

	def admits(self, person: Person) -> bool:
		return person.name in self.users or not person.roles.isdisjoint(self.roles)

	def as_dict(self) -> dict[str, list[str]]:
		return {"users": list(self.users), "roles": list(self.roles)}


def read_list(data: Any) -> AllowList:
	"""What `users` and `roles` of a mapping name: lists, or texts with commas."""
	if not isinstance(data, Mapping):
		return AllowList()
	return AllowList(*(tuple(dict.fromkeys(_names(data.get(key)))) for key in KEYS))


def _names(value: Any) -> list[str]:
	parts = value if isinstance(value, list | tuple) else as_text(value).split(",")
	return [name for name in (as_text(part).strip() for part in parts) if name]


def check_start(starters: Mapping[str, Any] | None, person: Person) -> bool:
	"""May this person start the flow by hand? True: the flow names them; False: it names nobody, and the
	host's own rule decides. Raises NotOnAllowList."""
	allowed = read_list(starters)
	if allowed and not allowed.admits(person):
		raise NotOnAllowList("Only the people that the flow names may start it by hand.")
	return bool(allowed)


def check_fire(step: Step, state: StepState, person: Person) -> None:
	"""May this person fire a step that waits? Raises NotOnAllowList, StepHandedOn, NotAllowed."""
	if step.trigger.type is not TriggerType.MANUAL:
		if not person.manages:
			raise NotAllowed("This step is for somebody else to fire.")
		return
	fields = step.trigger.fields if state.asked is None else state.asked
	if person.name in handed(state, "to") or not person.roles.isdisjoint(handed(state, "roles")):
		return
	allowed = read_list(fields)
	if allowed and not allowed.admits(person):
		raise NotOnAllowList("Only the people that the flow names may fire this step.")
	named = bool(fields.get("role") or fields.get("assignee"))
	if person.manages and not allowed:
		return
	if person.name in handed(state, "from"):
		raise StepHandedOn()
	if person.manages or (allowed and not named):
		return
	if person.name != fields.get("assignee") and fields.get("role") not in person.roles:
		raise NotAllowed("This step is for somebody else to fire.")


def handed(state: StepState, side: str) -> tuple[str, ...]:
	"""Which users (`to`) and roles (`roles`) were given a step, or who has given it away (`from`)."""
	return tuple((state.handed or {}).get(side) or ())


def hand(
	state: StepState, to: Iterable[str], away: Iterable[str] = (), roles: Iterable[str] = ()
) -> dict[str, list[str]]:
	"""`state.handed` once these users and roles have been given the step and `away` have given it up."""
	to, away = tuple(to), tuple(away)
	given = [name for name in dict.fromkeys((*handed(state, "to"), *to)) if name not in away or name in to]
	gone = [name for name in dict.fromkeys((*handed(state, "from"), *away)) if name not in given]
	return {"to": given, "roles": list(dict.fromkeys((*handed(state, "roles"), *roles))), "from": gone}


def rendered(fields: Mapping[str, Any], values: Mapping[str, Any], zone: ZoneInfo) -> dict[str, Any]:
	"""The people a manual trigger names, its templates filled in; a template may give several names."""
	from flow_engine.engine.templating import render_text, render_value

	def one(name: str) -> str | None:
		return render_text(as_text(fields.get(name)), values, zone=zone).strip() or None

	def many(name: str) -> list[str]:
		found: list[str] = []
		for part in _names(fields.get(name)):
			found += _names(render_value(part, values, zone=zone))
		return list(dict.fromkeys(found))

	return {"role": one("role"), "assignee": one("assignee"), "users": many("users"), "roles": many("roles")}


def has_templates(fields: Mapping[str, Any]) -> bool:
	return any("{{" in as_text(fields.get(key)) for key in ("role", "assignee", *KEYS))


def list_problems(value: Any, templates: bool) -> Iterator[tuple[str, str, str]]:
	"""`(path inside the value, code, message)` of everything wrong with names of users or of roles.
	templates: may they be calculated?"""
	if value is None or value == "":
		return
	if not isinstance(value, str | list | tuple):
		yield "", "bad_value", "Names are a list of texts, or one text with commas."
		return
	entries = value.split(",") if isinstance(value, str) else value
	if len(entries) > MAX_NAMES:
		yield "", "bad_value", f"At most {MAX_NAMES} names stand here; use a role."
		return
	for number, entry in enumerate(entries):
		path = "" if isinstance(value, str) else f"[{number}]"
		if not isinstance(entry, str) or len(entry) > (2_000 if "{{" in as_text(entry) else _LONGEST):
			yield path, "bad_value", "A name is a text of at most 140 characters."
		elif "{{" in entry:
			yield from ((path, "bad_template", message) for message in placeholder_problems(entry))
			if not templates:
				yield path, "bad_value", "The people who may start a flow are named, not calculated."
			elif any(one.is_secret for one in find_placeholders(entry)):
				yield path, "bad_template", "A secret cannot be read here."
