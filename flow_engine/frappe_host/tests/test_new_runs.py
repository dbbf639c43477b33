"""A run's row names and times itself: what the database writes is what the engine would have."""

from __future__ import annotations

from datetime import timezone
from unittest.mock import patch
from zoneinfo import ZoneInfo

import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.engine.ports import NewRun
from flow_engine.frappe_host import names
from flow_engine.frappe_host.document_values import plain_document, plain_fields
from flow_engine.frappe_host.store import FrappeRuns

NUMBERS = (1, 120, 99_999, 100_000, 12_345_678)
COLUMNS = (
	"creation",
	"modified",
	"started_at",
	"wake_at",
	"root_run",
	"trigger_data",
	"step_state",
	"status",
)


class TestNewRuns(FrappeTestCase):
	def tearDown(self):
		frappe.db.rollback()

	def start(self, runs: FrappeRuns, **facts):
		run = runs.insert(NewRun("FT-none", 1, "manual", run_as="Administrator", **facts))
		return run, frappe.db.get_value("Flow Run", run, COLUMNS, as_dict=True)

	def test_a_name_drawn_by_the_database_is_the_one_python_makes(self):
		for number in NUMBERS:
			with patch.object(names, "next_number", return_value=str(number)):
				drawn = frappe.db.sql(f"SELECT {names.next_name_sql('Flow Run')}")[0][0]
			self.assertEqual(drawn, names.name_of("Flow Run", number))

	def test_all_times_of_a_new_run_are_one_moment(self):
		for zone in map(ZoneInfo, ("UTC", "Asia/Kathmandu", "America/New_York")):
			runs = FrappeRuns(zone, patient=True)
			run, row = self.start(runs, trigger_data={"event": "manual", "user": 'a "quoted" ü\\'})
			here = row.wake_at.replace(tzinfo=timezone.utc).astimezone(zone).replace(tzinfo=None)
			self.assertEqual([row.creation, row.modified, row.started_at], [here] * 3)
			record = runs.read(run)
			self.assertEqual(record.started_at, record.wake_at)
			self.assertEqual(record.trigger_data["user"], 'a "quoted" ü\\')

	def test_where_this_machine_is_in_another_hour_the_databases_time_counts(self):
		zone = ZoneInfo("Europe/Berlin")
		runs = FrappeRuns(zone, patient=True)
		right = runs._offset_seconds
		asked = []

		def wrong_at_first(when):
			asked.append(when)
			return right(when) + (3600 if len(asked) == 1 else 0)

		with patch.object(runs, "_offset_seconds", wrong_at_first):
			_run, row = self.start(runs)
		here = row.wake_at.replace(tzinfo=timezone.utc).astimezone(zone).replace(tzinfo=None)
		self.assertEqual([row.creation, row.modified, row.started_at], [here] * 3)

	def test_a_run_is_its_own_root_unless_another_is(self):
		runs = FrappeRuns(ZoneInfo("UTC"), patient=True)
		run, row = self.start(runs)
		self.assertEqual(row.root_run, run)
		_child, row = self.start(runs, root_run=run, parent_run=run, depth=1)
		self.assertEqual(row.root_run, run)
		self.assertEqual((row.status, row.step_state), ("running", "{}"))

	def test_single_values_of_a_document_are_those_of_the_whole(self):
		issue = frappe.get_doc(
			{"doctype": "Issue", "subject": "Whole", "customer": "C", "opening_date": "2026-01-02"}
		)
		issue.name = "ISS-whole"
		fields = ("name", "customer", "opening_date", "nothing", "party_type", "subject_section")
		for user in ("Administrator", "Guest"):
			whole = plain_document(issue, user)
			some = plain_fields(issue, user, fields)
			self.assertEqual(some, {name: whole[name] for name in ("name", "customer", "opening_date")})
