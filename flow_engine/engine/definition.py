"""The flow definition as frozen data: parse, dump, upgrade, and the graph that planning reads.

Parsing here trusts a definition that `validation.validate_definition` passed; it never guesses. What it
leaves to
others: whether the definition is any good (validation), what is ready (planning).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flow_engine.engine.enums import StrEnum
from flow_engine.engine.errors import InvalidDefinition
from flow_engine.engine.sla.rules import Sla, parse_sla

CURRENT_VERSION = 1
MAX_STEPS = 2_000
MAX_BYTES = 1_000_000
STEP_ID = re.compile(r"\A[A-Za-z0-9_-]{1,64}\Z")
FAILURE_BRANCHES = ("error", "timeout")
# Its steps run when the parent is late, while the parent itself may still be open.
LATE_BRANCH = "sla_breach"
# Children on it undo their parent. A run never takes it; a compensation of that run does.
COMPENSATE = "compensate"


class TriggerType(StrEnum):
	"""When a step that is ready fires."""

	ON_FLOW_START = "on_flow_start"
	ON_PREV_COMPLETE = "on_prev_complete"
	AFTER_DELAY = "after_delay"
	ON_DATE = "on_date"
	ON_WEBHOOK = "on_webhook"
	MANUAL = "manual"


class OnError(StrEnum):
	"""What an unsuccessful step means for the rest of the run."""

	FAIL = "fail"
	CONTINUE = "continue"
	BRANCH = "branch"


class Compensate(StrEnum):
	"""When what a run has done is undone by itself; whoever may can ask for it whenever a run has ended."""

	ASK = "ask"
	ON_FAILURE = "on_failure"
	ON_CANCEL = "on_cancel"
	BOTH = "both"


class Undo(StrEnum):
	"""What a step of a compensation stands for: the kind's own way to undo the step of the same id, or the
	steps under it, which the flow names."""

	KIND = "kind"
	STEPS = "steps"


# The fields each step trigger may carry; validation refuses any other.
TRIGGER_FIELDS: Mapping[str, tuple[str, ...]] = {
	TriggerType.ON_FLOW_START: (),
	TriggerType.ON_PREV_COMPLETE: (),
	TriggerType.AFTER_DELAY: ("delay_days", "delay_hours", "delay_minutes"),
	TriggerType.ON_DATE: ("at", "offset_days", "offset_hours"),
	TriggerType.ON_WEBHOOK: ("timeout_hours",),
	TriggerType.MANUAL: ("timeout_hours", "role", "assignee", "users", "roles"),
}

FLOW_KEYS = ("version", "trigger", "variables", "payload_schema", "starters", "compensate", "sla", "steps")
FLOW_TRIGGER_KEYS = (
	"event",
	"condition",
	"doctype",
	"doc_event",
	"field",
	"from",
	"to",
	"on_import",
	"offset_days",
	"offset_hours",
	"time",
	"day_policy",
	"holiday_list",
)
# Those of an event that is a date of a document.
DATE_TRIGGER_KEYS = ("offset_days", "offset_hours", "time", "day_policy", "holiday_list")
STEP_KEYS = (
	"id",
	"kind",
	"label",
	"parent_id",
	"branch",
	"depends_on",
	"trigger",
	"payload",
	"retry",
	"timeout_seconds",
	"sla",
	"on_error",
	"disabled",
	"note",
	"compensate",
)
RETRY_KEYS = ("max_attempts", "backoff_seconds", "backoff_rate", "max_delay_seconds", "jitter")


@dataclass(frozen=True, slots=True)
class FlowTrigger:
	"""What starts a run. `event` is a business event's name, `doc_event` for generic ones, or `manual`.

	For generic document events: `doctype`, `doc_event` (after_insert, on_update, on_submit, on_cancel,
	on_update_after_submit, on_trash, field_change, workflow_transition), and for the last two `field`,
	`from_`, `to`. For `date`: `doctype`, `field`, and in `date` the keys of DATE_TRIGGER_KEYS that are given.
	`condition` is raw (string, predicate, group or `{"logic": …}`); empty means always.
	"""

	event: str = "manual"
	# Before `field`, which hides what makes defaults.
	date: Mapping[str, Any] = field(default_factory=dict)
	condition: Any = ""
	doctype: str | None = None
	doc_event: str | None = None
	field: str | None = None
	from_: Any = None
	to: Any = None
	on_import: bool = False


@dataclass(frozen=True, slots=True)
class StepTrigger:
	"""When a ready step fires; `fields` are the type's own, numbers or templates."""

	type: TriggerType = TriggerType.ON_PREV_COMPLETE
	fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
	"""How often and how far apart a step is tried. Seconds; `backoff_rate` multiplies after each attempt."""

	max_attempts: int = 1
	backoff_seconds: float = 30
	backoff_rate: float = 2
	max_delay_seconds: float = 3600
	jitter: bool = True


