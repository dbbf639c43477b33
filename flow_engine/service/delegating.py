"""Giving a step that waits for a person to somebody else, at every door."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flow_engine.engine.allow_lists import Person, list_problems, read_list
from flow_engine.engine.errors import BadInput
from flow_engine.engine.interventions import delegate_step
from flow_engine.engine.ports import Host
from flow_engine.service import arguments as read
from flow_engine.service.runs import advanced_view


def delegate(
	host: Host,
	run: Any,
	step_id: Any,
	to: Any,
	away: Any = None,
	reason: Any = None,
	person: Person | None = None,
	check: Callable[[Iterable[str]], None] = lambda users: None,
) -> dict[str, Any]:
	"""Give a step that waits for a person to others: `to` and `away` are users, as a list or one text with
	commas; check: raises where there is no such user. Raises RunNotFound, StepNotFound, NotAllowed,
	StepNotWaiting, BadInput."""
	run, step_id = read.needed(run, "run"), read.needed(step_id, "step_id")
	given, gone = _users(to, "to"), _users(away, "away")
	if not given:
		raise BadInput("Say to whom the step is given.")
	check(given)
	delegate_step(host, run, step_id, given, gone, person=person, reason=read.text(reason, "reason") or "")
	return advanced_view(run)


def _users(value: Any, name: str) -> tuple[str, ...]:
	for _path, _code, message in list_problems(value, templates=False):
		raise BadInput(f"`{name}`: {message}")
	return read_list({"users": value}).users
