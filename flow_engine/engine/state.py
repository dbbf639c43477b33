"""The states of runs and steps, and every move between them.

A step's state is one frozen record; a change is a new record made by `move`, which refuses moves that are not
in the table. Dictionaries exist only where the state is stored (`dump_state`, `load_state`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from flow_engine.engine.definition import COMPENSATE, FAILURE_BRANCHES, LATE_BRANCH, FlowDefinition, OnError
from flow_engine.engine.enums import StrEnum
from flow_engine.engine.errors import IllegalMove, StateTooNew, StateUnreadable
from flow_engine.engine.sla.marks import SlaMarks, load_marks

MAX_RESULT_BYTES = 65_536
INLINE_RESULT_BYTES = 1_024
# JSON makes six of a control character: even so this many keys and values stay below INLINE_RESULT_BYTES.
_SMALL_KEYS, _SMALL_TEXT = 4, 20
IN_LOG = {"$log": True}


class RunStatus(StrEnum):
	RUNNING = "running"
	COMPLETED = "completed"
	FAILED = "failed"
	CANCELLED = "cancelled"


class StepStatus(StrEnum):
	PENDING = "pending"
	WAITING = "waiting"
	SCHEDULED = "scheduled"
	RUNNING = "running"
	DONE = "done"
	FAILED = "failed"
	SKIPPED = "skipped"
	CANCELLED = "cancelled"


class Handled(StrEnum):
	"""How a failure was handled."""

	CONTINUE = "continue"
	ERROR = "error"
	TIMEOUT = "timeout"


class SkipReason(StrEnum):
	DISABLED = "disabled"
	NOT_TAKEN = "not_taken"
	OPERATOR = "operator"


P, W, SC, R = StepStatus.PENDING, StepStatus.WAITING, StepStatus.SCHEDULED, StepStatus.RUNNING
D, F, SK, C = StepStatus.DONE, StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.CANCELLED

# Allowed moves, all of them. A failed step moves again only by an operator's retry, skip or mark-done; a
# pending step reaches `done` or `failed` directly because a step without an outside call leaves no trace in
# between.
MOVES: Mapping[StepStatus, frozenset[StepStatus]] = {
	P: frozenset({W, SC, R, D, F, SK, C}),
	W: frozenset({SC, R, D, F, SK, C}),
	SC: frozenset({W, SC, R, D, F, SK, C}),
	R: frozenset({SC, D, F, SK, C}),
	F: frozenset({P, D, SK, C}),
	D: frozenset(),
	SK: frozenset(),
	C: frozenset(),
}


@dataclass(frozen=True)
class StepState:
	"""Where one step stands. Times are aware UTC.

	ready_at: when everything it needed was settled. trigger_at: when it is due, with `purpose` delay, date,
	retry or timeout. input: a webhook's or person's posted body, kept until the step runs. read: context
	values that a condition read. asked: the people that the flow names for it, where it calculated them.
	handed: who was given the step since, and who gave it away. forgiven: attempts up to an operator's last
	retry, which its retry policy counts no more. sla: what its service level has come to, if anything.
	"""

	status: StepStatus = StepStatus.PENDING
	ready_at: datetime | None = None
	trigger_at: datetime | None = None
	purpose: str | None = None
	started_at: datetime | None = None
	completed_at: datetime | None = None
	attempts: int = 0
	forgiven: int = 0
	result: Any = None
	error: Mapping[str, str] | None = None
	handled: Handled | None = None
	reason: SkipReason | None = None
	input: Any = None
	input_at: datetime | None = None
	sla: SlaMarks | None = None
	asked: Mapping[str, Any] | None = None
	handed: Mapping[str, Any] | None = None

	def move(self, status: StepStatus, **changes: Any) -> StepState:
		if status not in MOVES[self.status]:
			raise IllegalMove(
				f"A step that is {self.status} cannot become {status}.", frm=self.status, to=status
			)
		return self.changed(status=status, **changes)

	def changed(self, **changes: Any) -> StepState:
		"""This state with other values: `dataclasses.replace` for less, because a run makes several states of
		every step."""
		assert StepState.__dataclass_fields__.keys() >= changes.keys(), changes
		new = object.__new__(StepState)
		new.__dict__.update(self.__dict__, **changes)
		return new

	@property
	def settled(self) -> bool:
		if self.status is StepStatus.FAILED:
			return self.handled is not None
		return self.status in (StepStatus.DONE, StepStatus.SKIPPED)

	@property
	def breached_at(self) -> datetime | None:
		"""When the step was late, if it was."""
		return self.sla.breached_at if self.sla is not None else None

	@property
	def on(self) -> bool:
		"""For a settled step: does what depends on it go ahead?"""
		if self.status is StepStatus.FAILED:
			return self.handled is Handled.CONTINUE
		if self.status is StepStatus.SKIPPED:
			return self.reason is SkipReason.DISABLED
		return self.status is StepStatus.DONE

	@property
	def branch(self) -> str | None:
		"""The branch a settled step took, if it took one."""
		if self.status is StepStatus.FAILED and self.handled in (Handled.ERROR, Handled.TIMEOUT):
			return self.handled.value
		if self.status is StepStatus.DONE and isinstance(self.result, Mapping):
			branch = self.result.get("branch")
			return branch if isinstance(branch, str) else None
		return None


def admits(parent: StepState, branch: str | None) -> bool:
	"""Does a settled parent let a child on this branch in? (A disabled parent passes its children
	through.) What undoes a step is let in by no run."""
	if branch == COMPENSATE:
		return False
	if parent.status is StepStatus.SKIPPED:
		if parent.reason is SkipReason.DISABLED:
			return True
		return branch == LATE_BRANCH and parent.breached_at is not None
	if branch == LATE_BRANCH:
		return parent.breached_at is not None
	if parent.status is StepStatus.FAILED and parent.handled is not Handled.CONTINUE:
		return branch is not None and branch == parent.branch
	if branch is None:
		return True
	return parent.status is StepStatus.DONE and branch == parent.branch


def handling(definition: FlowDefinition, step_id: str, code: str) -> Handled | None:
	"""What the flow says about a failure of this step with this error code; None: unhandled."""
	step = definition.step(step_id)
	if code == "timed_out" and definition.has_branch(step_id, "timeout"):
		return Handled.TIMEOUT
	if step.on_error is OnError.CONTINUE:
		return Handled.CONTINUE
	if step.on_error is OnError.BRANCH and definition.has_branch(step_id, FAILURE_BRANCHES[0]):
		return Handled.ERROR
	return None


def limit_result(result: Any) -> Any:
	"""A result as it is stored: JSON, at most MAX_RESULT_BYTES; a larger one is cut with a marker."""
	if is_small(result):
		return dict(result)
	try:
		text = json.dumps(result, default=str, ensure_ascii=False, allow_nan=False)
	except (TypeError, ValueError, RecursionError):
		text = json.dumps(_sayable(result), default=str, ensure_ascii=False)
	# Half a surrogate pair is a Python string and no text: no database takes it.
	text = text.encode("utf-8", "replace").decode("utf-8")
	if len(text.encode("utf-8")) <= MAX_RESULT_BYTES:
		return json.loads(text)
	kept = {"$cut": True, "text": text[: MAX_RESULT_BYTES // 4]}
	if isinstance(result, Mapping):
		for key in ("branch", "doctype", "name", "status"):
			if isinstance(result.get(key), str | int) and len(str(result[key])) <= 140:
				kept[key] = result[key]
	return kept


def is_small(result: Any) -> bool:
	"""A flat object of a few short values, which most results are: JSON as it stands and far below every
	limit, so that nobody has to write it out to see that."""
	if type(result) is not dict or len(result) > _SMALL_KEYS:
		return False
	for key, value in result.items():
		if type(key) is not str or len(key) > _SMALL_TEXT or not key.isascii():
			return False
		if type(value) is str:
			if len(value) > _SMALL_TEXT or not value.isascii():
				return False
		elif value is not None and type(value) is not bool:
			return False
	return True


def _sayable(value: Any, depth: int = 0) -> Any:
	"""What JSON cannot say, said otherwise: NaN and infinities are null, keys are text, what is too deep is
	cut."""
	if depth > 100:
		return "…"
	if isinstance(value, float) and not math.isfinite(value):
		return None
	if isinstance(value, Mapping):
		return {str(key): _sayable(entry, depth + 1) for key, entry in value.items()}
	if isinstance(value, list | tuple):
		return [_sayable(entry, depth + 1) for entry in value]
	return value


def inline_result(result: Any) -> Any:
	"""A result as the run's snapshot keeps it: small ones whole, others by what planning needs and a
	marker."""
	if result is None or is_small(result) or len(json.dumps(result, default=str)) <= INLINE_RESULT_BYTES:
		return result
	kept = dict(IN_LOG)
	if isinstance(result, Mapping):
		for key in ("branch", "doctype", "name", "status"):
			if isinstance(result.get(key), str | int) and len(str(result[key])) <= 140:
				kept[key] = result[key]
	return kept


def in_log(result: Any) -> bool:
	"""Is the whole result only in the log?"""
	return isinstance(result, Mapping) and result.get("$log") is True


# The format of what `dump_state` writes. A later format that this one's readers would misread raises the
# number and writes it under the key VERSION, which no step id can be; without the key it is 1.
STATE_VERSION = 1
VERSION = "$version"
# What the run as a whole has come to with its service level; no step id either.
RUN_SLA = "$sla"
_OWN_KEYS = (VERSION, RUN_SLA)

_TIMES = ("ready_at", "trigger_at", "started_at", "completed_at", "input_at")
_ENUMS = {"status": StepStatus, "handled": Handled, "reason": SkipReason}


def dump_state(states: Mapping[str, StepState]) -> dict[str, dict[str, Any]]:
	"""`{step id: {status, …}}`, only what says something; steps nothing happened to are left out."""
	return {step_id: dump_step(state) for step_id, state in states.items() if _happened(state)}


def _happened(state: StepState) -> bool:
	if state.status is not StepStatus.PENDING or state.input_at is not None or state.attempts > 0:
		return True
	return state.sla is not None


# What one transaction settles was settled at one moment.
_iso = lru_cache(maxsize=256)(datetime.isoformat)


def dump_step(state: StepState) -> dict[str, Any]:
	data: dict[str, Any] = {"status": state.status.value}
	values = state.__dict__
	for name in _TIMES:
		value = values[name]
		if value is not None and not (name == "ready_at" and state.status is StepStatus.PENDING):
			data[name] = _iso(value)
	for name in ("purpose", "attempts", "forgiven", "error", "asked", "handed"):
		value = values[name]
		if value:
			data[name] = value
	if state.input is not None:  # a posted `{}`, `0` or `false` is an answer too
		data["input"] = state.input
	if state.result is not None:
		data["result"] = inline_result(state.result)
	if state.sla is not None:
		data["sla"] = state.sla.dump()
	for name in ("handled", "reason"):
		value = getattr(state, name)
		if value is not None:
			data[name] = value.value
	return data


def load_state(data: Any) -> dict[str, StepState]:
	"""What `dump_state` wrote → states; unknown keys are kept out.

	Raises StateTooNew for a later format's, StateUnreadable for anything else.
	"""
	if not isinstance(data, Mapping):
		raise StateUnreadable()
	version = data.get(VERSION, 1)
	if isinstance(version, int) and version > STATE_VERSION:
		raise StateTooNew(
			f"The state of the flow run has format {version}, written by a newer version of the flow engine; "
			f"this one reads up to {STATE_VERSION}. Upgrade the app and the run goes on."
		)
	try:
		return {step_id: _load_step(entry) for step_id, entry in data.items() if step_id not in _OWN_KEYS}
	except (AttributeError, KeyError, TypeError, ValueError) as error:
		raise StateUnreadable(f"The stored state of the flow run cannot be read: {error}") from None


def _load_step(entry: Mapping[str, Any]) -> StepState:
	values: dict[str, Any] = {}
	for name in StepState.__dataclass_fields__:
		value = entry.get(name)
		if value is None:
			continue
		if name in _TIMES:
			value = parse_utc(value)
		elif name in _ENUMS:
			value = _ENUMS[name](value)
		elif name == "sla":
			value = load_marks(value, parse_utc)
		values[name] = value
	state = StepState(**values)
	if not isinstance(state.attempts, int) or not isinstance(state.forgiven, int):
		raise ValueError("attempts is not a number")
	for name in ("error", "asked", "handed"):
		if not isinstance(getattr(state, name) or {}, Mapping):
			raise ValueError(f"{name} is not what it should be")
	if state.status is StepStatus.SCHEDULED and state.trigger_at is None:
		raise ValueError("a scheduled step has no time")
	return state


def parse_utc(text: str) -> datetime:
	"""ISO text with an offset → aware UTC."""
	value = datetime.fromisoformat(text)
	return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
