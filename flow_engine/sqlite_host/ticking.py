"""What time asks of the standalone host: once, for cron, or by a worker for ever.

Decides what belongs to a tick and in which order. How it is found and done is the service's and the engine's;
when the next one is due is the worker's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from flow_engine.engine.draining import drain
from flow_engine.engine.errors import StorageFailed
from flow_engine.engine.reconciling import reconcile
from flow_engine.engine.sla.watching import watch_clocks
from flow_engine.service.date_triggers import start_dated
from flow_engine.service.deliveries import send_due
from flow_engine.service.schedule_firing import fire_due
from flow_engine.service.ticking import repair_stray_rows
from flow_engine.sqlite_host.host import StandaloneHost

DATES_SECONDS = 10


def look_after(host: StandaloneHost) -> dict[str, int]:
	"""What nothing due would bring up by itself; makes runs due and executes no step. `{repaired, late,
	dated}`: pending rows that were edited by hand and are taken up; runs that a service level has become due
	for; runs started by a date. One that fails keeps no other from its turn; it is raised afterwards."""
	found: dict[str, int] = {}
	failed: Exception | None = None
	for name, work in _LOOKED_AFTER.items():
		try:
			found[name] = work(host)
		except StorageFailed:
			raise
		except Exception as error:
			failed = failed or error
	if failed is not None:
		raise failed
	return found


_LOOKED_AFTER: Mapping[str, Callable[[StandaloneHost], int]] = {
	"repaired": repair_stray_rows,
	"late": watch_clocks,
	"dated": lambda host: start_dated(host, DATES_SECONDS),
}


def tick(host: StandaloneHost, seconds: float, stopped: Callable[[], bool] = lambda: False) -> dict[str, int]:
	"""One tick: everything that is due now, for at most this long and what is under way then. `{repaired,
	late, woken, incidents, fired, runs, deliveries, left, failed}`: schedules `fired`, `runs` advanced,
	`deliveries` attempted, `left` 1 when the time was up first, `failed` parts, which are reported and keep
	no other from its turn. Raises StorageFailed."""
	until = host.clock.monotonic() + seconds
	found: Counter[str] = Counter(woken=0, incidents=0, fired=0, runs=0, deliveries=0, failed=0)

	def repair() -> None:
		found.update(look_after(host))

	def look_for_quiet_runs() -> None:
		after = None
		while after != "" and not stopped():
			page = reconcile(host, after or "")
			found.update(woken=page.woken, incidents=page.incidents)
			after = page.after

	def fire() -> None:
		fired = fire_due(host, until - host.clock.monotonic(), stopped)
		found.update(fired=fired["fired"])

	def advance() -> None:
		advanced = drain(host, until - host.clock.monotonic(), stopped=stopped)
		found.update(runs=len({done.run for done in advanced}))

	def deliver() -> None:
		found.update(deliveries=send_due(host, until - host.clock.monotonic(), stopped))

	# A run's end may queue a delivery, so those come last.
	for part in (repair, look_for_quiet_runs, fire, advance, deliver):
		try:
			part()
		except StorageFailed:
			raise
		except Exception as error:
			host.report(error, f"the tick ({part.__name__})")
			found.update(failed=1)
	found.update(left=int(host.clock.monotonic() >= until or stopped()))
	return dict(found)
