"""What a kind of step is: data for the editor and the validator, and one handler for the runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone, tzinfo
from typing import TYPE_CHECKING, Any

from flow_engine.engine.definition import Undo
from flow_engine.engine.enums import StrEnum
from flow_engine.engine.outcomes import Outcome

if TYPE_CHECKING:
	from flow_engine.engine.definition import Step
	from flow_engine.engine.ports import Documents, HttpClient, Messages

FIELD_TYPES = (
	"text",
	"textarea",
	"number",
	"select",
	"check",
	"link",
	"links",
	"datetime",
	"json",
	"template",
	"variable",
	"condition",
)


class Effect(StrEnum):
	"""What a step can change, which decides how it is made durable."""

	NONE = "none"
	DATABASE = "database"
	EXTERNAL = "external"


@dataclass(frozen=True, slots=True)
class Field:
	"""One payload field: its widget, its validation and its documentation.

	options: choices of a `select`; the DocType of a `link` is `options[0]`.
	depends_on: a condition over the payload (`{"field": "channel", "op": "==", "value": "sms"}`); while it is
	false the field is hidden and not required.
	sensitive: the value is redacted everywhere but at the receiver. secrets: `{{secret.<name>}}` may stand
	here and is resolved when sent. single_line: rendered line breaks are refused (URLs, headers). html: the
	text is markup, so every value put into it is HTML-escaped.
	"""

	name: str
	label: str
	type: str = "text"
	required: bool = False
	options: tuple[str, ...] = ()
	default: Any = None
	help: str = ""
	depends_on: Mapping[str, Any] | None = None
	sensitive: bool = False
	secrets: bool = False
	single_line: bool = False
	html: bool = False

	def as_dict(self) -> dict[str, Any]:
		return {
			"name": self.name,
			"label": self.label,
			"type": self.type,
			"required": self.required,
			"options": list(self.options),
			"default": self.default,
			"help": self.help,
			"depends_on": dict(self.depends_on) if self.depends_on else None,
			"sensitive": self.sensitive,
			"secrets": self.secrets,
			"single_line": self.single_line,
			"html": self.html,
		}


@dataclass(frozen=True, slots=True)
class DoneStep:
	"""A step that was done and is to be undone: in which run, its result, and what its handler had kept for
	this (None when it kept nothing, or that has gone since)."""

	run: str
	step_id: str
	result: Mapping[str, Any]
	kept: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class StepContext:
	"""All that a handler may see and use.

	payload: the step's payload, rendered field by field. values: the template context it was rendered from.
	run: `{name, flow_template, template_version, context_doctype, context_docname, customer, variables, …}`.
	now: aware UTC datetime of this attempt. key: idempotency key, the same on every attempt.
	timeout_seconds: the most an external call may take. secret: `(name, host)` → value, for HTTP calls only.
	time_zone: the site's, where "today" is meant. undoes: in a compensation, what is to be undone; the
	payload is empty then, because what it says now need not be what it said.
	"""

	step_id: str
	label: str
	run: Mapping[str, Any]
	payload: Mapping[str, Any]
	values: Mapping[str, Any]
	now: datetime
	key: str
	attempt: int
	timeout_seconds: float
	documents: Documents
	messages: Messages
	http: HttpClient
	secret: Callable[[str, str], str] | None = None
	time_zone: tzinfo = timezone.utc
	undoes: DoneStep | None = None


@dataclass(frozen=True, slots=True)
class Result:
	"""One value of a step's result that later steps may read. type: as the framework names field types."""

	name: str
	label: str
	type: str = "Data"

	def as_dict(self) -> dict[str, str]:
		return {"name": self.name, "label": self.label, "type": self.type}


Handler = Callable[[StepContext], Outcome]
Compensator = Callable[[StepContext, DoneStep], Outcome]


