"""What should not happen, found all the same: running runs that nothing would ever wake.

Every ten minutes, a page at a time. A run that waits for a person is left alone; one that has something ready
or scheduled is woken for it; one that has nothing to wait for becomes an incident, which people see.
"""

from __future__ import annotations

from dataclasses import dataclass

from flow_engine.engine.breaker import after_failure
from flow_engine.engine.errors import FlowError, TransientDatabaseError
from flow_engine.engine.interventions import reconcile_locked
from flow_engine.engine.ports import Host, RunRecord
from flow_engine.engine.state import RunStatus

PAGE = 500


@dataclass(frozen=True, slots=True)
class Reconciled:
	"""One page. `after`: where the next begins; empty when this was the last."""

	looked_at: int
	woken: int
	incidents: int
	quieted: int
	after: str


def reconcile(host: Host, after: str = "", page: int = PAGE) -> Reconciled:
	"""Look at one page of quiet runs, by name after `after`."""
	quieted = host.runs.transact(lambda: host.runs.still_waking(page))
	names = host.runs.transact(lambda: host.runs.quiet_runs(after, page))
	woken = incidents = 0
	for name in names:
		try:
			outcome, record = host.runs.transact(lambda name=name: _reconcile(host, name))
		except TransientDatabaseError:
			raise
		except FlowError as error:
			host.report(error, f"reconciling {name}")
			continue
		woken += outcome == "woken"
		incidents += outcome == "incident"
		if record.status == RunStatus.FAILED:
			# A run that got stuck has failed like any other: the breaker counts it.
			after_failure(host, name, record.flow_template)
	if woken:
		host.jobs.hint()
	return Reconciled(len(names), woken, incidents, quieted, names[-1] if len(names) == page else "")


def _reconcile(host: Host, name: str) -> tuple[str, RunRecord]:
	"""What was found, and the run as it is now."""
	outcome = reconcile_locked(host, host.runs.lock(name))
	return outcome, host.runs.read(name)
