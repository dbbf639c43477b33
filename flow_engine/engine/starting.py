"""Starting a run: the one line that all of them begin with."""

from __future__ import annotations

from flow_engine.engine.crash_points import reach
from flow_engine.engine.ports import Host, NewRun


def start_run(host: Host, new: NewRun) -> str:
	"""Write a due run in the current transaction; its first step runs in a worker. Returns the run's name."""
	name = host.runs.insert(new)
	reach("start.inserted")
	host.jobs.hint()
	return name
