"""The circuit breaker: a flow whose runs fail one after another starts no more until somebody has looked.

Runs that are under way are left alone. Nothing is counted while runs end: a failure asks the store how many
there were since the last run that completed, so that runs that end at the same time share no counter.
"""

from __future__ import annotations

from flow_engine.engine.errors import FlowError
from flow_engine.engine.ports import AuditEvent, Host

DEFAULT_LIMIT = 10


def after_failure(host: Host, run: str, template: str) -> bool:
	"""A run of this flow has just failed: pause the flow when that was one too many. In a transaction of its
	own, after the run's; what goes wrong here is reported and harms no run. True when it was paused."""
	try:
		return host.runs.transact(lambda: _open(host, run, template))
	except FlowError as error:
		host.report(error, f"the circuit breaker of {template}")
		return False


def _open(host: Host, run: str, template: str) -> bool:
	breaker = host.definitions.breaker(template)
	if breaker.limit < 1:
		return False
	failures = host.runs.failures_in_a_row(template, breaker.since, breaker.limit)
	if failures < breaker.limit:
		return False
	runs = "1 run has failed" if failures == 1 else f"{failures} runs in a row have failed"
	reason = f"Paused by itself: {runs}, the last being {run}."
	if not host.definitions.pause(template, reason):
		return False
	host.runs.audit(
		AuditEvent(
			"template.breaker_opened",
			flow_template=template,
			flow_run=run,
			reason=reason,
			from_status="active",
			to_status="paused",
			details={"failures": failures},
			user="",
		)
	)
	record = host.runs.read(run)
	host.messages.alert(record.as_dict(), None, "breaker_opened", f"The flow starts no more runs. {reason}")
	return True
