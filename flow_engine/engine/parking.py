"""A run that cannot be read at all: it ends as failed, with everything stored left as it is.

What a newer version wrote is looked at again later instead: once the app is upgraded, the run goes on.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flow_engine.engine.errors import FlowError, StateTooNew
from flow_engine.engine.ports import Claim, Host, RunRecord
from flow_engine.engine.run_events import run_events
from flow_engine.engine.state import RunStatus

TOO_NEW_SECONDS = 600.0


def park(host: Host, claim: Claim, record: RunRecord, error: FlowError, now: datetime) -> str | None:
	"""Write what is wrong with it and give up the lease, in the current transaction; the status it ends with,
	if it ends."""
	columns: dict[str, Any] = {"wake_at": now + timedelta(seconds=TOO_NEW_SECONDS)}
	status = None
	if not isinstance(error, StateTooNew):
		status = RunStatus.FAILED.value
		columns = {"status": status, "completed_at": now, "wake_at": None}
		host.runs.audit(*run_events(record, {**columns, "error_code": error.code}, now))
	host.runs.write(
		claim.run,
		claim.token,
		error_code=error.code,
		error_message=error.message[:500],
		lease_until=None,
		lease_token=None,
		**columns,
	)
	host.messages.alert({"name": claim.run}, None, error.code, error.message)
	return status
