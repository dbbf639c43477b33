import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.flow_engine.doctype.flow_step_pending.flow_step_pending import OnlyTheEngineWritesThis
from flow_engine.frappe_host.names import next_name

test_ignore = ["Flow Run"]


class TestFlowStepPending(FrappeTestCase):
	def setUp(self):
		frappe.set_user("Administrator")
		row = frappe.get_doc(
			{"doctype": "Flow Step Pending", "step_id": "s1", "purpose": "retry", "status": "failed"}
		)
		row.name = next_name("Flow Step Pending")
		row.db_insert()
		self.row = frappe.get_doc("Flow Step Pending", row.name)

	def test_nobody_adds_a_row_by_hand(self):
		row = frappe.get_doc({"doctype": "Flow Step Pending", "step_id": "s1", "purpose": "delay"})
		self.assertRaises(OnlyTheEngineWritesThis, row.insert)

	def test_what_the_engine_decided_is_not_changed_by_hand(self):
		for field, value in (
			("step_id", "s2"),
			("purpose", "delay"),
			("last_error", "x"),
			("context_snapshot", "{}"),
		):
			with self.subTest(field=field):
				self.row.reload()
				self.row.set(field, value)
				self.assertRaises(OnlyTheEngineWritesThis, self.row.save)

	def test_the_retry_count_alone_can_be_set_back(self):
		self.row.retry_count = 0
		self.row.save()
