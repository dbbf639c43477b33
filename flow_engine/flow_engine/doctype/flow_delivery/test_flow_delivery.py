from dataclasses import replace
from unittest.mock import patch

import frappe
from frappe.tests.utils import FrappeTestCase
from frappe.utils import add_days, now_datetime

from flow_engine.api import deliveries as api
from flow_engine.engine.errors import NotAllowed
from flow_engine.flow_engine.doctype.flow_delivery.flow_delivery import FlowDelivery, FlowDeliveryIsReadOnly
from flow_engine.frappe_host import jobs
from flow_engine.frappe_host.host import SiteHost, compose_host, get_host
from flow_engine.frappe_host.tests.other_connections import another_connection
from flow_engine.frappe_host.tests.people_for_tests import make_user
from flow_engine.frappe_host.tests.test_contract import LaterRuns, NoHints, switch
from flow_engine.service.deliveries import send_due
from flow_engine.store.deliveries import SqlDeliveries
from flow_engine.testing.delivery_contract import DeliveryContract
from flow_engine.testing.receiver import Receiver

test_ignore = ["Flow Run", "Customer", "Address", "DocType"]


class SiteAtRest(FrappeTestCase):
	"""Workers stand still, what else is due waits, and this machine may be called."""

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.switched = frappe.db.get_single_value("Flow Engine Settings", "disabled")
		cls.allowed = frappe.db.get_single_value("Flow Engine Settings", "allowed_private_hosts")
		cls.waiting = frappe.db.sql(
			"select name, wake_at from `tabFlow Delivery` where wake_at is not null", as_dict=True
		)
		frappe.db.set_single_value("Flow Engine Settings", "allowed_private_hosts", "127.0.0.1")
		frappe.db.set_value("Flow Delivery", {"wake_at": ("is", "set")}, "wake_at", None)
		switch(True)

	@classmethod
	def tearDownClass(cls):
		frappe.db.rollback()
		frappe.db.set_single_value("Flow Engine Settings", "allowed_private_hosts", cls.allowed)
		for row in cls.waiting:
			frappe.db.set_value("Flow Delivery", row.name, "wake_at", row.wake_at)
		switch(bool(cls.switched))
		super().tearDownClass()

	def setUp(self):
		frappe.set_user("Administrator")
		self.made: list[str] = []
		super().setUp()
		self.addCleanup(self.remove_what_was_made)

	def remove_what_was_made(self):
		frappe.db.rollback()
		frappe.set_user("Administrator")
		for job in self.made:
			for name in frappe.get_all("Flow Delivery", {"reference_name": job}, pluck="name"):
				frappe.db.delete("Flow Audit Event", {"details": ("like", f'%"{name}"%')})
			frappe.db.delete("Flow Delivery", {"reference_name": job})
			# Not through the document: that refuses at once whatever anybody has locked at this moment.
			frappe.db.delete("Dispatch Job Merge", {"parent": job})
			frappe.db.delete("Version", {"ref_doctype": "Dispatch Job", "docname": job})
			frappe.db.delete("Dispatch Job", {"name": job})
		frappe.db.commit()  # the site is left as it was found


class TestDeliveriesOnASite(DeliveryContract, SiteAtRest):
	def make_host(self) -> SiteHost:
		host = compose_host()
		runs = LaterRuns(host.clock.time_zone, patient=True)
		return replace(host, runs=runs, deliveries=SqlDeliveries(runs), jobs=NoHints())

	def pass_time(self, seconds):
		self.host.runs.later += type(self.host.runs.later)(seconds=seconds)

	def rows(self, doctype, **filters):
		frappe.db.rollback()
		where = "".join(f" and `{column}` = %s" for column in filters)
		return frappe.db.sql(
			f"select * from `tab{doctype}` where 1 = 1{where} order by creation, name",
			list(filters.values()),
			as_dict=True,
		)