@dataclass(frozen=True)
class Kind:
	"""A kind of step. `handle` is None for catalog entries whose runtime comes later (not publishable).

	effect_of and repeat_safe_of read the raw payload where the answer depends on it.
	branches: labels of the branches a successful step may take (`result.branch`); `error` and `timeout` exist
	for every kind and are not listed.
	needs: context roots (`doc`, `customer`) that an external kind's handler reads by itself; loaded first.
	beyond_ports: the handler also acts by other means than the ports in its context (another library, the
	site's own functions), so a simulation cannot keep it from having effects. simulate: what a simulation
	runs instead of `handle`, with the same context; without it, a kind beyond the ports is not simulated.
	check: extra validation of a raw payload; yields `(field name, code, message)`.
	writes: DocTypes it may write.
	document: the DocType of the document that its result names (`doctype`, `name`), which later steps read as
	`steps.<id>.document`. document_field: the payload field that says that DocType, where each step chooses.
	results: what else its result has. A step that was answered has `input` beside it, whatever its kind.
	compensate: undoes a step of the kind that was done. It has the same effect as the step and finds out by
	itself what is left to undo; its result says so as `undone`: `all`, `some` or `nothing`, and `why`.
	compensation: what that does, in one sentence; without `compensate`, why nothing can be undone.
	"""

	name: str
	label: str
	icon: str
	colour: str
	catalog: str = "project"
	effect: Effect = Effect.DATABASE
	fields: tuple[Field, ...] = ()
	branches: tuple[str, ...] = ()
	handle: Handler | None = None
	help: str = ""
	effect_of: Callable[[Mapping[str, Any]], Effect] | None = None
	repeat_safe_of: Callable[[Mapping[str, Any]], bool] | None = None
	check: Callable[[Mapping[str, Any]], list[tuple[str, str, str]]] | None = None
	writes: tuple[str, ...] = field(default=())
	needs: frozenset[str] = frozenset()
	beyond_ports: bool = False
	simulate: Handler | None = None
	document: str | None = None
	document_field: str | None = None
	results: tuple[Result, ...] = ()
	compensate: Compensator | None = None
	compensation: str = ""

	def effect_for(self, payload: Mapping[str, Any]) -> Effect:
		return self.effect_of(payload) if self.effect_of else self.effect

	def repeat_safe(self, payload: Mapping[str, Any]) -> bool:
		"""May an external call whose outcome is unknown be sent again?"""
		return bool(self.repeat_safe_of(payload)) if self.repeat_safe_of else False

	def _effect_when(self) -> dict[str, Any] | None:
		"""`{field, values: {choice: effect}}` where the effect follows from the choice made in one field."""
		if self.effect_of is None:
			return None
		for chosen in self.fields:
			effects = {choice: self.effect_for({chosen.name: choice}).value for choice in chosen.options}
			if len(set(effects.values())) > 1:
				return {"field": chosen.name, "values": effects}
		return None

	def as_dict(self) -> dict[str, Any]:
		"""The catalog entry as the editor gets it."""
		return {
			"name": self.name,
			"label": self.label,
			"icon": self.icon,
			"colour": self.colour,
			"catalog": self.catalog,
			"effect": self.effect.value,
			"fields": [f.as_dict() for f in self.fields],
			"branches": list(self.branches),
			"help": self.help,
			"runnable": self.handle is not None,
			"simulated": self.handle is not None and (self.simulate is not None or not self.beyond_ports),
			"effect_when": self._effect_when(),
			"document": self.document,
			"document_field": self.document_field,
			"results": [result.as_dict() for result in self.results],
			"compensates": self.compensate is not None,
			"compensation": self.compensation,
		}


def effect_of(kind: Kind | None, step: Step) -> Effect:
	"""What executing the step can change."""
	if kind is None or step.undo is Undo.STEPS:
		return Effect.NONE
	return kind.effect_for(step.payload)


def perform(kind: Kind, context: StepContext) -> Outcome:
	"""Do what the step says, or undo what it did."""
	if context.undoes is None:
		assert kind.handle is not None
		return kind.handle(context)
	assert kind.compensate is not None
	return kind.compensate(context, context.undoes)
