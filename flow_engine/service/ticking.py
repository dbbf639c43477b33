"""What a tick repairs, on any host: pending rows that no run would wake for."""

from __future__ import annotations

from datetime import datetime

from flow_engine.engine.crash_points import reach
from flow_engine.engine.errors import FlowError, TransientDatabaseError
from flow_engine.engine.interventions import repair_pending
from flow_engine.engine.ports import Host


def repair_stray_rows(host: Host) -> int:
	"""Bring runs in line with pending rows that were edited by hand; how many were taken up.

	One row's trouble is reported and leaves the others their turn.
	"""
	taken = 0
	for run, step_id, due_at in host.runs.transact(host.runs.stray_pending):

		def work(run: str = run, step_id: str = step_id, due_at: datetime = due_at) -> bool:
			reach("tick.found")
			record = host.runs.lock(run)
			if record.lease_token or (record.wake_at is not None and record.wake_at <= host.runs.now()):
				# Another tick was faster, or the run has gone on: it sees to the row itself.
				return False
			if repair_pending(host, record, step_id, due_at):
				reach("tick.repaired")
				return True
			# The step is past it: a row left pending would be looked at again for ever.
			host.runs.close_pending(run, {step_id: "cancelled"})
			return False

		try:
			taken += host.runs.transact(work)
		except TransientDatabaseError:
			raise
		except FlowError as error:
			host.report(error, f"repairing {run} {step_id}")
	if taken:
		host.jobs.hint()
	return taken