class TestFlowDelivery(SiteAtRest):
	def setUp(self):
		super().setUp()
		self.receiver = Receiver()
		self.addCleanup(self.receiver.close)

	def make(self, **values) -> str:
		"""A delivery about a new job; its name."""
		job = {"doctype": "Dispatch Job", "subject": "Dig", "on_open_webhook": self.receiver.url("/a?key=k")}
		job = frappe.get_doc({**job, **values}).insert()
		self.made.append(job.name)
		return frappe.get_all("Flow Delivery", {"reference_name": job.name}, pluck="name")[0]

	def test_saving_in_the_desk_writes_it_and_a_worker_sends_it(self):
		name = self.make()
		self.assertRegex(name, r"^FD-\d{5,}$")
		frappe.db.commit()  # the job works in transactions of its own
		with patch.object(jobs, "is_disabled", return_value=False):
			jobs.drain()
		self.assertEqual(frappe.db.get_value("Flow Delivery", name, "status"), "delivered")
		self.assertEqual([request.path for request in self.receiver.seen], ["/a?key=k"])

	def test_nothing_is_sent_while_the_engine_is_switched_off(self):
		name = self.make()
		frappe.db.commit()  # as above
		jobs.drain()
		self.assertEqual(frappe.db.get_value("Flow Delivery", name, "status"), "pending")
		self.assertEqual(self.receiver.seen, [])

	def test_the_list_of_a_flow_user_has_what_is_about_documents_they_may_read(self):
		name = self.make()
		frappe.db.set_value("Flow Delivery", self.make(), "reference_doctype", "Flow Secret")
		user = make_user("delivery-user", "Flow User")
		frappe.set_user(user)
		self.assertIn(name, frappe.get_list("Flow Delivery", pluck="name", limit=0))
		listed = frappe.get_list("Flow Delivery", pluck="reference_doctype", limit=0)
		self.assertEqual(set(listed), {"Dispatch Job"})
		self.assertTrue(frappe.has_permission("Flow Delivery", doc=name, user=user))
		frappe.set_user(make_user("delivery-nobody"))
		self.assertRaises(frappe.PermissionError, frappe.get_list, "Flow Delivery")

	def test_address_body_and_answer_are_for_managers(self):
		name = self.make()
		for role, shown in (("Flow User", False), ("Flow Manager", True)):
			with self.subTest(role=role):
				frappe.set_user(make_user(f"delivery-{role.split()[1].lower()}", role))
				doc = frappe.get_doc("Flow Delivery", name)
				doc.apply_fieldlevel_read_permissions()
				self.assertEqual((bool(doc.get("url")), bool(doc.get("body"))), (shown, shown))
				self.assertEqual(doc.destination, "127.0.0.1")
			frappe.set_user("Administrator")

	def test_only_managers_send_again_or_cancel_and_only_administrators_see_the_secret(self):
		name = self.make()
		for role, may_act, may_see in (
			("Flow User", False, False),
			("Flow Manager", True, False),
			("System Manager", True, True),
		):
			user = make_user(f"delivery-door-{role.split()[0].lower()}-{role.split()[1].lower()}", role)
			frappe.db.commit()  # acts are transactions of their own
			with self.subTest(role=role):
				frappe.set_user(user)
				for allowed, act in (
					(may_act, lambda: api.redeliver(name)),
					(may_act, lambda: api.cancel(name)),
					(may_see, api.signing_secret),
				):
					if allowed:
						act()
					else:
						self.assertRaises(NotAllowed, act)
				listed = api.list(docname=frappe.db.get_value("Flow Delivery", name, "reference_name"))
				self.assertEqual([row["name"] for row in listed["deliveries"]], [name])
			frappe.set_user("Administrator")
		self.assertEqual(api.signing_secret()["signing_secret"], get_host().signing_secret())

	def test_an_act_can_be_the_first_query_of_a_request(self):
		name = self.make()
		frappe.db.commit()  # the other connection has to see it
		with another_connection(self):
			self.assertEqual(api.redeliver(name), {"delivery": name})

	def test_nobody_writes_one_by_hand(self):
		doc = frappe.get_doc("Flow Delivery", self.make())
		doc.status = "delivered"
		self.assertRaises(FlowDeliveryIsReadOnly, doc.save)
		self.assertRaises(FlowDeliveryIsReadOnly, frappe.get_doc({"doctype": "Flow Delivery"}).insert)
		self.assertRaises(FlowDeliveryIsReadOnly, doc.delete)

	def test_it_never_keeps_a_document_from_being_deleted(self):
		name = self.make()
		job = frappe.db.get_value("Flow Delivery", name, "reference_name")
		frappe.delete_doc("Dispatch Job", job)
		frappe.db.commit()  # the worker's part is in transactions of its own
		send_due(get_host(), 30)
		self.assertEqual(frappe.db.get_value("Flow Delivery", name, "status"), "delivered")
		frappe.delete_doc("Flow Delivery", name)
		frappe.db.commit()  # what the worker wrote has been committed too

	def test_retention_clears_what_has_ended(self):
		long_ago = add_days(now_datetime(), -100)
		kept, gone = {}, {}
		for status in ("pending", "delivered", "failed", "cancelled"):
			for age, modified in (("old", long_ago), ("new", now_datetime())):
				name = self.make()
				frappe.db.sql(
					"update `tabFlow Delivery` set status = %s, modified = %s where name = %s",
					(status, modified, name),
				)
				(gone if age == "old" and status != "pending" else kept)[name] = (status, age)
		FlowDelivery.clear_old_logs(days=90)
		left = set(frappe.get_all("Flow Delivery", {"name": ("in", [*kept, *gone])}, pluck="name"))
		self.assertEqual(left, set(kept))

	def test_a_worker_does_not_wait_for_what_another_has_locked(self):
		held, free = self.make(), self.make()
		frappe.db.commit()  # the other connection has to see them
		with another_connection(self) as theirs:
			theirs.sql("select name from `tabFlow Delivery` where name = %s for update", (held,))
		claimed = {claim.name for claim in get_host().deliveries.claim(100, 60)}
		self.assertEqual(claimed & {held, free}, {free})

	def test_a_worker_finds_what_is_due_along_an_index(self):
		plan = frappe.db.sql(
			"explain select name from `tabFlow Delivery` where wake_at <= now() order by wake_at limit 20",
			as_dict=True,
		)
		self.assertIn("wake_at", plan[0].possible_keys)
