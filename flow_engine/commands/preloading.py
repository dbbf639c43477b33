"""What every job of the engine imports, loaded once by the worker that forks the jobs.

RQ forks a process for each job, and a fresh worker has loaded next to nothing of the framework: each drain
would import the engine and what it stands on again, which takes longer than its work. Bench imports every
app's commands in each of its processes, before anything is forked; that is where this is called.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

WORKERS = frozenset(("worker", "worker-pool"))
MODULES = (
	"frappe.database.mariadb.database",
	"flow_engine.frappe_host.jobs",
	"flow_engine.frappe_host.host",
	"flow_engine.engine.draining",
	"flow_engine.service.deliveries",
)


def preload_in_worker(arguments: Sequence[str]) -> None:
	"""`arguments`: the process's own. Never keeps a worker from starting: what fails here is told by the job
	that needs it."""
	if WORKERS.isdisjoint(arguments[1:4]):
		return
	try:
		for module in MODULES:
			import_module(module)
	except Exception as error:
		print(f"Flow Engine was not loaded ahead of its jobs: {error}", file=sys.stderr)
