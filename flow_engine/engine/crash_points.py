"""Named places between the statements of the protocol, where tests kill the process.

In production nothing is armed and `reach` is a call that returns. The names are the contract with the fault
tests and the table in docs/guarantees.md: a test fails when one is unused, unknown or undocumented.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

# name → what has happened by then, and what has not.
CRASH_POINTS: Mapping[str, str] = {
	"transaction.begun": "A transaction is open, nothing is read.",
	"transaction.before_commit": "Everything of the transaction is written, nothing committed.",
	"transaction.after_commit": "Committed, and nobody has been told.",
	"start.inserted": "The run is written in its trigger's transaction, no hint sent.",
	"claim.discovered": "Due runs are known by name, none is locked.",
	"claim.locked": "Due runs are locked, no lease is written.",
	"claim.updated": "Leases are written, not committed.",
	"drain.claimed": "A batch is leased, no run of it begun.",
	"drain.advanced": "One run of the batch is through, the next not begun.",
	"batch.locked": "The runs of a batch are locked together, none is looked at.",
	"batch.turned": "One of the runs that share a transaction is written, the next is not begun.",
	"drain.giving_back": "The time is up, leases not begun are still held.",
	"admit.flow_locked": "The flow is locked to decide about concurrency.",
	"admit.decided": "Rivals are cancelled, admission is not written.",
	"turn.locked": "The run's row is locked by its token.",
	"turn.loaded": "Snapshot and log are read, nothing is executed.",
	"step.before_handler": "A step is about to run inside the transaction.",
	"step.after_handler": "Its handler has written documents, nothing is recorded.",
	"step.recorded": "Its outcome is in memory.",
	"step.scheduled": "A step waits from now on, in memory.",
	"flush.log": "Log rows are written.",
	"flush.documents": "Touched documents are written.",
	"flush.closed": "Ended pending rows are closed.",
	"flush.pending": "New pending rows are written.",
	"turn.flushed": "All rows beside the run's are written.",
	"turn.written": "The run's row is written.",
	"call.intended": "The intent of an external call is in memory.",
	"call.before": "The intent is committed, nothing is sent.",
	"call.begun": "The handler is about to send.",
	"call.after": "The call is over, nothing is recorded.",
	"call.taken_in": "The outcome is about to be recorded, under the lock.",
	"lost_call.settled": "A call that was in flight in a crash has its unknown outcome, in memory.",
	"outsider.locked": "A person or a webhook has locked the run.",
	"outsider.changed": "Their change is in memory.",
	"outsider.flushed": "Rows beside the run's are written.",
	"outsider.written": "The run's row is written, with a new revision.",
	"cancel.flushed": "A cancelled run's pending rows are closed, the run is not written.",
	"compensation.started": "What undoes a run is written, the run is not written as ended.",
	"sla.found": "A run whose clock has something to say is known by name, not locked.",
	"sla.marked": "What is late is marked, told and escalated, nothing of the run is written.",
	"tick.found": "A pending row was found that no run would wake for.",
	"tick.repaired": "The run agrees with it, not committed.",
	"schedule.found": "A schedule or a fire that is due is known by name, not locked.",
	"schedule.locked": "The schedule's row is locked, nothing is decided.",
	"schedule.decided": "What an outage gave up is written, no fire of now.",
	"schedule.fired": "Its fires, their runs and its next time are written.",
	"fan_out.listed": "The documents a fire goes through are written down, none has a run.",
	"fan_out.batched": "The runs of a batch of documents are written, how far it is not.",
	"hook.locked": "A call has proved itself and locked its hook, nothing is decided.",
	"hook.started": "The run of a call is written, the call is not.",
	"dates.looked": "One page of documents whose date may have come is through.",
}

_armed: Callable[[str], None] | None = None


def reach(name: str) -> None:
	"""The protocol is here. Does nothing unless a test has armed it."""
	if _armed is not None:
		_armed(name)


def arm(reached: Callable[[str], None] | None) -> None:
	"""Call `reached` with the name of every point from now on; None: never again. For tests."""
	global _armed
	_armed = reached
