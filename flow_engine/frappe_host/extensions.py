"""What other apps add to flows, one hook each: `flow_engine_kinds`, `flow_engine_events`,
`flow_engine_context`.

A value of the first two is the dotted path of what it adds (one, several in a list, or a mapping of them) or
of a function without arguments that returns it. `flow_engine_context` is a mapping of a root's name to the
dotted path of a function that takes the run as a mapping and returns plain data: `{{fibre.length}}` reads
what the function under `fibre` returned.

Another app's mistake is reported once per process and skipped: it never reaches whoever saves a document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import frappe

from flow_engine.engine.errors import KindRefused
from flow_engine.engine.kinds import register
from flow_engine.engine.kinds.base import Kind
from flow_engine.service.events import BUSINESS_EVENTS, Event

T = TypeVar("T")
Provider = Callable[[Mapping[str, Any]], Any]

_NAME = re.compile(r"\A[a-z][a-z0-9_]{0,63}\Z")
BUILT_IN_ROOTS = frozenset(
	(
		"doc",
		"customer",
		"run",
		"template",
		"variables",
		"now",
		"steps",
		"input",
		"links",
		"trigger",
		"secret",
		"compensates",
	)
)
# What was built from which hooks: installing an app changes the hooks and so the key.
_built: dict[tuple[str, str], Any] = {}


def kinds() -> dict[str, Kind]:
	"""Every kind of step by name: those that ship, and those of other apps."""
	return _once("flow_engine_kinds", _build_kinds)


def events() -> dict[str, Event]:
	"""Every event by name: the business events that ship, and those of other apps."""
	return _once("flow_engine_events", _build_events)


def context_providers() -> dict[str, Provider]:
	"""Root name → function of the run: what templates and conditions may read besides the roots that ship."""
	return _once("flow_engine_context", _build_providers)


def _once(hook: str, build: Callable[[Any], T]) -> T:
	declared = frappe.get_hooks(hook)
	key = (hook, repr(declared))
	if key not in _built:
		_built[key] = build(declared)
	return _built[key]


def _build_kinds(declared: Any) -> dict[str, Kind]:
	found = register()
	for path, kind in _given("flow_engine_kinds", declared):
		try:
			added = register([*_beside(found), kind])
		except KindRefused as error:
			_report("flow_engine_kinds", path, error)
			continue
		found = added
	return found


def _beside(found: Mapping[str, Kind]) -> list[Kind]:
	"""The kinds among these that other apps brought."""
	shipped = register()
	return [kind for name, kind in found.items() if name not in shipped]


def _build_events(declared: Any) -> dict[str, Event]:
	found = dict(BUSINESS_EVENTS)
	for path, given in _given("flow_engine_events", declared):
		try:
			event = given if isinstance(given, Event) else _event(given)
			if not _NAME.match(event.name):
				raise ValueError(f"{event.name!r} is not made of lower-case letters, digits and underscores.")
			if event.name in found:
				raise ValueError(f"There is an event {event.name} already.")
		except Exception as error:
			_report("flow_engine_events", path, error)
			continue
		found[event.name] = event
	return found


def _event(given: Any) -> Event:
	values = {"label": given["name"], **given}
	return Event(**{**values, "variables": tuple(values.get("variables") or ())})


def _build_providers(declared: Any) -> dict[str, Provider]:
	found: dict[str, Provider] = {}
	for root, paths in declared.items() if isinstance(declared, Mapping) else ():
		# Of several apps that give the same root, the one installed last wins, as everywhere in Frappe.
		path = paths[-1] if isinstance(paths, list) else paths
		try:
			if not _NAME.match(root) or root in BUILT_IN_ROOTS:
				raise ValueError(f"{root!r} is not a name that an app may give to a root.")
			provider = frappe.get_attr(path)
			if not callable(provider):
				raise TypeError(f"{path} is not a function.")
		except Exception as error:
			_report("flow_engine_context", path, error)
			continue
		found[root] = provider
	if declared and not isinstance(declared, Mapping):
		_report(
			"flow_engine_context", str(declared), TypeError("The hook is a mapping of root to dotted path.")
		)
	return found


def _given(hook: str, declared: Any) -> Iterator[tuple[str, Any]]:
	"""`(dotted path, thing)` of everything that the paths lead to."""
	for path in declared or ():
		try:
			thing = frappe.get_attr(path)
			things = list(_flat(thing() if callable(thing) and not isinstance(thing, type) else thing))
		except Exception as error:
			_report(hook, path, error)
			continue
		for each in things:
			yield path, each


def _flat(thing: Any) -> Iterator[Any]:
	if isinstance(thing, Mapping) and "name" not in thing:
		yield from thing.values()
	elif isinstance(thing, list | tuple | set):
		yield from thing
	else:
		yield thing


def _report(hook: str, path: str, error: BaseException) -> None:
	try:
		frappe.log_error(title=f"Flow Engine: {hook} {path}"[:140], message=f"{error!r}", defer_insert=True)
	except Exception:
		frappe.logger("flow_engine").error(f"{hook} {path}: {error!r}")
