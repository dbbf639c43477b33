"""What the engine asks of the place it lives in. Two hosts implement these; one contract suite tests both.

Times that cross a port are aware datetimes in UTC unless a name says otherwise. A port raises the engine's
own errors (`errors.py`); foreign ones are translated inside the host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, TypeVar
from zoneinfo import ZoneInfo

from flow_engine.engine.outside import Documents as Documents
from flow_engine.engine.outside import HttpClient as HttpClient
from flow_engine.engine.outside import HttpReply as HttpReply
from flow_engine.engine.sla.agreements import Agreement
from flow_engine.engine.sla.business_hours import BusinessHours, weekdays_nine_to_five

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reminder:
	"""Something has become urgent in a run. `step_id` is None where that is the run as a whole. `manual`: the
	step waits for a person. `due_at`: until when it has to be done, aware UTC; None where only a warning is
	due. `user`, `role`: who is meant besides, or by an escalation."""

	run: Mapping[str, Any]
	step_id: str | None
	label: str
	late: bool
	manual: bool = False
	due_at: datetime | None = None
	user: str | None = None
	role: str | None = None
	keeps: bool = False


class Messages(Protocol):
	"""What reaches people."""

	def send_email(
		self,
		*,
		to: Sequence[str],
		subject: str,
		html: str,
		template: str | None = None,
		values: Mapping[str, Any] | None = None,
		reference: tuple[str, str] | None = None,
		key: str = "",
	) -> dict[str, Any]:
		"""Queue an email in the current transaction; the queue entry, e.g. `{"doctype", "name"}`.

		With `template`, the host's Email Template gives subject and body, rendered with `values`.
		"""
		...

	def send_sms(self, *, to: str, body: str, key: str, timeout_seconds: float) -> dict[str, Any]:
		"""Send now through the gateway; raises like HttpClient, and MessageRefused when none is set up."""
		...

	def ask(
		self,
		run: Mapping[str, Any],
		step_id: str,
		label: str,
		role: str | None,
		assignee: str | None,
		users: Sequence[str] = (),
		roles: Sequence[str] = (),
	) -> None:
		"""Tell whoever may fire a manual step that it waits for them; in the current transaction. `users` and
		`roles`, where there are any: nobody else may."""
		...

	def hand_over(
		self, run: Mapping[str, Any], step_id: str, label: str, to: Sequence[str], away: Sequence[str]
	) -> None:
		"""Ask these people for a step that was asked of others; what was asked of those in `away` is
		closed."""
		...

	def close(self, run: Mapping[str, Any], step_id: str) -> None:
		"""Close what `ask` opened."""
		...

	def remind(self, reminder: Reminder) -> None:
		"""Tell that something is, or soon will be, late: whoever was asked to do it, and the people named, or
		where none are, the flow's owner and whom the host alerts. In the current transaction, which it cannot
		spoil."""
		...

	def escalate(self, reminder: Reminder) -> None:
		"""Ask the people named instead of those asked so far, or besides them where the reminder `keeps`. In
		the current transaction, which it cannot spoil; `close` ends it."""
		...

	def alert(self, run: Mapping[str, Any], step_id: str | None, code: str, message: str) -> None:
		"""Tell the flow's owner that something failed; never raises."""
		...


class Clock(Protocol):
	"""Time and chance."""

	time_zone: ZoneInfo

	def now(self) -> datetime:
		"""The host's own idea of now, UTC; inside a transaction `Runs.now` is the one that counts."""
		...

	def token(self) -> str:
		"""A new unguessable token."""
		...

	def monotonic(self) -> float:
		"""Seconds that only ever grow, for budgets."""
		...

	def random(self) -> float:
		"""0 ≤ x < 1, for jitter."""
		...


class Jobs(Protocol):
	"""Hints to workers; a lost hint costs at most a minute."""

	def hint(self) -> None:
		"""Something is due, once the current transaction has committed."""
		...


