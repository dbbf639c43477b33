import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.frappe_host.pausing import settings_limit

test_ignore = ["Role", "User"]


class TestFlowEngineSettings(FrappeTestCase):
	def setUp(self):
		frappe.set_user("Administrator")

	def test_retention_is_one_number_in_two_forms(self):
		settings = frappe.get_doc("Flow Engine Settings")
		settings.retention_days = 45
		settings.save()
		log_settings = frappe.get_doc("Log Settings")
		kept = {row.ref_doctype: row.days for row in log_settings.logs_to_clear}
		self.assertEqual(kept["Flow Run"], 45)
		log_settings.register_doctype("Flow Run", 60)
		log_settings.save()
		self.assertEqual(frappe.get_doc("Flow Engine Settings").retention_days, 60)

	def test_runs_are_kept_for_a_day_at_least(self):
		settings = frappe.get_doc("Flow Engine Settings")
		settings.retention_days = 0
		self.assertRaises(frappe.ValidationError, settings.save)

	def test_private_hosts_are_kept_one_per_line(self):
		settings = frappe.get_doc("Flow Engine Settings")
		settings.allowed_private_hosts = " Printer.local \n\nprinter.local\n10.0.0.5"
		settings.save()
		self.assertEqual(settings.allowed_private_hosts, "printer.local\n10.0.0.5")

	def test_a_breaker_that_was_never_set_is_not_switched_off_by_saving_something_else(self):
		for stored, kept in ((None, 10), (0, 0), (4, 4)):
			frappe.db.delete("Singles", {"doctype": "Flow Engine Settings", "field": "failure_limit"})
			frappe.clear_document_cache("Flow Engine Settings")
			if stored is not None:
				frappe.db.set_single_value("Flow Engine Settings", "failure_limit", stored)
			frappe.get_doc("Flow Engine Settings").save()
			self.assertEqual(settings_limit(), kept)
