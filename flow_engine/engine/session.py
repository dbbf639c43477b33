"""One run in memory: its snapshot plus the log after it, and the frontier built from both.

A session is trusted only while the row it was read from has not moved (`revision`, `log_seq`); whoever finds
that it has, loads another. It collects what a transaction has to write (log rows, pending rows, touched
documents) and writes it in one go.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flow_engine.engine.compensation import definition_of
from flow_engine.engine.crash_points import reach
from flow_engine.engine.definition import FlowDefinition, TriggerType
from flow_engine.engine.errors import StateUnreadable
from flow_engine.engine.planning import Frontier
from flow_engine.engine.ports import Host, LogRow, PendingRow, RunMark, RunRecord
from flow_engine.engine.sla.clocks import Clocks, clocked, standing_of
from flow_engine.engine.sla.marks import UNMARKED, load_marks
from flow_engine.engine.state import (
	RUN_SLA,
	RunStatus,
	StepState,
	StepStatus,
	dump_state,
	handling,
	load_state,
	parse_utc,
)


class Session:
	"""A run as one worker or one request sees it inside its transaction."""

	def __init__(self, host: Host, record: RunRecord):
		for column in ("variables", "trigger_data"):
			if not isinstance(getattr(record, column), Mapping):
				raise StateUnreadable(f"The column {column} of the flow run cannot be read.")
		self.host = host
		self.record = record
		self.definition: FlowDefinition = definition_of(host, record)
		# In a compensation, the run that it undoes, once a step has asked for it.
		self.original: Any = None
		self.revision = record.revision
		self.log_seq = record.log_seq
		states = load_state(record.step_state)
		if record.log_seq > record.state_seq:
			for row in host.runs.log_since(record.name, record.state_seq):
				if row.step_id in self.definition:
					states[row.step_id] = replay(states.get(row.step_id) or StepState(), row, self.definition)
		self.open_rows = {step_id for step_id, state in states.items() if _has_row(state)}
		# Scheduling is committed with the turn and remembered by the snapshot only: after a crash between the
		# two, a step that is pending here may have its row already.
		self.open_rows |= {
			step.id
			for step in self.definition.steps
			if step.trigger.type not in _AT_ONCE
			and (step.id not in states or states[step.id].status is StepStatus.PENDING)
		}
		self.frontier = Frontier(self.definition, states, record.started_at)
		marks = UNMARKED
		if self.definition.sla and record.step_state.get(RUN_SLA):
			marks = load_marks(record.step_state[RUN_SLA], parse_utc)
		self.clocks = Clocks(self.frontier, marks, host.business_hours, host.agreement)
		self.sla_at = self.clocks.next_at() if self.definition.has_sla else None
		# Escalations that end with their steps, in this transaction.
		self._escalated: list[str] = []
		self._log: list[LogRow] = []
		self._touched: list[tuple[str, str, str, str]] = []
		self._rows: dict[str, PendingRow] = {}
		self._closed: dict[str, str] = {}
		self._errors: dict[str, str] = {}

	def matches(self, stored: RunRecord | RunMark) -> bool:
		return self.revision == stored.revision and self.log_seq == stored.log_seq

	def state(self, step_id: str) -> StepState:
		return self.frontier.state(step_id)

	# --- changes --------------------------------------------------------------------------------------------

	def log(self, step_id: str, attempt: int, state: str, **columns: Any) -> None:
		self.log_seq += 1
		step = self.definition.step(step_id)
		self._log.append(
			LogRow(step_id, attempt, state, self.log_seq, label=step.label, kind=step.kind, **columns)
		)

	def touch(self, step_id: str, documents: tuple[tuple[str, str, str], ...]) -> None:
		self._touched.extend((step_id, *document) for document in documents)

	def put(self, step_id: str, state: StepState, payload: Any = None) -> None:
		"""Record a state and keep its pending row in step with it."""
		state = self.clocked(step_id, state)
		if state.settled:
			self.frontier.settle(step_id, state)
		else:
			self.frontier.put(step_id, state)
		if _has_row(state):
			self._put_row(step_id, state, payload)
			self._closed.pop(step_id, None)
		elif step_id in self.open_rows or step_id in self._rows:
			self._rows.pop(step_id, None)
			self._closed[step_id] = _ROW_END.get(state.status, "completed")
			if state.error:
				self._errors[step_id] = state.error.get("message", "")

	def mark(self, step_id: str, state: StepState, late: bool) -> None:
		"""Record what an open step's service level has come to, and show it on its pending row."""
		if late:
			self.frontier.mark_late(step_id, state)
		else:
			self.frontier.put(step_id, state)
		if _has_row(state):
			self._put_row(step_id, state)

	def _put_row(self, step_id: str, state: StepState, payload: Any = None) -> None:
		error = (state.error or {}).get("message") if state.purpose == "retry" else None
		assert state.trigger_at is not None
		self._rows[step_id] = PendingRow(
			step_id,
			state.purpose or "delay",
			state.trigger_at,
			retry_count=state.attempts - state.forgiven if state.purpose == "retry" else 0,
			last_error=error,
			payload=payload,
			sla_status=standing_of(state),
		)

	def clocked(self, step_id: str, state: StepState) -> StepState:
		"""The state of a step that has a service level remembers since when its clock goes; what its lateness
		has asked of people ends with it."""
		if step_id not in self.definition.slas:
			return state
		ended = state.settled or state.status is StepStatus.CANCELLED
		if ended and state.breached_at is not None and self.definition.slas[step_id].escalate:
			self._escalated.append(step_id)
		return clocked(state)

	# --- writing --------------------------------------------------------------------------------------------

	def is_unchanged(self) -> bool:
		"""Is there nothing to write since the session was loaded or last written?"""
		return not (self._log or self._touched or self._closed or self._rows or self._escalated)

	def flush(self) -> None:
		"""Write collected rows in the current transaction."""
		runs, run = self.host.runs, self.record.name
		if self._log:
			runs.put_log(run, self._log)
			reach("flush.log")
		if self._touched:
			runs.touch(run, self._touched)
			reach("flush.documents")
		if self._closed:
			runs.close_pending(run, self._closed, self._errors)
			self.open_rows -= self._closed.keys()
			reach("flush.closed")
		if self._rows:
			runs.put_pending(run, self._rows.values())
			self.open_rows |= self._rows.keys()
			reach("flush.pending")
		rule = self.definition.run_sla
		if rule and rule.escalate and self.clocks.marks.breached_at and not self.frontier.is_open:
			self._escalated.append("")
		for step_id in self._escalated:
			self.host.messages.close(self.record.as_dict(), step_id)
		self._log, self._touched, self._rows, self._closed, self._errors = [], [], {}, {}, {}
		self._escalated = []

	def snapshot(self, now: datetime, wake_at: datetime | None) -> dict[str, Any]:
		"""The columns that bring the row up to date with this session."""
		status = self.frontier.status()
		ended = status is not RunStatus.RUNNING
		step_state = dump_state(self.frontier.states)
		if self.clocks.marks is not UNMARKED:
			step_state[RUN_SLA] = self.clocks.marks.dump()
		return {
			"status": status.value,
			"step_state": step_state,
			"state_seq": self.log_seq,
			"log_seq": self.log_seq,
			"failed_steps": self.frontier.failed_steps,
			"wake_at": None if ended else wake_at,
			"completed_at": now if ended else None,
			**self.first_failure(),
			**self.sla_columns(now),
		}

	def is_late(self, now: datetime, anew: bool = False) -> bool:
		"""Has a clock something to say? `anew`: steps may have become ready since the session was read."""
		if not self.definition.has_sla:
			return False
		if anew:
			self.sla_at = self.clocks.next_at()
		return self.sla_at is not None and self.sla_at <= now

	def sla_columns(self, now: datetime) -> dict[str, Any]:
		"""When a clock of the run has something to say next, and how the run stands with its promises;
		nothing for a flow that makes none."""
		if not self.definition.has_sla:
			return {}
		self.sla_at = self.clocks.next_at()
		return {"sla_at": self.clocks.look_at(now), "sla_status": self.clocks.standing()}

	def first_failure(self) -> dict[str, Any]:
		"""`error_code, error_message` of the first unhandled failure in list order, or None for both."""
		if self.frontier.failed_steps:
			for step in self.definition.steps:
				state = self.state(step.id)
				if state.status is StepStatus.FAILED and state.handled is None and state.error:
					return {
						"error_code": state.error.get("code"),
						"error_message": f"{step.label}: {state.error.get('message')}"[:500],
					}
		return {"error_code": None, "error_message": None}

	def next_time(self) -> datetime | None:
		"""The earliest time anything is due."""
		times = [s.trigger_at for _, s in self.frontier.active_steps() if s.trigger_at is not None]
		return min(times, default=None)


