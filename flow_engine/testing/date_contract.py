"""Date triggers: each moment of a document starts one run, also when the date moves."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from unittest.mock import patch

from flow_engine.service.date_triggers import start_dated
from flow_engine.testing.schedule_contract import DAY, HOUR, MINUTE, ScheduleWords

# Of a document on both hosts: Issues have it, and a site lets flows write it.
FIELD = "opening_date"


class DateContract(ScheduleWords):
	def dated(self, **trigger: Any) -> str:
		"""A flow that starts two days before an Issue's date, at nine."""
		given = {"event": "date", "doctype": "Issue", "field": FIELD, "offset_days": -2, "time": "09:00"}
		given["condition"] = {"field": "doc.subject", "op": "contains", "value": self.mark}
		template = self.flow_of(trigger={**given, **trigger})
		self.look()
		return template

	def look(self) -> int:
		return start_dated(self.host, 60)

	def local(self) -> datetime:
		return self.now().astimezone(self.host.clock.time_zone)

	def due_in(self, days: int) -> str:
		"""A date whose moment, two days before it at nine, is on the day so many days from today."""
		return (self.local().date() + timedelta(days=days + 2)).isoformat()

	def issue_on(self, day: str, **values: Any) -> str:
		return self.new_document("Issue", subject=self.named("Dated"), **{FIELD: day, **values})["name"]

	def move(self, name: str, day: str) -> None:
		def work() -> None:
			with self.host.documents.acting_as(self.user):
				self.host.documents.update("Issue", name, {FIELD: day})

		self.host.runs.transact(work)

	def go_to(self, days: int, at: time = time(9, 0, 30)) -> None:
		"""To that time, so many days from today."""
		day = datetime.combine(self.local().date() + timedelta(days=days), at, self.local().tzinfo)
		self.pass_time((day - self.now()).total_seconds())

	def started(self, template: str) -> list[str]:
		return [row["context_docname"] for row in self.runs_of(template)]

	def test_a_flow_starts_when_the_date_of_a_document_comes_and_once(self):
		template = self.dated()
		soon, later = self.issue_on(self.due_in(1)), self.issue_on(self.due_in(3))
		self.go_to(1, time(8, 59))
		self.assertEqual((self.look(), self.started(template)), (0, []))
		self.pass_time(2 * MINUTE)
		self.assertEqual([self.look(), self.look()], [1, 0])
		self.assertEqual(self.started(template), [soon])
		(row,) = self.rows("Flow Date Scan", name=template)
		self.assertIsNone(row["last_error"])
		record = self.record(self.runs_of(template)[0]["name"])
		self.assertEqual((record.trigger_event, record.trigger_data["date"]["field"]), ("date", FIELD))
		self.go_to(2)
		self.look()
		self.assertEqual(sorted(self.started(template)), sorted([soon, later]))

	def test_a_date_that_is_moved_starts_the_flow_at_the_new_moment(self):
		template = self.dated()
		name = self.issue_on(self.due_in(1))
		self.move(name, self.due_in(2))
		self.go_to(1)
		self.assertEqual(self.look(), 0)
		self.go_to(1)
		self.assertEqual(self.look(), 1)
		# Moved after it came: it comes again.
		self.move(name, self.due_in(1))
		self.go_to(1)
		self.assertEqual((self.look(), self.started(template)), (1, [name, name]))

	def test_a_moment_that_had_passed_when_the_date_was_entered_does_not_count(self):
		template = self.dated()
		self.go_to(1, time(12))
		self.look()
		self.issue_on(self.due_in(0))
		self.issue_on(self.due_in(-1))
		self.assertEqual((self.look(), self.started(template)), (0, []))

	def test_a_document_that_was_saved_while_the_tick_looked_is_found_by_the_next(self):
		template = self.dated()
		self.go_to(1, time(9, 1))
		self.look()
		# Its transaction began before nine, and has only now been committed.
		name = self.issue_on(self.due_in(0))
		self.pass_time(MINUTE)
		self.assertEqual((self.look(), self.started(template)), (1, [name]))

	def test_a_moment_just_before_the_flow_was_switched_on_does_not_count(self):
		self.go_to(1, time(9, 2))
		self.issue_on(self.due_in(0))
		template = self.dated()
		self.pass_time(MINUTE)
		self.assertEqual((self.look(), self.started(template)), (0, []))

	def test_hours_and_time_of_day(self):
		after = self.dated(offset_days=1, offset_hours=3, time="06:30")
		midnight = self.dated(offset_days=0, time=None)
		name = self.issue_on(self.local().date().isoformat())
		self.go_to(1, time(9, 29))
		self.look()
		self.assertEqual(self.started(after), [])
		self.pass_time(2 * MINUTE)
		self.look()
		self.assertEqual(self.started(after), [name])
		self.assertEqual(self.started(midnight), [])
		tomorrow = self.issue_on((self.local().date() + timedelta(days=1)).isoformat())
		self.go_to(1, time(0, 1))
		self.look()
		self.assertEqual(self.started(midnight), [tomorrow])

	def test_what_came_while_nobody_looked_is_made_up_for(self):
		template = self.dated()
		names = [self.issue_on(self.due_in(days)) for days in (1, 3, 5)]
		self.go_to(4)
		self.look()
		self.assertEqual(sorted(self.started(template)), sorted(names[:2]))

	def test_what_came_while_the_flow_was_paused_is_not(self):
		template = self.dated()
		self.issue_on(self.due_in(1))
		self.switch(template, False)
		self.look()
		self.go_to(2)
		self.look()
		self.switch(template, True)
		self.look()
		self.pass_time(HOUR)
		self.assertEqual((self.look(), self.started(template)), (0, []))
		self.assertEqual(len(self.rows("Flow Date Scan", name=template)), 1)

	def test_killed_while_it_looks_it_starts_each_once(self):
		template = self.dated()
		names = [self.issue_on(self.due_in(1)) for _ in range(3)]
		self.go_to(1)
		for point in ("start.inserted", "dates.looked"):
			self.killed_at(point, self.look)
		self.look()
		self.assertEqual(sorted(self.started(template)), sorted(names))

	def test_more_documents_than_a_page_are_gone_through_and_a_kill_in_between_costs_none(self):
		template = self.dated()
		names = [self.issue_on(self.due_in(1)) for _ in range(7)]
		self.go_to(1)
		with patch("flow_engine.service.date_triggers.PAGE", 3):
			self.killed_at("dates.looked", self.look)
			(row,) = self.rows("Flow Date Scan", name=template)
			self.assertTrue(row["window_to"])
			self.assertEqual(len(self.started(template)), 3)
			self.assertEqual(self.look(), 4)
		self.assertEqual(sorted(self.started(template)), sorted(names))
		(row,) = self.rows("Flow Date Scan", name=template)
		self.assertIsNone(row["window_to"])

	def test_a_holiday_list_that_is_gone_is_told_and_nothing_is_lost(self):
		template = self.dated(day_policy="next", holiday_list="No such list")
		self.issue_on(self.due_in(1))
		self.go_to(1)
		self.assertEqual(self.look(), 0)
		(row,) = self.rows("Flow Date Scan", name=template)
		self.assertIn("No such list", row["last_error"])
		self.assertLess(
			str(row["scanned_to"]), self.host.runs.utc_text(self.now() - timedelta(seconds=DAY / 2))
		)
