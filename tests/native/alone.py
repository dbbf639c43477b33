"""A site to itself: while tests are at work on it, nobody else of its bench is.

The bench's scheduler leaves the site alone (`pause_scheduler` in its site_config.json, put back at the end),
and what its workers have begun for the site is waited for. What the tests queue goes to a Redis of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEY = "pause_scheduler"
PATIENCE_SECONDS = 120
# How many jobs of the site the bench's workers have or would take; none while there are no workers.
_JOBS = """
import sys
import frappe
frappe.init(site=sys.argv[1])
from frappe.utils.background_jobs import get_jobs, get_workers
try:
	print(len(get_jobs(site=sys.argv[1]).get(sys.argv[1], [])) if get_workers() else 0)
except Exception:
	print(0)  # without the bench's Redis nobody takes anything
"""


class SiteIsBusy(Exception):
	"""The bench's own workers do not come to an end with the site."""


@contextmanager
def site_to_itself(bench: Path, site: str) -> Iterator[None]:
	"""Raises SiteIsBusy."""
	config = bench / "sites" / site / "site_config.json"
	before = _set(config, 1)
	try:
		_wait_for_workers(bench, site)
		yield
	finally:
		_set(config, before)


def _set(config: Path, value: object) -> object:
	"""Change the key alone: others may have changed the rest. What it was; None: it was not there."""
	values = json.loads(config.read_text())
	before = values.pop(KEY, None)
	if value is not None:
		values[KEY] = value
	new = config.with_suffix(".new")
	new.write_text(json.dumps(values, indent=1, sort_keys=True))
	new.replace(config)
	return before


def _wait_for_workers(bench: Path, site: str) -> None:
	env = {key: value for key, value in os.environ.items() if key != "FRAPPE_REDIS_QUEUE"}
	command = [str(bench / "env" / "bin" / "python"), "-c", _JOBS, site]
	until = time.monotonic() + PATIENCE_SECONDS
	while True:
		done = subprocess.run(
			command, cwd=bench / "sites", env=env, capture_output=True, text=True, check=True
		)
		jobs = int(done.stdout.split()[-1])
		if not jobs:
			return
		if time.monotonic() > until:
			raise SiteIsBusy(
				f"Workers of the bench at {bench} still have {jobs} jobs of {site}. "
				"Wait for them, or stop them, and run the tests again."
			)
		time.sleep(1)