class Links(Protocol):
	"""Step tokens and the links that carry them."""

	def token(self, run: str, step_id: str) -> str: ...

	def url(self, run: str, step_id: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Claim:
	"""A run that this worker holds by `token`. `attempts`: leases lost without progress. Until a run is
	`admitted` its flow's concurrency rule has not been applied; the template and version say under which
	lock."""

	run: str
	token: str
	attempts: int = 0
	admitted: bool = True
	flow_template: str = ""
	template_version: int = 0


# Each step of a run is shown when the run started.
_iso = lru_cache(maxsize=256)(datetime.isoformat)


@dataclass(frozen=True, slots=True)
class RunRecord:
	"""A Flow Run row as read under its lock. JSON columns are parsed; times are aware UTC."""

	name: str
	flow_template: str
	template_version: int
	status: str
	trigger_event: str
	context_doctype: str | None
	context_docname: str | None
	customer: str | None
	variables: Mapping[str, Any]
	trigger_data: Mapping[str, Any]
	step_state: Mapping[str, Any]
	state_seq: int
	log_seq: int
	revision: int
	attempts: int
	failed_steps: int
	admitted: bool
	concurrency: str
	run_as: str | None
	parent_run: str | None
	root_run: str | None
	depth: int
	started_at: datetime
	completed_at: datetime | None
	wake_at: datetime | None
	lease_until: datetime | None
	lease_token: str | None
	# By whose doing it was started.
	owner: str | None = None

	def as_dict(self) -> dict[str, Any]:
		"""What templates and handlers see of the run."""
		return {
			"name": self.name,
			"flow_template": self.flow_template,
			"template_version": self.template_version,
			"status": self.status,
			"trigger_event": self.trigger_event,
			"context_doctype": self.context_doctype,
			"context_docname": self.context_docname,
			"customer": self.customer,
			"variables": dict(self.variables),
			"run_as": self.run_as,
			"parent_run": self.parent_run,
			"root_run": self.root_run,
			"depth": self.depth,
			"started_at": _iso(self.started_at),
		}


class RunMark(NamedTuple):
	"""What says whether a run has moved since it was read."""

	status: str
	revision: int
	log_seq: int


@dataclass(frozen=True, slots=True)
class LogRow:
	"""One attempt of a step. `seq` orders changes within the run; `state` is running, done, failed or retry.
	`closes`: this ends the attempt's `running` row instead of being a new one. Times are aware UTC."""

	step_id: str
	attempt: int
	state: str
	seq: int
	label: str = ""
	kind: str = ""
	closes: bool = False
	iteration: int = 0
	started: datetime | None = None
	finished: datetime | None = None
	acting_user: str | None = None
	result: Any = None
	error_code: str | None = None
	error_message: str | None = None
	key: str | None = None
	next_at: datetime | None = None
	# What undoing the attempt will need; written, and read by `log_kept` alone.
	kept: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PendingRow:
	"""A step that has a time: what operators see in the Flow Step Pending list. `trigger_at` is aware UTC."""

	step_id: str
	purpose: str
	trigger_at: datetime
	retry_count: int = 0
	last_error: str | None = None
	payload: Any = None
	sla_status: str | None = None


@dataclass(frozen=True, slots=True)
class NewRun:
	"""What a start writes, in the transaction of whatever started it."""

	flow_template: str
	template_version: int
	trigger_event: str
	context_doctype: str | None = None
	context_docname: str | None = None
	customer: str | None = None
	variables: Mapping[str, Any] = field(default_factory=dict)
	trigger_data: Mapping[str, Any] = field(default_factory=dict)
	trigger_key: str | None = None
	run_as: str | None = None
	parent_run: str | None = None
	root_run: str | None = None
	depth: int = 0
	concurrency: str = "allow"


@dataclass(frozen=True, slots=True)
class AuditEvent:
	"""Who did what and why, kept for good. `event_type`: `run.cancelled`, `template.paused`, …; `user`:
	whoever acts now when None, the engine itself when empty. `details`: JSON, no values of documents. `at`:
	when it happened, when that is known already (aware UTC); now when None."""

	event_type: str
	flow_template: str | None = None
	flow_run: str | None = None
	step_id: str | None = None
	reason: str = ""
	from_status: str | None = None
	to_status: str | None = None
	details: Mapping[str, Any] = field(default_factory=dict)
	user: str | None = None
	at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ancestor:
	"""A run on the way up from a run to the first of its chain. `replays`: it repeats its parent."""

	run: str
	flow_template: str
	parent_run: str | None
	replays: bool = False


@dataclass(frozen=True, slots=True)
class Breaker:
	"""When a flow is paused by itself: after `limit` failed runs in a row since `since`; 0 is never."""

	limit: int
	since: datetime | None = None


class Runs(Protocol):
	"""The run store: the only place with SQL. Every write to a claimed run names its lease token."""

	def transact(self, work: Callable[[], T]) -> T:
		"""Run `work` in a transaction of its own and commit; repeat the whole of it on a deadlock, a lock
		wait timeout or a lost snapshot, with a full rollback first. Never wrap an external call in it."""
		...

	def now(self) -> datetime:
		"""The database's time, UTC."""
		...

	def insert(self, new: NewRun) -> str:
		"""Write a due run in the *current* transaction and return its name. Raises DuplicateTrigger."""
		...

	def claim(self, limit: int, lease_seconds: float, only: str | None = None) -> list[Claim]:
		"""Take due runs (or the one named, if it is due), in a transaction of its own; a run whose lease was
		lost is claimed alone, with `attempts` counted up."""
		...

	def renew(self, claim: Claim, lease_seconds: float) -> bool: ...

	def give_back(self, claims: Sequence[Claim]) -> None:
		"""Drop the leases of claims that were not begun."""
		...

	def guarded(self, record: RunRecord) -> AbstractContextManager[None]:
		"""Around a handler inside a transaction: whoever commits there gets HandlerCommitted, and whatever it
		starts knows which run it descends from."""
		...

	def together(self) -> AbstractContextManager[None]:
		"""Around the turns of many runs in one transaction. What `guarded` finds out at each handler's end is
		found out once, at the end of all, and nothing is written before: raises HandlerCommitted, and whose
		handler it was has to be asked one by one."""
		...

	def lock(self, run: str, token: str | None = None) -> RunRecord:
		"""Lock the row until the end of the transaction. Raises RunNotFound; LeaseLost when `token` is given
		and is no longer the run's; RunBusy when the lock is not had in time; StateUnreadable."""
		...

	def lock_free(self, runs: Sequence[str]) -> list[RunRecord]:
		"""Lock those of these rows that nobody else has locked, without waiting for the others."""
		...

	def relock(self, run: str, token: str) -> RunMark:
		"""Lock a row that was read under this token before; the caller sees by the mark whether what it read
		still holds. Raises as `lock`."""
		...

	def read(self, run: str) -> RunRecord: ...

	def write(self, run: str, token: str | None, **columns: Any) -> None:
		"""Update columns of the run. With a token: raises LeaseLost when another took over."""
		...

	def late_runs(self, limit: int) -> list[str]:
		"""Names of the runs whose clocks have something to say now, the longest due first."""
		...

	def log_since(self, run: str, seq: int) -> list[LogRow]: ...

	def log_result(self, run: str, step_id: str) -> Any:
		"""The stored result of the step's last attempt."""
		...

	def log_kept(self, run: str, step_id: str) -> Mapping[str, Any] | None:
		"""What the step's handler kept for its compensation; None when it kept nothing, or no longer."""
		...

	def started_by(self, trigger_key: str) -> str | None:
		"""The run that was started under this key."""
		...

	def put_log(self, run: str, rows: Iterable[LogRow]) -> None:
		"""Insert rows, or close the `running` row of the same attempt."""
		...

	def put_late(self, run: str, row: LogRow) -> None:
		"""Note on the attempt's own row an outcome that came after another worker had taken over."""
		...

	def put_pending(self, run: str, rows: Iterable[PendingRow]) -> None:
		"""Make each row the step's one open pending row of that purpose."""
		...

	def close_pending(
		self, run: str, closed: Mapping[str, str], errors: Mapping[str, str] | None = None
	) -> None:
		"""Close the open pending rows of these steps: step id → `completed`, `failed` or `cancelled`."""
		...

	def lock_flow(self, template: str, version: int) -> None:
		"""One at a time decides about concurrency in this flow; held until the end of the transaction."""
		...

	def rivals(self, record: RunRecord) -> list[str]:
		"""Other running runs of the same flow on the same document that were admitted, or are older."""
		...

	def touch(self, run: str, rows: Iterable[tuple[str, str, str, str]]) -> None:
		"""Record `(step_id, doctype, name, change)` for the run's connections."""
		...

	def audit(self, *events: AuditEvent) -> None:
		"""Write audit events in the *current* transaction: they are kept when what they tell of is."""
		...

	def ancestors(self, run: str, limit: int) -> list[Ancestor]:
		"""The run, its parent, that one's parent, …: at most `limit` of them."""
		...

	def failures_in_a_row(self, template: str, since: datetime | None, most: int) -> int:
		"""How many runs of the flow have failed since its last completed one (and since `since`), counted up
		to `most`."""
		...


class Definitions(Protocol):
	"""Published versions, parsed and kept: they never change."""

	def load(self, template: str, version: int) -> Any:
		"""The FlowDefinition. Raises TemplateNotFound."""
		...

	def template(self, template: str) -> Mapping[str, Any]:
		"""`{name, template_name, category, version, …}` as templates see it."""
		...

	def breaker(self, template: str) -> Breaker:
		"""The flow's circuit breaker; `limit` 0 where it has none, is paused already or is gone."""
		...

	def pause(self, template: str, reason: str) -> bool:
		"""Let the flow start no more runs, in the current transaction. False when it was paused already."""
		...


@dataclass(frozen=True)
class Host:
	"""One composed set of ports. `site` names the tenant in idempotency keys."""

	site: str
	runs: Runs
	documents: Documents
	messages: Messages
	http: HttpClient
	clock: Clock
	jobs: Jobs
	links: Links
	definitions: Definitions
	kinds: Mapping[str, Any]
	secret: Callable[[str, str], str] | None = None
	# Context roots that other apps add: name → function of the run.
	extra_context: Mapping[str, Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)
	report: Callable[[BaseException, str], None] = lambda error, where: None
	# The calendar of this name, or the host's own for `business`. One that is not known counts as that.
	business_hours: Callable[[str], BusinessHours] = lambda name: weekdays_nine_to_five(ZoneInfo("UTC"))
	# The service level agreement under which a document `(doctype, name)` stands, where there is one.
	agreement: Callable[[str, str], Agreement | None] = lambda doctype, name: None