@dataclass(frozen=True, slots=True)
class Step:
	"""One step as published. `retry` and `timeout_seconds` are None where the kind's default holds.
	`compensate`: True where steps of its own undo it, False where nothing does, None: those steps where there
	are any, else its kind. `undo` is set in a compensation only."""

	id: str
	kind: str
	label: str = ""
	parent_id: str | None = None
	branch: str | None = None
	depends_on: tuple[str, ...] = ()
	trigger: StepTrigger = field(default_factory=StepTrigger)
	payload: Mapping[str, Any] = field(default_factory=dict)
	retry: Mapping[str, Any] | None = None
	timeout_seconds: float | None = None
	sla: Mapping[str, Any] | None = None
	on_error: OnError = OnError.FAIL
	disabled: bool = False
	note: str = ""
	compensate: bool | None = None
	undo: Undo | None = None


@dataclass(frozen=True)
class FlowDefinition:
	"""A whole flow. Lists of indexes are positions in `steps`, computed once and shared by every run of
	it. `payload_schema`: the JSON Schema of what it is started with; None asks for nothing in particular.
	`starters`: `{users, roles}`, who may start it by hand; None leaves that to the host."""

	version: int = CURRENT_VERSION
	trigger: FlowTrigger = field(default_factory=FlowTrigger)
	variables: Mapping[str, Any] = field(default_factory=dict)
	steps: tuple[Step, ...] = ()
	payload_schema: Mapping[str, Any] | None = None
	compensate: Compensate = Compensate.ASK
	sla: Mapping[str, Any] | None = None
	starters: Mapping[str, Any] | None = None

	@cached_property
	def values_before(self) -> Mapping[str, Any]:
		"""The variables of a run that was given none: the flow's own, over the defaults of its schema."""
		return {**schema_defaults(self.payload_schema), **self.variables}

	@cached_property
	def position(self) -> dict[str, int]:
		"""step id → its place in the list."""
		return {step.id: i for i, step in enumerate(self.steps)}

	@cached_property
	def children(self) -> dict[str, tuple[str, ...]]:
		"""step id → ids of the steps whose `parent_id` it is, in list order."""
		found: dict[str, list[str]] = {}
		for step in self.steps:
			if step.parent_id is not None:
				found.setdefault(step.parent_id, []).append(step.id)
		return {k: tuple(v) for k, v in found.items()}

	@cached_property
	def dependents(self) -> dict[str, tuple[str, ...]]:
		"""step id → ids of the steps that name it in `depends_on`, in list order."""
		found: dict[str, list[str]] = {}
		for step in self.steps:
			for other in step.depends_on:
				found.setdefault(other, []).append(step.id)
		return {k: tuple(v) for k, v in found.items()}

	@cached_property
	def compensations(self) -> dict[tuple[str, ...], FlowDefinition]:
		"""A cache: steps in the order they are undone → the compensation made of them."""
		return {}

	@cached_property
	def slas(self) -> dict[str, Sla]:
		"""step id → its service level, for the steps that have one."""
		return {step.id: parse_sla(step.sla) for step in self.steps if step.sla}

	@cached_property
	def run_sla(self) -> Sla | None:
		"""The service level of the run as a whole."""
		return parse_sla(self.sla) if self.sla else None

	@cached_property
	def has_sla(self) -> bool:
		"""Does any clock go in a run of this flow?"""
		return bool(self.sla or self.slas)

	@cached_property
	def reads(self) -> dict[str, frozenset[str]]:
		"""step id → the context roots and `steps.<id>` paths its strings may read (`doc`, `steps.s1`, …)."""
		return {step.id: references(step) for step in self.steps}

	def step(self, step_id: str) -> Step:
		return self.steps[self.position[step_id]]

	def __contains__(self, step_id: object) -> bool:
		return step_id in self.position

	def has_branch(self, step_id: str, branch: str) -> bool:
		"""Does any child of the step sit on this branch?"""
		return any(self.step(child).branch == branch for child in self.children.get(step_id, ()))


