"""Trying a flow on a real document: a simulation that stands on what a host really has.

Decides what a caller's arguments mean and how kinds are run so that nothing gets out: each is watched for the
payload it was given, kept from connecting anywhere, and left out where it acts beyond the ports without
saying how it is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

from flow_engine.engine.errors import BadInput
from flow_engine.engine.kinds.base import DoneStep, Kind, StepContext
from flow_engine.engine.outcomes import Fail, Outcome
from flow_engine.engine.sla.business_hours import BusinessHours
from flow_engine.outbound.isolation import unreachable
from flow_engine.service import arguments as read
from flow_engine.sqlite_host.documents_behind import Behind
from flow_engine.sqlite_host.scenario import (
	Scenario,
	read_document,
	read_documents,
	read_moment,
	read_replies,
	read_until,
)

ARGUMENTS = (
	"definition",
	"doctype",
	"docname",
	"doc",
	"docs",
	"variables",
	"now",
	"until",
	"completions",
	"replies",
	"event",
	"compensate",
)
HIDDEN = "•••"
# Somebody waits for the answer, and a server for its thread.
MOST_SECONDS = 20
# Name of a document that exists only as the sample that was sent.
SAMPLE = "SAMPLE"


@dataclass(frozen=True)
class World:
	"""What a trial stands on: a host's documents for reading, who tries, and what that host knows besides.

	secret: checks a secret's use as a call would; its value is not used. render_email: `(template, values)` →
	subject and body. shield: entered around every handler. allowed: addresses that the host reads from.
	business_hours: as `Host` has them.
	"""

	behind: Behind
	user: str
	time_zone: ZoneInfo
	kinds: Mapping[str, Any]
	events: Mapping[str, Any]
	extra_context: Mapping[str, Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)
	secret: Callable[[str, str], str] | None = None
	render_email: Callable[[str, Mapping[str, Any]], tuple[str, str]] | None = None
	shield: Callable[[], AbstractContextManager[Any]] = nullcontext
	allowed: Collection[tuple[str, int]] = ()
	business_hours: Callable[[str], BusinessHours] | None = None


def read_trial(given: Mapping[str, Any], world: World) -> Scenario:
	"""What to try, from a caller's arguments. Raises BadInput, DocumentNotFound, PermissionDenied.

	doctype and docname name a real document; doc: sample values instead of one, or over those of the real
	one. completions: `{step: value}` or a list of `[step, value]`. now, until: ISO, or for until a duration.
	"""
	unknown = sorted(set(given) - set(ARGUMENTS))
	if unknown:
		raise BadInput(f"A test run takes no {unknown[0][:60]!r}.")
	if given.get("definition") in (None, ""):
		raise BadInput("`definition` is missing.")
	now, until = read.text(given.get("now"), "now"), read.text(given.get("until"), "until")
	start = read_moment(now, world.time_zone) if now else None
	return Scenario(
		definition=read.json_value(given["definition"], "definition"),
		doc=_document(given, world.behind),
		docs=read_documents(read.json_value(given.get("docs") or [], "docs")),
		event=read.text(given.get("event"), "event"),
		variables=read.json_object(given.get("variables"), "variables"),
		now=start,
		until=read_until(until, world.time_zone) if until else None,
		completions=_completions(read.json_value(given.get("completions") or [], "completions")),
		replies=read_replies(read.json_value(given.get("replies") or [], "replies")),
		time_zone=world.time_zone.key,
		kinds=world.kinds,
		seconds=MOST_SECONDS,
		compensate=bool(read.flag(given.get("compensate") or 0, "compensate")),
	)


def _document(given: Mapping[str, Any], behind: Behind) -> dict[str, Any] | None:
	doctype, docname = read.text(given.get("doctype"), "doctype"), read.text(given.get("docname"), "docname")
	sample = read.json_object(given.get("doc"), "doc")
	if docname and not doctype:
		raise BadInput("`docname` goes with `doctype`.")
	real = behind.get(str(doctype), docname) if docname else {}
	if not sample and not real:
		return None
	names = {"doctype": doctype or sample.get("doctype"), "name": docname or sample.get("name") or SAMPLE}
	return read_document({**real, **sample, **names})


def _completions(data: Any) -> list[tuple[str, Any]]:
	pairs = list(data.items()) if isinstance(data, Mapping) else data
	if not isinstance(pairs, list) or not all(
		isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs
	):
		raise BadInput("`completions` is an object of steps and values, or a list of `[step, value]`.")
	return [(step, value) for step, value in pairs]


# --- kinds --------------------------------------------------------------------------------------------------


class Watched:
	"""Kinds as a trial runs them. `rendered`: step id → the payload of its last attempt, as it was
	rendered."""

	def __init__(self, kinds: Mapping[str, Kind], world: World | None):
		self.rendered: dict[str, Any] = {}
		self.world = world
		self.kinds = {name: self._watched(kind) for name, kind in kinds.items()}

	def _watched(self, kind: Kind) -> Kind:
		if kind.handle is None:
			return kind
		undo = kind.compensate and (lambda context, done: self._try_undoing(kind, context, done))
		return replace(kind, handle=lambda context: self._try(kind, context), compensate=undo)

	def _try_undoing(self, kind: Kind, context: StepContext, done: DoneStep) -> Outcome:
		if kind.beyond_ports:
			return Fail(
				"cannot_simulate", f"How steps of the kind “{kind.label}” are undone cannot be tried."
			)
		assert kind.compensate is not None
		with self._kept_in():
			return kind.compensate(context, done)

	@contextmanager
	def _kept_in(self) -> Iterator[None]:
		shield = self.world.shield if self.world else nullcontext
		with shield(), unreachable(self.world.allowed if self.world else ()):
			yield

	def _try(self, kind: Kind, context: StepContext) -> Outcome:
		hidden = {part.name for part in kind.fields if part.sensitive}
		self.rendered[context.step_id] = {
			name: HIDDEN if name in hidden and value not in (None, "") else value
			for name, value in context.payload.items()
		}
		handler = kind.simulate or kind.handle
		if kind.beyond_ports and kind.simulate is None:
			return Fail(
				"cannot_simulate",
				f"Steps of the kind “{kind.label}” act by themselves, and the app that brings them does not "
				"say how they are tried.",
			)
		assert handler is not None
		with self._kept_in():
			return handler(context)


class RenderedMessages:
	"""`ports.Messages` that keeps an email made by a template as the text it would be."""

	def __init__(self, outbox: Any, render: Callable[[str, Mapping[str, Any]], tuple[str, str]]):
		self._outbox = outbox
		self._render = render

	def __getattr__(self, name: str) -> Any:
		return getattr(self._outbox, name)

	def send_email(
		self, *, template: str | None = None, values: Any = None, **options: Any
	) -> dict[str, Any]:
		if template:
			options["subject"], options["html"] = self._render(template, values or {})
		return self._outbox.send_email(values=None if template else values, **options)


def masked_secret(world: World) -> Callable[[str, str], str] | None:
	"""A secret's use is checked; the trial itself has no use for its value."""
	if world.secret is None:
		return None
	check = world.secret

	def hidden(name: str, host: str) -> str:
		check(name, host)
		return HIDDEN

	return hidden
