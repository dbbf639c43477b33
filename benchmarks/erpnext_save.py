"""Saves of a ToDo on a site, with and without the app's document hooks; run by the bench's own Python.

Takes `{"site", "rounds"}` as JSON, prints the samples as JSON. Everything happens in transactions that are
rolled back; nothing that was written is committed to the site. The two sides take turns save by save (with,
without, without, with), and the time of a side in a round is the median of its saves, so a neighbour's burst
of work meets both or neither.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import frappe
import redis

APP = "flow_engine."
PAIRS = 60
START_PAIRS = 30
KEY = "flow_engine_trigger_map"


def hooks_without_app() -> dict[str, dict[str, list[str]]]:
	return {
		doctype: {
			event: [path for path in handlers if not path.startswith(APP)]
			for event, handlers in events.items()
		}
		for doctype, events in frappe.get_doc_hooks().items()
	}


@contextmanager
def counted() -> Iterator[list[int]]:
	"""How many statements the connection is given inside."""
	count = [0]
	sql = frappe.db.sql

	def counting(*args: Any, **kwargs: Any) -> Any:
		count[0] += 1
		return sql(*args, **kwargs)

	frappe.db.sql = counting
	try:
		yield count
	finally:
		del frappe.db.__dict__["sql"]


@contextmanager
def round_trips() -> Iterator[list[int]]:
	"""How many times the cache's Redis is asked inside."""
	count = [0]
	send = redis.Connection.send_packed_command

	def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
		count[0] += 1
		return send(self, *args, **kwargs)

	redis.Connection.send_packed_command = counting
	try:
		yield count
	finally:
		redis.Connection.send_packed_command = send


class Saves:
	"""One document saved again and again, with the hooks of one side or the other."""

	def __init__(self, as_first_of_request: bool):
		self.with_app = frappe.get_doc_hooks()
		self.without_app = hooks_without_app()
		assert self.with_app != self.without_app, "the site has none of the app's document hooks"
		self.as_first_of_request = as_first_of_request
		self.doc = frappe.get_doc({"doctype": "ToDo", "description": "Measured"}).insert()
		self.number = 0

	def save(self, hooks: dict[str, Any]) -> float:
		frappe.local.doc_events_hooks = hooks
		if self.as_first_of_request and hasattr(frappe.local, KEY):
			delattr(frappe.local, KEY)
		self.number += 1
		self.doc.description = f"Measured {self.number}"
		began = perf_counter()
		self.doc.save()
		took = perf_counter() - began
		frappe.local.doc_events_hooks = self.with_app
		return took

	def insert(self) -> float:
		"""Another document, with the hooks of the app: what a start is measured by."""
		doc = frappe.get_doc({"doctype": "ToDo", "description": "Measured"})
		began = perf_counter()
		doc.insert()
		return perf_counter() - began

	def queries(self, hooks: dict[str, Any], what: Callable[[], Any] = counted) -> float:
		counts = []
		for _ in range(5):
			with what() as count:
				self.save(hooks)
			counts.append(count[0])
		return statistics.median(counts)

	def round(self, pairs: int) -> tuple[float, float]:
		"""Median seconds of a save with the hooks, and without."""
		these, those = [], []
		gc.collect()
		gc.disable()
		try:
			for number in range(pairs):
				sides = [(these, self.with_app), (those, self.without_app)]
				for samples, hooks in sides if number % 2 else reversed(sides):
					samples.append(self.save(hooks))
		finally:
			gc.enable()
		return statistics.median(these), statistics.median(those)


def refuse_watched() -> None:
	"""A site whose flows listen to ToDos cannot show what a save costs that no flow watches."""
	from flow_engine.frappe_host.trigger_cache import triggers_for

	frappe.db.rollback()
	if hasattr(frappe.local, KEY):
		delattr(frappe.local, KEY)
	if triggers_for("ToDo") is not None:
		raise SystemExit("A flow of this site listens to ToDo; switch it off to measure.")
	# Nothing was written: but only after a commit what the map was read from is put into the cache.
	frappe.db.commit()


def unwatched(rounds: int, as_first_of_request: bool) -> dict[str, Any]:
	refuse_watched()
	saves = Saves(as_first_of_request)
	saves.round(20)
	found = [saves.round(PAIRS) for _ in range(rounds)]
	case = {
		"with": [a for a, _ in found],
		"ratios": [a / b for a, b in found],
		"queries_with": saves.queries(saves.with_app),
		"queries_without": saves.queries(saves.without_app),
		"cache": saves.queries(saves.with_app, round_trips) - saves.queries(saves.without_app, round_trips),
	}
	refuse_watched()
	return case


def starting(rounds: int) -> dict[str, Any]:
	"""A flow listens to the save: what writing its run costs."""
	definition = {
		"version": 1,
		"trigger": {"event": "doc_event", "condition": "", "doctype": "ToDo", "doc_event": "on_update"},
		"variables": {},
		"steps": [{"id": "s1", "kind": "wait", "label": "Wait", "trigger": {"type": "on_flow_start"}}],
	}
	frappe.get_doc(
		{
			"doctype": "Flow Template",
			"template_name": "Benchmark of a save",
			"category": "other",
			"flow_definition": json.dumps(definition),
			"is_active": 1,
		}
	).insert()
	saves = Saves(as_first_of_request=False)
	runs = frappe.db.count("Flow Run")
	saves.save(saves.with_app)
	assert frappe.db.count("Flow Run") == runs + 1, "the save started no run (is the engine switched off?)"
	saves.round(5)
	found, inserts = [], []
	for _ in range(rounds):
		found.append(saves.round(START_PAIRS))
		inserts.append(statistics.median(saves.insert() for _ in range(START_PAIRS)))
	case = {
		"added": [a - b for a, b in found],
		"inserts": inserts,
		"ratios": [a / b for a, b in found],
		"queries": saves.queries(saves.with_app) - saves.queries(saves.without_app),
	}
	frappe.db.rollback()
	return case


def as_in_a_request(work: Callable[[], Any]) -> Any:
	"""The app asks for its triggers once per request, but every few seconds in a job."""
	frappe.local.request = frappe._dict(method="POST", path="/", headers={})
	try:
		return work()
	finally:
		frappe.local.request = None


def main(site: str, rounds: int) -> None:
	frappe.init(site=site)
	frappe.connect()
	try:
		frappe.set_user("Administrator")
		found = as_in_a_request(
			lambda: {
				"saves": {
					"a save that no flow watches, first of its request": unwatched(rounds, True),
					"a save that no flow watches, further ones": unwatched(rounds, False),
				},
				"start": starting(rounds),
			}
		)
		print(json.dumps(found))
	finally:
		frappe.db.rollback()
		frappe.destroy()


if __name__ == "__main__":
	main(**json.loads(sys.argv[1]))
