"""The steps one by one: keys, ids, kinds, step triggers, retry, error handling. Payloads: payload_checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flow_engine.engine.allow_lists import KEYS as ALLOW_LIST_KEYS
from flow_engine.engine.allow_lists import list_problems
from flow_engine.engine.definition import RETRY_KEYS, STEP_ID, STEP_KEYS, TRIGGER_FIELDS, OnError, TriggerType
from flow_engine.engine.kinds.base import Effect, Kind
from flow_engine.engine.payload_checks import check_payload, check_template, has_placeholder
from flow_engine.engine.plain import as_number, as_time, is_number
from flow_engine.engine.problems import Problems, joined, quoted
from flow_engine.engine.sla.rules import sla_problems

MAX_TIMEOUT_SECONDS = 300
# A hundred years: beyond any real wait, far below where dates end.
_LONGEST = {"delay_days": 36_500, "delay_hours": 876_000, "delay_minutes": 52_560_000}
_LONGEST |= {"offset_days": 36_500, "offset_hours": 876_000, "timeout_hours": 876_000}
RETRY_RANGES = {
	"max_attempts": (1, 20),
	"backoff_seconds": (0, 31_536_000),
	"backoff_rate": (1, 1_000),
	"max_delay_seconds": (0, 31_536_000),
}


@dataclass(frozen=True, slots=True)
class CheckedStep:
	"""A step as the later checks see it; everything malformed has been reported and left out.

	id: None when it is missing, malformed or taken. kind: None when unknown. trigger_type: None when unknown.
	"""

	index: int
	id: str | None = None
	label: str = ""
	kind: Kind | None = None
	parent_id: str | None = None
	branch: str | None = None
	depends_on: tuple[tuple[int, str], ...] = ()
	trigger_type: TriggerType | None = TriggerType.ON_PREV_COMPLETE
	trigger: Mapping[str, Any] = field(default_factory=dict)
	payload: Mapping[str, Any] = field(default_factory=dict)
	on_error: str = OnError.FAIL
	can_be_late: bool = False
	sla_source: str | None = None
	compensate: bool | None = None

	@property
	def path(self) -> str:
		return f"steps[{self.index}]"

	@property
	def can_time_out(self) -> bool:
		"""Does the step wait for someone with a limit, or call someone?"""
		if self.trigger.get("timeout_hours") not in (None, ""):
			return self.trigger_type in (TriggerType.ON_WEBHOOK, TriggerType.MANUAL)
		return self.kind is None or effect_of(self.kind, self.payload) is Effect.EXTERNAL


def effect_of(kind: Kind, payload: Mapping[str, Any]) -> Effect:
	try:
		return Effect(kind.effect_for(payload))
	except Exception:
		# A kind from another app may stumble over a payload that is not valid yet.
		return kind.effect


def check_steps(steps: Sequence[Any], kinds: Mapping[str, Kind], problems: Problems) -> list[CheckedStep]:
	"""Reports what is wrong with each step and returns those that are objects, in order."""
	taken: dict[str, str] = {}
	checked = []
	for index, data in enumerate(steps):
		if isinstance(data, Mapping):
			checked.append(_StepCheck(index, data, problems).run(kinds, taken))
		else:
			problems.add(f"steps[{index}]", "bad_value", "A step is an object.")
	return checked


class _StepCheck:
	"""The checks of one step, which share its path and its id."""

	def __init__(self, index: int, data: Mapping[str, Any], problems: Problems):
		self.index = index
		self.path = f"steps[{index}]"
		self.data = data
		self.problems = problems
		self.step = data["id"] if isinstance(data.get("id"), str) else None

	def add(self, key: str, code: str, message: str) -> None:
		path = f"{self.path}{key}" if key.startswith("[") else f"{self.path}.{key}"
		self.problems.add(path, code, message, step=self.step)

	def run(self, kinds: Mapping[str, Kind], taken: dict[str, str]) -> CheckedStep:
		data = self.data
		for key in data:
			if key not in STEP_KEYS:
				self.add(joined("", key), "unknown_key", f"A step has no {quoted(key)}.")
		for key in ("label", "note"):
			if data.get(key) is not None and not isinstance(data[key], str):
				self.add(key, "bad_value", f"The {key} is a text.")
		disabled = data.get("disabled")
		# Not everything that is a number can be compared: a signalling NaN raises.
		if disabled is not None and not (isinstance(disabled, int | float) and disabled in (0, 1)):
			self.add("disabled", "bad_value", "disabled is true or false.")
		if not isinstance(data.get("compensate"), bool | None):
			self.add("compensate", "bad_value", "compensate is true or false.")
		step_id = self._id(taken)
		kind = self._kind(kinds)
		payload = self._payload(kind)
		trigger_type, trigger = self._trigger()
		on_error = data.get("on_error") or OnError.FAIL
		if not isinstance(on_error, str) or on_error not in tuple(OnError):
			self.add("on_error", "bad_value", f"on_error is one of: {', '.join(OnError)}.")
			on_error = OnError.FAIL
		self._retry()
		self._timeout(kind, payload)
		label = data.get("label") if isinstance(data.get("label"), str) else None
		return CheckedStep(
			index=self.index,
			id=step_id,
			label=label or step_id or f"step {self.index + 1}",
			kind=kind,
			parent_id=self._name("parent_id"),
			branch=self._name("branch"),
			depends_on=self._depends_on(),
			trigger_type=trigger_type,
			trigger=trigger,
			payload=payload,
			on_error=on_error,
			compensate=data["compensate"] if isinstance(data.get("compensate"), bool) else None,
			can_be_late=self._sla(),
			sla_source=self._sla_source(),
		)

	def _id(self, taken: dict[str, str]) -> str | None:
		step_id = self.data.get("id")
		if step_id is None:
			self.add("id", "missing_field", "The step has no id.")
		elif not isinstance(step_id, str) or not STEP_ID.match(step_id):
			self.add("id", "bad_id", f"{quoted(step_id)} is no id: 1 to 64 letters, digits, _ or -.")
		elif step_id.lower() in taken:
			other = taken[step_id.lower()]
			# The database compares ids without regard to case.
			reason = "" if other == step_id else f", which differs from {quoted(other)} only by case"
			self.add("id", "duplicate_id", f"Another step has the id {quoted(step_id)}{reason}.")
		else:
			taken[step_id.lower()] = step_id
			return step_id
		return None

	def _kind(self, kinds: Mapping[str, Kind]) -> Kind | None:
		name = self.data.get("kind")
		if name is None or name == "":
			self.add("kind", "missing_field", "Choose what the step does.")
			return None
		kind = kinds.get(name) if isinstance(name, str) else None
		if kind is None:
			self.add("kind", "unknown_kind", f"There is no kind of step {quoted(name)}.")
		elif kind.handle is None:
			self.add("kind", "unknown_kind", f"Steps of the kind “{kind.label}” cannot be published yet.")
		return kind

	def _payload(self, kind: Kind | None) -> Mapping[str, Any]:
		payload = self.data.get("payload")
		if payload is None:
			payload = {}
		if not isinstance(payload, Mapping):
			self.add("payload", "bad_value", "The payload is an object.")
			return {}
		if kind is not None:
			for subpath, code, message in check_payload(kind, payload):
				self.add(f"payload.{subpath}" if subpath else "payload", code, message)
		return payload

	def _name(self, key: str) -> str | None:
		name = self.data.get(key)
		if name is None or isinstance(name, str):
			return name
		self.add(key, "bad_value", f"{key} is a text.")
		return None

	def _depends_on(self) -> tuple[tuple[int, str], ...]:
		others = self.data.get("depends_on")
		if others is None:
			return ()
		if not isinstance(others, list | tuple):
			self.add("depends_on", "bad_value", "depends_on is a list of step ids.")
			return ()
		found: dict[str, int] = {}
		for i, other in enumerate(others):
			if isinstance(other, str):
				found.setdefault(other, i)
			else:
				self.add(f"depends_on[{i}]", "bad_value", "depends_on is a list of step ids.")
		return tuple((i, other) for other, i in found.items())

	def _trigger(self) -> tuple[TriggerType | None, Mapping[str, Any]]:
		trigger = self.data.get("trigger")
		if trigger is None:
			trigger = {}
		if not isinstance(trigger, Mapping):
			self.add("trigger", "bad_value", "The trigger is an object with a type.")
			return None, {}
		name = trigger.get("type", TriggerType.ON_PREV_COMPLETE)
		if not isinstance(name, str) or name not in tuple(TriggerType):
			message = f"There is no trigger {quoted(name)} (there are: {', '.join(TriggerType)})."
			self.add("trigger.type", "unknown_trigger", message)
			return None, {}
		kind_of_trigger = TriggerType(name)
		allowed = TRIGGER_FIELDS[kind_of_trigger]
		for key, value in trigger.items():
			if key == "type":
				continue
			if key not in allowed:
				self.add(joined("trigger", key), "unknown_key", f"{quoted(key)} means nothing for {name}.")
			elif value is not None and value != "":
				self._trigger_field(key, value)
		self._trigger_as_a_whole(kind_of_trigger, trigger)
		return kind_of_trigger, trigger

	def _trigger_as_a_whole(self, name: TriggerType, trigger: Mapping[str, Any]) -> None:
		if name is TriggerType.ON_FLOW_START and (self.data.get("parent_id") or self.data.get("depends_on")):
			message = "A step that fires when the flow starts can have no parent and no dependencies."
			self.add("trigger.type", "trigger_conflict", message)
		if name is TriggerType.ON_DATE and trigger.get("at") in (None, ""):
			self.add("trigger.at", "missing_field", "Choose the date.")
		if name is TriggerType.AFTER_DELAY:
			fields = TRIGGER_FIELDS[name]
			if all(trigger.get(key) in (None, "") for key in fields):
				self.add(f"trigger.{fields[0]}", "missing_field", "Say how long to wait.")

	def _trigger_field(self, key: str, value: Any) -> None:
		path = f"trigger.{key}"
		if key in ALLOW_LIST_KEYS:
			for subpath, code, message in list_problems(value, templates=True):
				self.add(f"{path}{subpath}", code, message)
			return
		if isinstance(value, str):
			for code, message in check_template(value, secrets=False):
				self.add(path, code, message)
			if has_placeholder(value):
				return
		if key in ("role", "assignee"):
			if not isinstance(value, str):
				self.add(path, "bad_value", f"The {key} is a name.")
		elif key == "at":
			if not isinstance(value, str) or as_time(value) is None:
				self.add(
					path, "bad_value", f"{quoted(value)} is no date like 2026-03-18 or 2026-03-18T09:00."
				)
		else:
			number = as_number(value)
			negative_allowed = key.startswith("offset_")
			if number is None or (number < 0 and not negative_allowed):
				least = "" if negative_allowed else " that is zero or more"
				self.add(path, "bad_value", f"{quoted(value)} is not a number{least}.")
			elif abs(number) > _LONGEST[key]:
				self.add(path, "bad_value", f"{quoted(value)} is longer than a hundred years.")
			elif key == "timeout_hours" and number == 0:
				self.add(
					path, "bad_value", "A limit of zero hours leaves no time; leave it empty for no limit."
				)

	def _retry(self) -> None:
		retry = self.data.get("retry")
		if retry is None:
			return
		if not isinstance(retry, Mapping):
			self.add("retry", "bad_value", "retry is an object.")
			return
		for key, value in retry.items():
			if key not in RETRY_KEYS:
				self.add(joined("retry", key), "unknown_key", f"retry has no {quoted(key)}.")
			elif key == "jitter":
				if not isinstance(value, bool):
					self.add("retry.jitter", "bad_value", "jitter is true or false.")
			else:
				self._retry_number(key, value)

	def _retry_number(self, key: str, value: Any) -> None:
		least, most = RETRY_RANGES[key]
		whole = key == "max_attempts"
		if not is_number(value) or not least <= value <= most or (whole and value != int(value)):
			kind = "whole number" if whole else "number"
			self.add(f"retry.{key}", "bad_value", f"{key} is a {kind} from {least:,} to {most:,}.")
		elif key == "max_delay_seconds" and value == 0:
			self.add(f"retry.{key}", "bad_value", "max_delay_seconds is more than zero.")

	def _sla(self) -> bool:
		"""Can the step be late?"""
		sla = self.data.get("sla")
		if sla is None or sla == {}:
			return False
		for subpath, code, message in sla_problems(sla):
			self.add(f"sla.{subpath}" if subpath else "sla", code, message)
		return not isinstance(sla, Mapping) or bool(sla.get("breach") or sla.get("from"))

	def _sla_source(self) -> str | None:
		sla = self.data.get("sla")
		source = sla.get("from") if isinstance(sla, Mapping) else None
		return source if isinstance(source, str) and source else None

	def _timeout(self, kind: Kind | None, payload: Mapping[str, Any]) -> None:
		seconds = self.data.get("timeout_seconds")
		if seconds is None:
			return
		if not is_number(seconds) or not 0 < seconds <= MAX_TIMEOUT_SECONDS:
			message = f"timeout_seconds is a number above 0 and at most {MAX_TIMEOUT_SECONDS}."
			self.add("timeout_seconds", "bad_value", message)
		elif kind is not None and effect_of(kind, payload) is not Effect.EXTERNAL:
			message = "Only steps that call something outside take timeout_seconds."
			self.add("timeout_seconds", "bad_value", message)
