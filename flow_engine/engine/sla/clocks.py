"""Since when and until when the clocks of a run go: a pure reading of its states, its rules and a calendar.

A step's clock goes from the moment it was ready, or from the end of its own delay or date, which is no
lateness, until it is settled: waiting for a person, retries and a failure that nobody has seen to all count.
The run's goes from its start to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flow_engine.engine.planning import Frontier
from flow_engine.engine.sla.agreements import Agreement
from flow_engine.engine.sla.business_hours import BusinessHours
from flow_engine.engine.sla.durations import NEVER, Duration
from flow_engine.engine.sla.marks import UNMARKED, SlaMarks
from flow_engine.engine.sla.rules import Sla
from flow_engine.engine.state import StepState, StepStatus

_OPEN = (StepStatus.WAITING, StepStatus.SCHEDULED, StepStatus.RUNNING)
_BEGUN = (StepStatus.SCHEDULED, StepStatus.DONE, StepStatus.FAILED, StepStatus.CANCELLED)
_PLANNED = ("delay", "date")
ANOTHER_LOOK = timedelta(hours=1)

Calendars = Callable[[str], BusinessHours]
Agreements = Callable[[str, str], Agreement | None]

# How a run stands with its promises, the worst first: something is late now; something soon will be;
# something was late; nothing was.
OVERDUE, AT_RISK, MISSED, ON_TIME = "overdue", "at_risk", "missed", "on_time"
STANDINGS = (OVERDUE, AT_RISK, MISSED, ON_TIME)


@dataclass(frozen=True, slots=True)
class SlaClock:
	"""One clock. `step_id` is None for the run's own. `since` is None where it has not begun."""

	step_id: str | None
	rule: Sla
	marks: SlaMarks
	since: datetime | None
	warn_at: datetime | None
	breach_at: datetime | None
	open: bool

	@property
	def next_at(self) -> datetime | None:
		"""When it has something to say next."""
		if not self.open or self.marks.breached_at is not None:
			return None
		times = [self.breach_at] if self.marks.warned_at is not None else [self.warn_at, self.breach_at]
		return min((when for when in times if when is not None), default=None)

	@property
	def standing(self) -> str:
		"""One of STANDINGS."""
		if self.marks.breached_at is not None:
			return OVERDUE if self.open else MISSED
		return AT_RISK if self.open and self.marks.warned_at is not None else ON_TIME


def is_open(state: StepState) -> bool:
	"""Does the step's clock go? One that is skipped, settled or cancelled has none, nor has one that somebody
	has fired and that only a worker has yet to see to; a failure that nothing handles waits for somebody like
	everything else."""
	if state.status is StepStatus.PENDING:
		return state.ready_at is not None
	if state.status is StepStatus.SCHEDULED and state.purpose == "call":
		return False
	return state.status in _OPEN or (state.status is StepStatus.FAILED and state.handled is None)


def clocked(state: StepState) -> StepState:
	"""The same state, remembering since when its clock goes where that is not when it became ready."""
	since = state.sla.since if state.sla is not None else None
	if state.status is StepStatus.SCHEDULED and state.purpose in _PLANNED:
		new = state.trigger_at
	elif since is not None and state.trigger_at is not None and state.purpose == "call":
		# Fired by somebody before its time.
		new = min(since, state.trigger_at)
	else:
		return state
	marks = state.sla or UNMARKED
	if new == marks.since:
		return state
	return state.changed(sla=SlaMarks(new, marks.warned_at, marks.breached_at))


def standing_of(state: StepState) -> str | None:
	"""How an open step stands, by its marks alone: OVERDUE, AT_RISK, or None."""
	if state.sla is None:
		return None
	return OVERDUE if state.sla.breached_at else AT_RISK if state.sla.warned_at else None


class Clocks:
	"""The clocks of one run, over its frontier. `marks`: the run's own."""

	def __init__(self, frontier: Frontier, marks: SlaMarks, calendars: Calendars, agreement: Agreements):
		self.frontier = frontier
		self.marks = marks
		self.calendars = calendars
		self.agreement = agreement
		self._promised: dict[str | None, datetime | None] = {}
		self._known: dict[str, BusinessHours] = {}

	def all(self) -> Iterator[SlaClock]:
		"""Those that have begun, the run's own last."""
		definition = self.frontier.definition
		for step_id, rule in definition.slas.items():
			clock = self.of_step(step_id, rule)
			if clock.since is not None:
				yield clock
		if definition.run_sla is not None:
			started_at, is_open = self.frontier.started_at, self.frontier.is_open
			yield self._clock(None, definition.run_sla, self.marks, started_at, is_open)

	def of_step(self, step_id: str, rule: Sla) -> SlaClock:
		state = self.frontier.state(step_id)
		marks = state.sla or UNMARKED
		began = is_open(state) or state.status in _BEGUN or marks.breached_at is not None
		since = (marks.since or state.ready_at or self.frontier.ready_time(step_id)) if began else None
		return self._clock(step_id, rule, marks, since, is_open(state))

	def _clock(
		self, step_id: str | None, rule: Sla, marks: SlaMarks, since: datetime | None, is_open: bool
	) -> SlaClock:
		warn_at = self._after(rule, rule.warn, since)
		due_at = self._of_agreement(rule) if rule.source else self._after(rule, rule.breach, since)
		breach_at = marks.breached_at or due_at
		return SlaClock(step_id, rule, marks, since, marks.warned_at or warn_at, breach_at, is_open)

	def _of_agreement(self, rule: Sla) -> datetime | None:
		"""What the Issue promises now that the rule's step has opened; nothing once the promise is kept."""
		if rule.source not in self._promised:
			made = self.frontier.state(rule.source or "").result
			named = isinstance(made, Mapping) and made.get("doctype") and made.get("name")
			found = self.agreement(str(made["doctype"]), str(made["name"])) if named else None
			self._promised[rule.source] = found.resolution_by if found is not None and found.open else None
		return self._promised[rule.source]

	def _after(self, rule: Sla, duration: Duration | None, since: datetime | None) -> datetime | None:
		if duration is None or since is None:
			return None
		if not rule.calendar:
			try:
				return min(since + timedelta(seconds=duration.elapsed_seconds), NEVER)
			except OverflowError:
				return NEVER
		if rule.calendar not in self._known:
			self._known[rule.calendar] = self.calendars(rule.calendar)
		return self._known[rule.calendar].after(since, duration)

	def next_at(self) -> datetime | None:
		"""When one of them has something to say next."""
		times = [clock.next_at for clock in self.all()]
		return min((when for when in times if when is not None), default=None)

	def look_at(self, now: datetime) -> datetime | None:
		"""When to look at the run again: when something is due, and where another system keeps the time,
		which may have moved it, within the hour."""
		next_at = self.next_at()
		if not any(clock.rule.source and clock.open and not clock.marks.breached_at for clock in self.all()):
			return next_at
		return min(next_at or NEVER, now + ANOTHER_LOOK)

	def standing(self) -> str:
		"""The worst of them: one of STANDINGS."""
		found = {clock.standing for clock in self.all()}
		return next((one for one in STANDINGS if one in found), ON_TIME)
