"""What every part of the contract stands on: a host, four kinds made for tests, and words for what tests do.

A host's own test class brings what no port offers: making the host, publishing, moving time, reading rows.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from flow_engine.engine.draining import drain, start_run
from flow_engine.engine.interventions import complete_step
from flow_engine.engine.kinds import register
from flow_engine.engine.kinds.base import Effect, StepContext
from flow_engine.engine.outcomes import Done, Outcome
from flow_engine.engine.ports import Claim, Host, LogRow, NewRun, RunRecord
from flow_engine.engine.running import LEASE_SECONDS, Advanced
from flow_engine.engine.session import Session
from flow_engine.engine.state import StepState
from flow_engine.testing.builders import flow, make_kind

Handler = Callable[[StepContext], Outcome | Any]

# Required fields of the documents that tests create, valid on a site too.
REQUIRED: Mapping[str, Mapping[str, Any]] = {
	"Customer": {
		"customer_type": "Individual",
		"customer_group": "All Customer Groups",
		"territory": "All Territories",
	},
}


# No test executes as many steps: more is a run that goes in circles, which would hang instead of failing.
MAX_RAN = 2_000


class Killed(BaseException):
	"""The worker is gone: nothing in the engine may catch this."""


class ContractBase:
	"""Mixed into a TestCase. Kinds: `t_none`, `t_db`, `t_call`, `t_safe` (external, repeat-safe), each with
	the handler that a test gives with `on`."""

	host: Host
	user = "Administrator"

	# --- brought by the host ----------------------------------------------------------------------

	def make_host(self, kinds: Mapping[str, Any]) -> Host:
		raise NotImplementedError

	def publish(self, definition: Mapping[str, Any], title: str) -> tuple[str, int]:
		"""Store and publish; template and version."""
		raise NotImplementedError

	def pass_time(self, seconds: float) -> None:
		"""Let the engine's `now` be this much later, for runs, leases and steps alike."""
		raise NotImplementedError

	def rows(self, doctype: str, **filters: Any) -> list[Mapping[str, Any]]:
		"""Stored rows of one of the engine's DocTypes, all columns."""
		raise NotImplementedError

	def set_row(self, doctype: str, name: str, **columns: Any) -> None:
		"""Change a stored row, as an operator with database access would."""
		raise NotImplementedError

	# --- set up -----------------------------------------------------------------------------------

	def setUp(self) -> None:
		super().setUp()  # type: ignore[misc]
		self.handlers: dict[str, Handler] = {}
		self.ran: list[str] = []
		self.mark = uuid.uuid4().hex[:8]
		self.host = self.make_host(
			register(
				[
					self._kind("t_none", Effect.NONE),
					self._kind("t_db", Effect.DATABASE),
					self._kind("t_call", Effect.EXTERNAL),
					self._kind("t_safe", Effect.EXTERNAL, repeat_safe=True),
				]
			)
		)

	def _kind(self, name: str, effect: Effect, **more: Any) -> Any:
		def handle(ctx: StepContext) -> Outcome | Any:
			self.ran.append(ctx.step_id)
			if len(self.ran) > MAX_RAN:
				raise Killed(f"{ctx.step_id} runs for ever")
			handler = self.handlers.get(ctx.step_id) or self.handlers.get(name)
			return handler(ctx) if handler else Done()

		return make_kind(name, handle, effect, branches=("yes", "no"), **more)

	def on(self, step_or_kind: str, handler: Handler) -> None:
		"""What happens when this step, or any step of this kind, runs."""
		self.handlers[step_or_kind] = handler

	def once(self, step_or_kind: str, first: Handler, then: Handler = lambda ctx: Done()) -> None:
		"""`first` the first time, `then` ever after."""
		handlers = iter([first])
		self.on(step_or_kind, lambda ctx: next(handlers, then)(ctx))

	# --- doing ------------------------------------------------------------------------------------

	def start(self, *steps: Mapping[str, Any], **columns: Any) -> str:
		"""Publish these steps as a flow and start it once."""
		return self.start_again(self.published(*steps), **columns)

	def published(self, *steps: Mapping[str, Any]) -> tuple[str, int]:
		return self.publish(flow(*steps), f"Contract {self.mark} {uuid.uuid4().hex[:6]}")

	def start_again(self, published: tuple[str, int], **columns: Any) -> str:
		new = NewRun(published[0], published[1], "manual", **{"run_as": self.user, **columns})
		return self.host.runs.transact(lambda: start_run(self.host, new))

	def drain(self, run: str, host: Host | None = None) -> list[Advanced]:
		return drain(host or self.host, 120, only=run)

	def drain_killed(self, run: str) -> None:
		"""The worker goes down while it drains; its lease is left to run out."""
		with self.assertRaises(Killed):  # type: ignore[attr-defined]
			self.drain(run)
		self.pass_time(LEASE_SECONDS + 5)

	def claim(self, run: str) -> Claim:
		(claim,) = self.host.runs.claim(1, LEASE_SECONDS, only=run)
		return claim

	def call(self, run: str, step_id: str, value: Any = None) -> Any:
		"""Somebody else's webhook."""
		return complete_step(self.host, run, step_id, value, by_webhook=True)

	def new_document(self, doctype: str, **values: Any) -> dict[str, Any]:
		def work() -> dict[str, Any]:
			with self.host.documents.acting_as(self.user):
				return self.host.documents.insert(doctype, {**REQUIRED.get(doctype, {}), **values})

		return self.host.runs.transact(work)

	def named(self, text: str) -> str:
		"""A text that only this test uses."""
		return f"{text} {self.mark}"

	def issue_handler(self, subject: str, then: Handler = lambda ctx: Done()) -> Handler:
		"""A handler that opens an Issue and goes on with `then`."""

		def handle(ctx: StepContext) -> Outcome | Any:
			ctx.documents.insert("Issue", {"subject": self.named(subject)})
			return then(ctx)

		return handle

	# --- looking ----------------------------------------------------------------------------------

	def record(self, run: str) -> RunRecord:
		return self.host.runs.transact(lambda: self.host.runs.read(run))

	def status(self, run: str) -> str:
		return str(self.record(run).status)

	def session(self, run: str) -> Session:
		return self.host.runs.transact(lambda: Session(self.host, self.host.runs.read(run)))

	def state(self, run: str, step_id: str) -> StepState:
		return self.session(run).state(step_id)

	def states(self, run: str) -> dict[str, str]:
		session = self.session(run)
		return {step.id: session.state(step.id).status.value for step in session.definition.steps}

	def log(self, run: str, step_id: str | None = None) -> list[LogRow]:
		rows: Iterable[LogRow] = self.host.runs.transact(lambda: self.host.runs.log_since(run, 0))
		return [row for row in rows if step_id in (None, row.step_id)]

	def now(self) -> datetime:
		return self.host.runs.transact(self.host.runs.now)

	def issues(self, subject: str) -> int:
		"""How many Issues have this subject."""

		def work() -> int:
			with self.host.documents.acting_as(self.user):
				return len(self.host.documents.find("Issue", {"subject": self.named(subject)}))

		return self.host.runs.transact(work)

	def open_rows(self, run: str) -> dict[str, str]:
		"""step id → purpose of the run's open pending rows."""
		rows = self.rows("Flow Step Pending", flow_run=run, status="pending")
		return {row["step_id"]: row["purpose"] for row in rows}

	def assert_done(self, run: str) -> None:
		self.assertEqual(self.status(run), "completed", self.states(run))  # type: ignore[attr-defined]

	def assert_failed(self, run: str, step_id: str, code: str) -> None:
		"""The step has failed for good with this code, and the message is for people."""
		state = self.state(run, step_id)
		self.assertEqual((state.status, (state.error or {}).get("code")), ("failed", code))  # type: ignore[attr-defined]
		self.assertNotIn("Traceback", (state.error or {}).get("message", ""))  # type: ignore[attr-defined]
