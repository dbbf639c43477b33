"""Inbound hooks on a site: where secrets lie, what a call asks of earlier ones, how long calls are kept."""

import frappe
from frappe.tests.utils import FrappeTestCase
from frappe.utils import add_days, now_datetime
from frappe.utils.password import get_decrypted_password

from flow_engine.engine.inbound import InvalidHook
from flow_engine.flow_engine.doctype.flow_inbound_call.flow_inbound_call import FlowInboundCall
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.tests.flows_for_tests import make_flow


class TestInboundHooks(FrappeTestCase):
	def setUp(self):
		frappe.set_user("Administrator")
		self.flow = make_flow("manual")

	def make(self, **values):
		doc = frappe.get_doc(
			{
				"doctype": "Flow Inbound Hook",
				"hook_name": f"Test {frappe.generate_hash(length=12)}",
				"flow_template": self.flow,
				**values,
			}
		)
		return doc.insert()

	def secrets(self, doc):
		return tuple(get_host().inbound.records.secrets(doc.name))

	def remove(self, doc):
		"""What has been committed on the way."""
		frappe.db.rollback()
		frappe.db.delete("Flow Inbound Call", {"flow_hook": doc.name})
		frappe.db.sql("delete from `tabFlow Inbound Call` where name like '20260101%test'")
		frappe.delete_doc("Flow Inbound Hook", doc.name)
		frappe.delete_doc("Flow Template", doc.flow_template)
		frappe.db.commit()  # nosemgrep: as above

	def test_a_secret_is_made_kept_encrypted_and_not_read_out(self):
		doc = self.make()
		secret = doc.flags.shown_secret
		self.assertEqual(len(secret), 64)
		self.assertEqual(self.secrets(doc), (secret,))
		stored = frappe.db.sql("select secret from `tabFlow Inbound Hook` where name = %s", doc.name)
		self.assertEqual(set(stored[0][0]), {"*"})
		encrypted = frappe.db.sql(
			"select password from `__Auth` where doctype = 'Flow Inbound Hook' and name = %s", doc.name
		)
		self.assertNotIn(secret, str(encrypted))
		with self.assertRaises(frappe.PermissionError):
			frappe.get_doc("Flow Inbound Hook", doc.name).get_password("secret")

	def test_a_secret_that_is_written_into_the_form_is_good_beside_the_former_one(self):
		doc = self.make()
		former = doc.flags.shown_secret
		doc.reload()
		doc.secret = "another-secret-by-hand"
		doc.save()
		self.assertEqual(self.secrets(doc), ("another-secret-by-hand", former))
		doc.reload()
		doc.hook_name += " again"
		doc.save()
		self.assertEqual(self.secrets(doc), ("another-secret-by-hand", former))
		frappe.db.set_value(
			"Flow Inbound Hook", doc.name, "previous_secret_until", add_days(now_datetime(), -1)
		)
		self.assertEqual(self.secrets(doc), ("another-secret-by-hand",))

	def test_a_form_cannot_write_the_former_secret_or_what_is_out_of_bounds(self):
		doc = self.make(previous_secret="a-secret-smuggled-in", previous_secret_until="2099-01-01")
		self.assertEqual(len(self.secrets(doc)), 1)
		self.assertFalse(
			get_decrypted_password("Flow Inbound Hook", doc.name, "previous_secret", raise_exception=False)
		)
		for field, value in (("window_seconds", 10**6), ("max_body_bytes", 10**9), ("calls_per_minute", -1)):
			with self.assertRaises(frappe.ValidationError) as refused:
				self.make(**{field: value})
			self.assertIsInstance(refused.exception.flow_error, InvalidHook)

	def test_what_a_call_asks_of_those_before_it_goes_along_an_index(self):
		hook = self.make()
		# Whatever analyses a table commits.
		self.addCleanup(self.remove, hook)
		frappe.db.sql("delete from `tabFlow Inbound Call` where name like '20260101%test'")
		frappe.db.sql(
			"insert into `tabFlow Inbound Call` (name, flow_hook, outcome, received_at, replay_key) "
			"select concat('20260101', lpad(r.seq, 18, '0'), 'test'), concat('hook', r.seq % 50), "
			"'accepted', now(), sha2(r.seq, 256) from seq_1_to_3000 r"
		)
		frappe.db.sql("analyze table `tabFlow Inbound Call`")
		store, asked = get_host().inbound.store, []
		rows = store.database._rows

		def explained(sql, values=()):
			if "tabFlow Inbound Call" in sql:
				asked.append(frappe.db.sql(f"explain {sql}", values, as_dict=True)[0])
			return rows(sql, values)

		store.database._rows = explained
		try:
			store.count_since(hook.name, store.database.now(), but=("call_refused",))
			store.run_of(None, "0" * 64)
			store.calls(hook.name, 20)
		finally:
			del store.database._rows
		self.assertEqual(len(asked), 3)
		for plan in asked:
			self.assertIn(plan["key"], ("PRIMARY", "flow_hook", "replay_key"), plan)
			self.assertIn(plan["type"], ("range", "ref"), plan)
			self.assertNotIn("filesort", plan["Extra"] or "")

	def test_calls_are_removed_when_they_are_old_and_not_before(self):
		hook = self.make()
		self.addCleanup(self.remove, hook)
		store = get_host().inbound.store
		now = store.database.now()
		values = {"flow_hook": hook.name, "outcome": "refused"}
		old, young = store.put_call(values, now), store.put_call(values, now)
		frappe.db.set_value("Flow Inbound Call", old, "received_at", add_days(now_datetime(), -91))
		FlowInboundCall.clear_old_logs(90)
		self.assertFalse(frappe.db.exists("Flow Inbound Call", old))
		self.assertTrue(frappe.db.exists("Flow Inbound Call", young))

	def test_a_call_is_not_written_by_hand(self):
		with self.assertRaises(frappe.ValidationError):
			frappe.get_doc({"doctype": "Flow Inbound Call", "outcome": "accepted"}).insert()
