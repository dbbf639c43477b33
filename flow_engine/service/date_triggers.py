"""Starting flows when a date of a document comes: a window of dates each tick, never all documents.

For each active flow the tick looks at the documents whose date can stand for a moment since it looked last.
A moment of a document has one key, so it starts one run, whoever looks how often; a date that is moved before
it has come stands for another moment, and one that is moved afterwards comes again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flow_engine.engine.crash_points import reach
from flow_engine.engine.draining import start_run
from flow_engine.engine.errors import FlowError, TransientDatabaseError
from flow_engine.engine.party import customer_of
from flow_engine.engine.problems import quoted
from flow_engine.engine.schedules.dates import EVENT, DateRule, dates_for, moment_of, read_rule
from flow_engine.service.events import Occurrence, Trigger, judge, new_run
from flow_engine.service.schedule_values import UnknownHolidayList

# A document that was saved while the tick looked is committed a little later, and found then.
LOOK_BACK = timedelta(minutes=10)
PAGE = 200
LONGEST_KEY = 200


def start_dated(host: Any, seconds: float, stopped: Callable[[], bool] = lambda: False) -> int:
	"""Start every flow whose date has come for a document; how many runs. One flow's trouble is kept on its
	row and reported, and leaves the others their turn."""
	scans = host.schedules.date_scans
	triggers = {trigger.template: trigger for trigger in host.schedules.sources.date_triggers()}
	known = set(host.runs.look(scans.known))
	gone = sorted(known - triggers.keys())
	if gone:
		# A flow that is paused starts nothing, and is not made up for when it is switched on again.
		host.runs.transact(lambda: scans.end(gone))
	until = host.clock.monotonic() + seconds
	count = 0
	for template, trigger in triggers.items():
		if host.clock.monotonic() >= until or stopped():
			break
		if template not in known:
			host.runs.transact(lambda template=template: scans.begin(template))
			continue
		count += _attempt(host, trigger, until)
	if count:
		host.jobs.hint()
	return count


def _attempt(host: Any, trigger: Trigger, until: float) -> int:
	scan = _Scan(host, trigger)
	try:
		scan.go(until)
	except TransientDatabaseError:
		raise
	except Exception as error:
		message = error.message if isinstance(error, FlowError) else f"{type(error).__name__}: {error}"
		host.report(error, f"dates of {trigger.title or trigger.template}")
		host.runs.transact(
			lambda: host.schedules.date_scans.write(trigger.template, last_error=message[:500])
		)
	return scan.count


class _Scan:
	"""One look at one flow's documents: pages of candidates, each a transaction under the flow's row."""

	def __init__(self, host: Any, trigger: Trigger):
		self.host, self.trigger = host, trigger
		self.scans = host.schedules.date_scans
		self.count = 0
		self.refused = ""

	def go(self, until: float) -> None:
		rule = self._rule()
		while self.host.clock.monotonic() < until:
			more = self.host.runs.transact(lambda: self._page(rule))
			reach("dates.looked")
			if not more:
				return

	def _rule(self) -> DateRule:
		calendar = None
		name = self.trigger.date.get("holiday_list")
		if name:
			calendar = self.host.schedules.sources.calendar(name)
			if calendar is None:
				raise UnknownHolidayList(f"There is no Holiday List {quoted(name)}.")
		return read_rule(self.trigger.date, self.host.clock.time_zone, calendar)

	def _page(self, rule: DateRule) -> bool:
		"""One page of what there is to look at, and where the next one begins; False when there is none, or
		another tick is at it. A look that takes longer than its time is gone on with by the next tick."""
		row = self.scans.lock(self.trigger.template)
		if row is None:
			return False
		until = row["window_to"] or self.host.runs.now()
		after = max(row["scanned_to"] - LOOK_BACK, row["begins_at"])
		last = (row["after_value"], row["after_name"]) if row["window_to"] else None
		first, final = dates_for(rule, after, until)
		found = self.host.schedules.sources.dated(
			self.trigger.doctype, self.trigger.field, first, final, last, PAGE
		)
		due = {}
		for value, name in found:
			at = moment_of(rule, value)
			if at is not None and after < at <= until:
				due[self._key(name, at)] = (name, value, at)
		done = self.scans.started(list(due))
		for key, (name, value, at) in due.items():
			if key not in done:
				self._start(key, name, value, at)
		if len(found) == PAGE:
			value, name = found[-1]
			self.scans.write(
				self.trigger.template, window_to=until, after_value=str(value), after_name=str(name)
			)
			return True
		self.scans.write(
			self.trigger.template,
			scanned_to=until,
			window_to=None,
			after_value=None,
			after_name=None,
			last_error=self.refused[:500] or None,
		)
		return False

	def _key(self, name: str, at: datetime) -> str:
		about = f"{self.trigger.doctype}:{name}"
		if len(about) > LONGEST_KEY:
			about = hashlib.sha256(about.encode()).hexdigest()
		return f"date:{self.trigger.template}:{at:%Y%m%dT%H%M%SZ}:{about}"

	def _start(self, key: str, name: str, value: Any, at: datetime) -> None:
		try:
			doc = self.host.documents.read_as(self.trigger.run_as or "", self.trigger.doctype, name)
			occurrence = Occurrence(event=EVENT, doctype=self.trigger.doctype, docname=name, doc=doc)
			customer = customer_of(self.trigger.doctype, doc)
			if not judge(self.host, self.trigger, occurrence, customer).result:
				return
			new = new_run(self.trigger, occurrence, customer)
			told: Mapping[str, Any] = {
				"field": self.trigger.field,
				"value": str(value),
				"at": at.isoformat(),
			}
			start_run(
				self.host, replace(new, trigger_key=key, trigger_data={**new.trigger_data, "date": told})
			)
			self.count += 1
		except TransientDatabaseError:
			raise
		except FlowError as error:
			# One document that cannot be read leaves the others their turn.
			self.refused = f"{name}: {error.message}"
