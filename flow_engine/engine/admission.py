"""Concurrency per document (allow, skip, replace), decided once, when a run is first claimed: saves only ever
insert."""

from __future__ import annotations

from flow_engine.engine.cancelling import cancel_locked
from flow_engine.engine.crash_points import reach
from flow_engine.engine.ports import Claim, Host
from flow_engine.engine.state import RunStatus


def admit(host: Host, claim: Claim) -> bool:
	"""Go ahead, step back (False: the run is cancelled), or replace the others; in the current transaction.

	The flow is locked before any run, always, so that two deciders cannot wait for each other.
	"""
	host.runs.lock_flow(claim.flow_template, claim.template_version)
	reach("admit.flow_locked")
	record = host.runs.lock(claim.run, claim.token)
	rivals = host.runs.rivals(record) if record.context_docname else []
	if rivals and record.concurrency == "skip":
		cancel_locked(host, record, f"{rivals[0]} of the same flow is at work on this document.")
		return False
	for rival in rivals:
		other = host.runs.lock(rival)
		if other.status == RunStatus.RUNNING:  # it may have ended while we waited for its lock
			cancel_locked(host, other, f"Replaced by {record.name}.")
	reach("admit.decided")
	host.runs.write(record.name, claim.token, admitted=1)
	return True
