import frappe
from frappe.tests.utils import FrappeTestCase
from frappe.utils import get_datetime

from flow_engine.flow_engine.doctype.dispatch_job.dispatch_job import (
	MOVES,
	OPEN_STATES,
	IllegalJobMove,
	MergeKeyTaken,
	get_events,
)

test_ignore = ["Customer", "Address", "DocType", "Flow Run"]


def make_job(**values):
	return frappe.get_doc({"doctype": "Dispatch Job", "subject": "Install a line", **values}).insert()


class TestDispatchJob(FrappeTestCase):
	def setUp(self):
		frappe.set_user("Administrator")

	def test_a_job_is_named_from_the_sequence(self):
		first, second = make_job(), make_job()
		self.assertRegex(first.name, r"^DJ-\d{5,}$")
		self.assertNotEqual(first.name, second.name)

	def test_every_move_outside_the_table_is_refused(self):
		for start, allowed in MOVES.items():
			for end in MOVES:
				with self.subTest(start=start, end=end):
					job = make_job(status=start, scheduled_time="2030-01-07 08:00:00")
					job.status = end
					if end == start or end in allowed:
						self.assertEqual(job.save().status, end)
					else:
						self.assertRaises(IllegalJobMove, job.save)

	def test_a_scheduled_job_needs_a_time(self):
		self.assertRaises(frappe.MandatoryError, make_job, status="Scheduled")

	def test_the_end_follows_from_time_and_duration(self):
		for duration, end in ((2, "10:00:00"), (0.5, "08:30:00"), (0, "09:00:00")):
			with self.subTest(duration=duration):
				job = make_job(scheduled_time="2030-01-07 08:00:00", duration_h=duration)
				self.assertEqual(job.scheduled_end, get_datetime(f"2030-01-07 {end}"))
		job.scheduled_time = None
		self.assertIsNone(job.save().scheduled_end)

	def test_completing_and_starting_leave_their_times(self):
		job = make_job()
		job.status = "In Progress"
		job.save()
		self.assertTrue(job.started_on)
		job.status = "Completed"
		job.save()
		self.assertTrue(job.completed_on)

	def test_priorities_of_flows_are_understood(self):
		for written, stored in (
			("medium", "Medium"),
			("URGENT", "Urgent"),
			(" low ", "Low"),
			(None, "Medium"),
		):
			with self.subTest(written=written):
				self.assertEqual(make_job(priority=written).priority, stored)

	def test_two_open_jobs_never_share_a_merge_key(self):
		make_job(merge_key="visit-1")
		self.assertRaises(MergeKeyTaken, make_job, merge_key="visit-1")

	def test_the_index_refuses_what_the_check_did_not_see(self):
		make_job(merge_key="visit-race")
		late = frappe.get_doc({"doctype": "Dispatch Job", "subject": "Second", "merge_key": "visit-race"})
		late.own_merge_key_while_open = lambda: late.set("open_merge_key", late.merge_key)
		self.assertRaises(frappe.UniqueValidationError, late.insert)

	def test_a_closed_job_gives_its_merge_key_back(self):
		for number, closed in enumerate(("Completed", "Cancelled")):
			with self.subTest(closed=closed):
				key = f"visit-closed-{number}"
				job = make_job(merge_key=key)
				job.status = closed
				job.save()
				self.assertIsNone(frappe.db.get_value("Dispatch Job", job.name, "open_merge_key"))
				self.assertEqual(make_job(merge_key=key).open_merge_key, key)

	def test_a_job_cannot_be_reopened_while_another_has_its_key(self):
		job = make_job(merge_key="visit-reopen")
		job.status = "Cancelled"
		job.save()
		make_job(merge_key="visit-reopen")
		job.status = "Open"
		self.assertRaises(MergeKeyTaken, job.save)

	def test_jobs_without_a_key_do_not_meet(self):
		for _number in range(2):
			job = make_job(merge_key="  ")
			self.assertIsNone(frappe.db.get_value("Dispatch Job", job.name, "open_merge_key"))

	def test_open_states_are_the_ones_that_own_the_key(self):
		for number, status in enumerate(MOVES):
			with self.subTest(status=status):
				job = make_job(
					status=status, scheduled_time="2030-01-07 08:00:00", merge_key=f"visit-state-{number}"
				)
				self.assertEqual(bool(job.open_merge_key), status in OPEN_STATES)

	def test_the_calendar_shows_what_overlaps_and_is_not_cancelled(self):
		times = {"before": "2031-02-01 07:00:00", "over": "2031-02-02 23:30:00", "in": "2031-02-03 08:00:00"}
		jobs = {key: make_job(scheduled_time=time, duration_h=1).name for key, time in times.items()}
		make_job(scheduled_time="2031-02-03 09:00:00", status="Cancelled")
		shown = get_events("2031-02-03 00:00:00", "2031-02-04 00:00:00")
		self.assertEqual([job.name for job in shown], [jobs["over"], jobs["in"]])

	def test_a_subject_reaches_the_calendar_as_text(self):
		make_job(subject="<b>Urgent</b> visit", scheduled_time="2031-03-03 08:00:00")
		shown = get_events("2031-03-03 00:00:00", "2031-03-04 00:00:00")
		self.assertEqual([job.subject for job in shown], ["&lt;b&gt;Urgent&lt;/b&gt; visit"])
