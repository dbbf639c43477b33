"""Finding the runs whose clocks have something to say, and letting them say it: a part of every tick.

The next such moment of a run is a column of its own, apart from when a worker has to wake: a run that waits
for a person is looked at twice in its life for this, and its lease is never touched. Two ticks at once meet
at the run's lock, where the second finds it said.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flow_engine.engine.crash_points import reach
from flow_engine.engine.errors import FlowError, TransientDatabaseError
from flow_engine.engine.ports import Host, RunRecord
from flow_engine.engine.run_events import ENGINE
from flow_engine.engine.saving import save
from flow_engine.engine.session import Session
from flow_engine.engine.sla.marking import mark_due
from flow_engine.engine.state import RunStatus

MANY = 500
# A run that cannot be read is looked at again then.
LATER = timedelta(minutes=10)
_GOING = (RunStatus.RUNNING, RunStatus.FAILED)


def watch_clocks(host: Host, limit: int = MANY, seconds: float = 20.0) -> int:
	"""Mark what is due, the longest due first, at most `limit` runs and for at most so long; how many runs
	had something. What is left over is found by the next tick."""
	until = host.clock.monotonic() + seconds
	marked = 0
	for run in host.runs.look(lambda: host.runs.late_runs(limit)):
		if host.clock.monotonic() > until:
			break
		try:
			marked += host.runs.transact(lambda run=run: _watch(host, run))
		except TransientDatabaseError:
			raise
		except FlowError as error:
			host.report(error, f"looking at the service level of {run}")
	if marked:
		host.jobs.hint()
	return marked


def _watch(host: Host, run: str) -> bool:
	reach("sla.found")
	record = host.runs.lock(run)
	now = host.runs.now()
	if record.status not in _GOING:
		host.runs.write(run, None, sla_at=None)
		return False
	try:
		session = Session(host, record)
	except TransientDatabaseError:
		raise
	except FlowError:
		# Whoever works on it says why; its clocks wait.
		host.runs.write(run, None, sla_at=now + LATER)
		return False
	marked = mark_due(host, session, now)
	if marked:
		save(host, session, now, wake_at=_wake_at(record, session), user=ENGINE)
	else:
		# Another tick was faster, or the calendar has changed since.
		host.runs.write(run, None, **session.sla_columns(now))
	return marked


def _wake_at(record: RunRecord, session: Session) -> datetime | None:
	return record.wake_at if record.status == RunStatus.RUNNING else session.next_time()