# No word boundary after a step id: it may end in `-`, where there is none.
_ROOT = re.compile(
	r"\b(?:steps\.[A-Za-z0-9_-]{1,64}"
	r"|(?:doc|customer|run|template|variables|now|input|trigger|links|steps|compensates)\b)"
)


def references(step: Step) -> frozenset[str]:
	"""Every context root a step's payload and trigger might read: a cheap over-estimate, never an
	under-estimate.

	It decides which documents and logged results are loaded before the step runs.
	"""
	if step.undo is not None:
		return frozenset()
	text = json.dumps([step.payload, step.trigger.fields], default=str)
	return frozenset(_ROOT.findall(text))


def as_json(raw: Any) -> Any:
	"""A definition given as text or as data → data. Raises InvalidDefinition with one `bad_json` problem."""
	if not isinstance(raw, str | bytes):
		return raw
	try:
		return json.loads(raw)
	except (ValueError, RecursionError) as error:
		problem = {"path": "", "step": None, "code": "bad_json", "message": f"Not valid JSON: {error}"}
		raise InvalidDefinition("The flow definition is not valid JSON.", problems=[problem]) from None


def parse_definition(raw: Any) -> FlowDefinition:
	"""Text or data of a valid definition → FlowDefinition. Raises InvalidDefinition when it cannot be read at
	all."""
	data = upgrade_definition(as_json(raw))
	try:
		return FlowDefinition(
			version=data.get("version", CURRENT_VERSION),
			trigger=_parse_trigger(data.get("trigger") or {}),
			variables=data.get("variables") or {},
			steps=tuple(_parse_step(step) for step in data.get("steps") or ()),
			payload_schema=data.get("payload_schema"),
			compensate=Compensate(data.get("compensate") or Compensate.ASK),
			sla=data.get("sla") or None,
			starters=data.get("starters") or None,
		)
	except (AttributeError, KeyError, TypeError, ValueError) as error:
		problem = {"path": "", "step": None, "code": "bad_value", "message": f"Cannot be read: {error}"}
		raise InvalidDefinition(problems=[problem]) from None


def _parse_trigger(data: Mapping[str, Any]) -> FlowTrigger:
	return FlowTrigger(
		event=data.get("event") or "manual",
		condition=data.get("condition", ""),
		doctype=data.get("doctype"),
		doc_event=data.get("doc_event"),
		field=data.get("field"),
		from_=data.get("from"),
		to=data.get("to"),
		on_import=bool(data.get("on_import")),
		date={key: data[key] for key in DATE_TRIGGER_KEYS if data.get(key) not in (None, "")},
	)


def _parse_step(data: Mapping[str, Any]) -> Step:
	trigger = dict(data.get("trigger") or {})
	return Step(
		id=data["id"],
		kind=data["kind"],
		label=data.get("label") or data["id"],
		parent_id=data.get("parent_id"),
		branch=data.get("branch"),
		depends_on=tuple(dict.fromkeys(data.get("depends_on") or ())),
		trigger=StepTrigger(TriggerType(trigger.pop("type", TriggerType.ON_PREV_COMPLETE)), trigger),
		payload=data.get("payload") or {},
		retry=data.get("retry"),
		timeout_seconds=data.get("timeout_seconds"),
		sla=data.get("sla") or None,
		on_error=OnError(data.get("on_error") or OnError.FAIL),
		disabled=bool(data.get("disabled")),
		note=data.get("note") or "",
		compensate=data.get("compensate"),
	)


