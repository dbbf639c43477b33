"""A step that inserts an Issue beside the same Issue inserted by hand with one commit; and what a run of two
thousand steps takes of memory. Run by the bench's own Python.

Takes `{"site", "rounds"}` as JSON, prints the samples as JSON. A step's time is its share of a run: claiming
the run, reading it, and ending it are paid once for all its steps, as is the commit of its end. What is made
is committed, and removed again.
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import frappe

TITLE = "Benchmark of steps"
SUBJECT = "Measured by a benchmark"
STEPS = 10
PAIRS = 6
MANY_STEPS = 2_000


def publish(steps: list[dict[str, Any]]) -> str:
	definition = {
		"version": 1,
		"trigger": {"event": "manual", "condition": ""},
		"variables": {},
		"steps": steps,
	}
	doc = frappe.get_doc(
		{
			"doctype": "Flow Template",
			"template_name": f"{TITLE} {frappe.generate_hash(length=8)}",
			"category": "other",
			"flow_definition": json.dumps(definition),
			"is_active": 1,
		}
	).insert()
	frappe.db.commit()  # runs are advanced in transactions of their own
	return doc.name


def step(number: int, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
	return {
		"id": f"s{number}",
		"kind": kind,
		"label": f"Step {number}",
		"parent_id": None,
		"branch": None,
		"depends_on": [f"s{number - 1}"] if number else [],
		"trigger": {"type": "on_prev_complete" if number else "on_flow_start"},
		"payload": payload,
	}


def run_to_its_end(template: str) -> str:
	from flow_engine.engine.draining import drain, start_run
	from flow_engine.engine.ports import NewRun
	from flow_engine.frappe_host.host import get_host

	host = get_host()
	new = NewRun(template, 1, "manual", run_as="Administrator")
	run = host.runs.transact(lambda: start_run(host, new))
	while drain(host, 60, only=run):
		pass
	status = frappe.db.get_value("Flow Run", run, "status")
	assert status == "completed", f"{run} is {status}"
	frappe.db.rollback()
	return run


def by_hand() -> None:
	frappe.get_doc({"doctype": "Issue", "subject": SUBJECT}).insert()
	frappe.db.commit()  # as somebody's own script does


def issues(rounds: int) -> dict[str, list[float]]:
	"""Seconds for each Issue: by a step, and by hand."""
	template = publish([step(n, "issue", {"subject": SUBJECT}) for n in range(STEPS)])
	sides: dict[str, Callable[[], Any]] = {
		"step": lambda: run_to_its_end(template),
		"hand": lambda: [by_hand() for _ in range(STEPS)],
	}
	for side in sides.values():
		side()
	samples: dict[str, list[float]] = {name: [] for name in sides}
	for _ in range(rounds):
		found: dict[str, list[float]] = {name: [] for name in sides}
		for number in range(PAIRS):
			for name in sides if number % 2 else reversed(sides):
				gc.collect()
				began = perf_counter()
				sides[name]()
				found[name].append((perf_counter() - began) / STEPS)
		for name in sides:
			samples[name].append(statistics.median(found[name]))
	return samples


def memory() -> float:
	"""MB by which this process grows above what a run of a few steps has made of it."""
	some = {"subject": SUBJECT}
	small = publish([step(n, "wait", {}) for n in range(3)] + [step(3, "issue", some)])
	run_to_its_end(small)
	large = publish([step(n, "wait", {}) for n in range(MANY_STEPS)])
	gc.collect()
	before = resident()
	run_to_its_end(large)
	return (peak() - before) / 1e6


def resident() -> int:
	return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak() -> int:
	(line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM")]
	return int(line.split()[1]) * 1024


def remove() -> None:
	frappe.db.rollback()
	frappe.set_user("Administrator")
	for name in frappe.get_all("Flow Template", {"template_name": ("like", f"{TITLE} %")}, pluck="name"):
		runs = frappe.get_all("Flow Run", {"flow_template": name}, pluck="name")
		frappe.db.delete("Flow Step Log", {"flow_run": ("in", runs or [""])})
		frappe.db.delete("Flow Run Document", {"parent": ("in", runs or [""])})
		for table in ("Flow Run", "Flow Template Version", "Flow Audit Event"):
			frappe.db.delete(table, {"flow_template": name})
		frappe.db.delete("Flow Template", {"name": name})
	frappe.db.delete("Issue", {"subject": SUBJECT})
	frappe.db.commit()  # the site is left as it was found


def main(site: str, rounds: int) -> None:
	frappe.init(site=site)
	frappe.connect()
	try:
		frappe.set_user("Administrator")
		remove()
		# First, while nothing else has made the process large.
		print(json.dumps({"memory": memory(), "issues": issues(rounds)}))
	finally:
		remove()
		frappe.destroy()


if __name__ == "__main__":
	main(**json.loads(sys.argv[1]))
