"""Lateness on a site: who is told, to whom it goes, in which hours it is counted, and where it is seen."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import frappe
from frappe.utils import add_days, getdate

from flow_engine.engine.ports import Reminder
from flow_engine.engine.sla.durations import parse_duration
from flow_engine.engine.state import RUN_SLA
from flow_engine.flow_engine.report.overdue_flow_steps.overdue_flow_steps import execute
from flow_engine.frappe_host.business_hours import business_hours
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.tests.people_for_tests import make_user
from flow_engine.frappe_host.tests.test_questions_and_alerts import RunCase
from flow_engine.frappe_host.timeline import run_lines

PARIS = ZoneInfo("Europe/Paris")
DUE = datetime(2026, 3, 16, 9, tzinfo=timezone.utc)


class TestReminders(RunCase):
	def setUp(self):
		super().setUp()
		self.boss = make_user("sla-boss")

	def reminder(self, late=True, step="s1", **columns):
		return Reminder(self.flow_run, step, "Cable", late, manual=True, due_at=DUE, **columns)

	def told(self):
		rows = frappe.get_all(
			"Notification Log",
			{"document_name": self.run_name, "name": ("like", "flow-sla-%")},
			["for_user", "subject"],
		)
		return sorted(row.for_user for row in rows), [row.subject for row in rows]

	def asked(self):
		return sorted(
			frappe.get_all("ToDo", {"reference_name": self.run_name, "status": "Open"}, pluck="allocated_to")
		)

	def test_whoever_was_asked_and_the_flows_owner_are_told_once_of_each(self):
		self.messages.ask(self.flow_run, "s1", "Cable", None, self.fitters[0])
		for late in (False, True, True):
			self.messages.remind(self.reminder(late))
		people, subjects = self.told()
		self.assertEqual(people, sorted([self.fitters[0], self.manager] * 2))
		self.assertTrue(all("<b>Cable</b>" in subject for subject in subjects))
		# The flow's name is text, whatever stands in it.
		self.assertTrue(all("&lt;line&gt;" in subject for subject in subjects))

	def test_people_named_are_told_instead_of_the_owner(self):
		self.messages.remind(self.reminder(role=self.role))
		self.assertEqual(self.told()[0], sorted(self.fitters))

	def test_an_escalation_takes_the_step_from_who_was_asked(self):
		self.messages.ask(self.flow_run, "s1", "Cable", self.role, None)
		self.messages.ask(self.flow_run, "other", "Other", None, self.manager)
		self.messages.escalate(self.reminder(user=self.boss))
		self.assertEqual(self.asked(), sorted([self.boss, self.manager]))
		assigned = frappe.db.get_value("Flow Run", self.run_name, "_assign")
		self.assertIn(self.boss, assigned)
		self.assertNotIn(self.fitters[0], assigned)
		self.messages.close(self.flow_run, "s1")
		self.assertEqual(self.asked(), [self.manager])

	def test_one_that_keeps_adds_who_is_not_asked_yet(self):
		self.messages.ask(self.flow_run, "s1", "Cable", self.role, None)
		self.messages.escalate(self.reminder(user=self.boss, role=self.role, keeps=True))
		self.assertEqual(self.asked(), sorted([*self.fitters, self.boss]))

	def test_a_run_as_a_whole_is_escalated_and_closes_apart_from_its_steps(self):
		self.messages.ask(self.flow_run, "s1", "Cable", None, self.fitters[0])
		self.messages.escalate(self.reminder(step=None, user=self.boss))
		self.assertEqual(self.asked(), sorted([self.boss, self.fitters[0]]))
		self.messages.close(self.flow_run, "")
		self.assertEqual(self.asked(), [self.fitters[0]])

	def test_where_nobody_has_the_role_those_who_look_after_flows_are_asked(self):
		self.messages.escalate(self.reminder(user=self.retired))
		self.assertIn(self.manager, self.asked())
		self.assertNotIn(self.retired, self.asked())


class TestBusinessHours(RunCase):
	def setUp(self):
		super().setUp()
		self.monday = add_days(getdate("2030-03-18"), 0)
		self.feasts = self.holiday_list("Feasts", [(self.monday, 0)])

	def holiday_list(self, title, days):
		doc = frappe.new_doc("Holiday List")
		doc.holiday_list_name = f"{title} {frappe.generate_hash(length=6)}"
		doc.from_date, doc.to_date = "2030-01-01", "2030-12-31"
		for day, weekly_off in days:
			doc.append("holidays", {"holiday_date": day, "description": "x", "weekly_off": weekly_off})
		return doc.insert().name

	def over(self, name, since, duration):
		hours = business_hours(name, PARIS)
		moment = datetime.fromisoformat(since).replace(tzinfo=PARIS)
		return hours.after(moment.astimezone(timezone.utc), parse_duration(duration)).astimezone(PARIS)

	def agreement(self):
		doc = frappe.new_doc("Service Level Agreement")
		doc.update(
			{
				"name": f"Nights {frappe.generate_hash(length=6)}",
				"service_level": "Nights",
				"document_type": "Issue",
				"holiday_list": self.feasts,
			}
		)
		for day in ("Monday", "Tuesday"):
			doc.append("support_and_resolution", {"workday": day, "start_time": "20:00", "end_time": "23:00"})
		# Its own rules ask for more than the hours that are read here.
		doc.db_insert()
		for row in doc.support_and_resolution:
			row.parent = doc.name
			row.db_insert()
		return doc.name

	def test_feasts_leave_weekends_off_and_count_from_nine_to_five(self):
		until = self.over(self.feasts, "2030-03-15 16:00", "2h")
		self.assertEqual(until.replace(tzinfo=None), datetime(2030, 3, 19, 10))

	def test_a_list_of_days_off_names_the_working_days(self):
		fridays = [(self.monday + timedelta(days=4 + 7 * week), 1) for week in range(4)]
		until = self.over(self.holiday_list("Fridays", fridays), "2030-03-21 16:00", "2h")
		# Saturday is a working day there.
		self.assertEqual(until.replace(tzinfo=None), datetime(2030, 3, 23, 10))

	def test_an_agreement_brings_its_hours_and_its_holidays(self):
		until = self.over(self.agreement(), "2030-03-15 10:00", "4h")
		# Monday is a feast: Tuesday from 20 to 23, and an hour of the Monday after.
		self.assertEqual(until.replace(tzinfo=None), datetime(2030, 3, 25, 21))

	def test_the_site_chooses_what_working_time_is(self):
		frappe.db.set_single_value("Flow Engine Settings", "business_hours", self.agreement())
		frappe.clear_document_cache("Flow Engine Settings")
		self.addCleanup(frappe.clear_document_cache, "Flow Engine Settings")
		for name in ("business", "a calendar that is gone"):
			until = self.over(name, "2030-03-19 10:00", "1h")
			self.assertEqual(until.replace(tzinfo=None), datetime(2030, 3, 19, 21))


class TestWhereItIsSeen(RunCase):
	def late(self, standing="overdue", **state):
		breached = {"sla": {"breached_at": DUE.isoformat()}}
		states = {"s1": {"status": "waiting", **breached, **state}, "s2": {"status": "done", **breached}}
		values = {"sla_status": standing, "step_state": frappe.as_json({**states, RUN_SLA: breached["sla"]})}
		frappe.db.set_value("Flow Run", self.run_name, values)

	def rows(self):
		return {row.step_id: row for row in execute()[1] if row.flow_run == self.run_name}

	def test_the_report_lists_open_steps_and_runs_that_are_late(self):
		self.late()
		self.assertEqual(set(self.rows()), {"s1", ""})
		self.assertIn("Repair", self.rows()["s1"].flow)

	def test_what_is_not_late_any_more_is_not_listed(self):
		self.late(standing="missed")
		self.assertEqual(self.rows(), {})

	def test_a_document_says_that_its_run_is_overdue(self):
		self.late()
		(line,) = run_lines("Issue", self.issue)
		self.assertIn("overdue", line["content"])


class TestAgreements(RunCase):
	"""ERPNext's own Service Level Agreement of an Issue decides when a step that takes its time is late."""

	def setUp(self):
		super().setUp()
		self.host = get_host()

	def promised(self, **values):
		issue = frappe.get_doc({"doctype": "Issue", "subject": "No signal"}).insert()
		agreement = frappe.new_doc("Service Level Agreement")
		agreement.update({"name": f"Gold {frappe.generate_hash(length=6)}", "document_type": "Issue"})
		agreement.db_insert()
		columns = {"service_level_agreement": agreement.name, "agreement_status": "Resolution Due"}
		issue.db_set({**columns, **values}, update_modified=False)
		return issue.name

	def test_an_issue_without_an_agreement_promises_nothing(self):
		bare = frappe.get_doc({"doctype": "Issue", "subject": "No signal"}).insert().name
		frappe.db.set_value("Issue", bare, "service_level_agreement", None)
		self.assertIsNone(self.host.agreement("Issue", bare))
		self.assertIsNone(self.host.agreement("Customer", bare))
		self.assertIsNone(self.host.agreement("Issue", "ISS-GONE"))

	def test_its_times_are_the_sites_and_its_state_is_erpnexts(self):
		name = self.promised(response_by="2030-03-18 10:00:00", sla_resolution_by="2030-03-19 10:00:00")
		found = self.host.agreement("Issue", name)
		at = datetime(2030, 3, 19, 10, tzinfo=self.host.clock.time_zone)
		self.assertEqual((found.resolution_by, found.status, found.open), (at, "Resolution Due", True))
		for kept in ({"agreement_status": "Fulfilled"}, {"status": "Closed"}):
			frappe.db.set_value(
				"Issue", name, {"agreement_status": "Resolution Due", "status": "Open", **kept}
			)
			self.assertFalse(self.host.agreement("Issue", name).open)