def dump_definition(definition: FlowDefinition) -> dict[str, Any]:
	"""FlowDefinition → the JSON it is stored as; optional keys only where they say something."""
	trigger = {"event": definition.trigger.event, "condition": definition.trigger.condition}
	for key in ("doctype", "doc_event", "field"):
		if getattr(definition.trigger, key) is not None:
			trigger[key] = getattr(definition.trigger, key)
	for key, value in (("from", definition.trigger.from_), ("to", definition.trigger.to)):
		if value is not None:
			trigger[key] = value
	if definition.trigger.on_import:
		trigger["on_import"] = True
	trigger.update(definition.trigger.date)
	data = {
		"version": definition.version,
		"trigger": trigger,
		"variables": dict(definition.variables),
		"steps": [_dump_step(step) for step in definition.steps],
	}
	if definition.payload_schema is not None:
		data["payload_schema"] = dict(definition.payload_schema)
	if definition.starters:
		data["starters"] = dict(definition.starters)
	if definition.compensate is not Compensate.ASK:
		data["compensate"] = definition.compensate.value
	if definition.sla:
		data["sla"] = dict(definition.sla)
	return data


def schema_fields(schema: Any) -> Mapping[str, Any]:
	"""The fields that a payload schema names, as its schemas of them; none of a schema that cannot be
	read."""
	properties = schema.get("properties") if isinstance(schema, Mapping) else None
	return properties if isinstance(properties, Mapping) else {}


def schema_defaults(schema: Any) -> dict[str, Any]:
	"""What a payload schema gives fields that are left out."""
	return {
		name: field["default"]
		for name, field in schema_fields(schema).items()
		if isinstance(field, Mapping) and "default" in field
	}


def _dump_step(step: Step) -> dict[str, Any]:
	data: dict[str, Any] = {
		"id": step.id,
		"kind": step.kind,
		"label": step.label,
		"parent_id": step.parent_id,
		"branch": step.branch,
		"depends_on": list(step.depends_on),
		"trigger": {"type": step.trigger.type.value, **step.trigger.fields},
		"payload": dict(step.payload),
	}
	if step.retry is not None:
		data["retry"] = dict(step.retry)
	if step.timeout_seconds is not None:
		data["timeout_seconds"] = step.timeout_seconds
	if step.sla:
		data["sla"] = dict(step.sla)
	if step.on_error is not OnError.FAIL:
		data["on_error"] = step.on_error.value
	if step.disabled:
		data["disabled"] = True
	if step.note:
		data["note"] = step.note
	if step.compensate is not None:
		data["compensate"] = step.compensate
	return data


# Pure functions data → data; the function at place n turns version n + 1 into version n + 2.
UPGRADES: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = ()


def upgrade_definition(data: Any) -> dict[str, Any]:
	"""Bring stored data to CURRENT_VERSION. Raises InvalidDefinition for data that is no object or too
	new."""
	if not isinstance(data, dict):
		problem = {
			"path": "",
			"step": None,
			"code": "bad_value",
			"message": "A flow definition is a JSON object.",
		}
		raise InvalidDefinition("A flow definition is a JSON object.", problems=[problem])
	version = data.get("version", CURRENT_VERSION)
	if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= CURRENT_VERSION:
		message = (
			f"Version {version!r} of the flow language is not known here (known: 1 to {CURRENT_VERSION})."
		)
		problem = {"path": "version", "step": None, "code": "bad_value", "message": message}
		raise InvalidDefinition(message, problems=[problem])
	for upgrade in UPGRADES[version - 1 :]:
		data = upgrade(data)
	return data