_AT_ONCE = (TriggerType.ON_FLOW_START, TriggerType.ON_PREV_COMPLETE)
_ROW_END = {
	StepStatus.FAILED: "failed",
	StepStatus.CANCELLED: "cancelled",
	StepStatus.SKIPPED: "cancelled",
}


def _has_row(state: StepState) -> bool:
	return (
		state.status in (StepStatus.SCHEDULED, StepStatus.WAITING)
		and state.trigger_at is not None
		and state.purpose != "call"
	)


def replay(state: StepState, row: LogRow, definition: FlowDefinition) -> StepState:
	"""The step's state after this log row. The log is the truth, so the table of moves is not asked."""
	if row.state == "running":
		return state.changed(
			status=StepStatus.RUNNING,
			attempts=row.attempt,
			started_at=row.started,
			trigger_at=None,
			purpose=None,
		)
	error = {"code": row.error_code or "", "message": row.error_message or ""} if row.error_code else None
	common = {
		"attempts": row.attempt,
		"started_at": row.started,
		"error": error,
		"trigger_at": None,
		"purpose": None,
	}
	if row.state == "done":
		return state.changed(
			status=StepStatus.DONE,
			completed_at=row.finished,
			result=row.result,
			handled=None,
			**common,
		)
	if row.state == "failed":
		handled = handling(definition, row.step_id, row.error_code or "")
		return state.changed(
			status=StepStatus.FAILED,
			completed_at=row.finished,
			result=row.result,
			handled=handled,
			**common,
		)
	if row.state == "retry":
		common.update(trigger_at=row.next_at, purpose="retry")
		return state.changed(status=StepStatus.SCHEDULED, **common)
	return state
