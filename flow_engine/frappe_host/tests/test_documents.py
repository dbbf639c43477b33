"""Documents of a site as flows read and change them, on real documents."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import frappe
from frappe.tests.utils import FrappeTestCase, patch_hooks
from frappe.utils import add_days, nowdate

from flow_engine.engine.errors import (
	Conflict,
	DocumentNotFound,
	GuardRefused,
	HandlerCommitted,
	PermissionDenied,
	TransientDatabaseError,
	UnknownDocType,
	ValidationFailed,
)
from flow_engine.frappe_host.acting import forbid_commit
from flow_engine.frappe_host.document_values import fitting
from flow_engine.frappe_host.documents import FrappeDocuments
from flow_engine.frappe_host.foreign_errors import translated
from flow_engine.frappe_host.tests.other_connections import another_connection
from flow_engine.frappe_host.tests.people_for_tests import make_user

COMPANY = "Fibre Test"


def make_customer(name: str) -> str:
	customer = frappe.get_doc({"doctype": "Customer", "customer_name": name, "customer_type": "Individual"})
	return customer.insert().name


def make_sales_order(customer: str, submit: bool = False):
	if not frappe.db.exists("Item", "FLOW-FIBRE"):
		frappe.get_doc(
			{
				"doctype": "Item",
				"item_code": "FLOW-FIBRE",
				"item_group": frappe.db.get_value("Item Group", {"is_group": 0}),
				"stock_uom": "Nos",
				"is_stock_item": 0,
			}
		).insert()
	order = frappe.get_doc(
		{
			"doctype": "Sales Order",
			"company": COMPANY,
			"customer": customer,
			"transaction_date": nowdate(),
			"delivery_date": add_days(nowdate(), 7),
			"items": [{"item_code": "FLOW-FIBRE", "qty": 1, "rate": 50}],
		}
	).insert()
	if submit:
		order.submit()
	return order


class DocumentCase(FrappeTestCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.documents = FrappeDocuments()
		cls.desk = make_user("documents-desk", "Purchase User")
		cls.support = make_user("documents-support", "Support Team")
		cls.sales = make_user("documents-sales", "Sales User")
		cls.boss = make_user("documents-boss", "Sales User", "Sales Manager", "System Manager")
		cls.dispatcher = make_user("documents-dispatcher", "Flow User")

	def note(self, owner: str | None = None, **values):
		with self.documents.acting_as(owner or "Administrator"):
			return self.documents.insert("Note", {"title": frappe.generate_hash(length=12), **values})


class TestReading(DocumentCase):
	def test_values_are_plain_json(self):
		order = make_sales_order(make_customer("Flow Reading"))
		values = self.documents.get("Sales Order", order.name)
		self.assertEqual(values["transaction_date"], nowdate())
		self.assertRegex(values["creation"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")
		self.assertEqual(values["grand_total"], 50.0)
		self.assertEqual((values["docstatus"], type(values["docstatus"])), (0, int))
		self.assertEqual((values["doctype"], values["name"]), ("Sales Order", order.name))
		row = values["items"][0]
		self.assertEqual((row["item_code"], row["qty"], row["idx"]), ("FLOW-FIBRE", 1.0, 1))
		self.assertFalse({"parent", "parenttype", "owner", "docstatus"} & set(row))
		self.assertFalse([name for name in values if name.startswith("_")])
		self.assertEqual(frappe.parse_json(frappe.as_json(values)), values)

	def test_a_document_is_read_as_it_is_now(self):
		note = self.note(content="first")
		frappe.get_cached_doc("Note", note["name"])
		frappe.db.sql("update `tabNote` set content = 'second' where name = %s", note["name"])
		self.assertEqual(self.documents.get("Note", note["name"])["content"], "second")

	def test_what_may_not_be_read_is_denied_and_fields_above_the_level_are_not_there(self):
		order = make_sales_order(make_customer("Flow Levels"))
		with self.documents.acting_as(self.support), self.assertRaises(PermissionDenied):
			self.documents.get("Sales Order", order.name)
		with self.documents.acting_as(self.sales):
			values = self.documents.get("Sales Order", order.name)
			self.assertEqual(values["customer"], order.customer)
			self.assertNotIn("ignore_pricing_rule", values)
		with self.documents.acting_as(self.boss):
			self.assertIn("ignore_pricing_rule", self.documents.get("Sales Order", order.name))

	def test_reading_as_another_user_leaves_the_session_alone(self):
		order = make_sales_order(make_customer("Flow Read As"))
		frappe.local.session.data = marker = frappe._dict(csrf_token="kept")
		self.assertNotIn("ignore_pricing_rule", self.documents.read_as(self.sales, "Sales Order", order.name))
		self.assertRaises(PermissionDenied, self.documents.read_as, self.support, "Sales Order", order.name)
		self.assertEqual(frappe.session.user, "Administrator")
		self.assertIs(frappe.local.session.data, marker)

	def test_passwords_are_never_read(self):
		self.assertNotIn("new_password", self.documents.get("User", self.sales))

	def test_what_is_not_there_is_named(self):
		cases = (
			("Note", "no such note", DocumentNotFound),
			("Note", "", DocumentNotFound),
			("No Such DocType", "x", UnknownDocType),
			("note", "x", UnknownDocType),
			("", "x", UnknownDocType),
			("System Settings", "System Settings", GuardRefused),
			("Sales Order Item", "x", GuardRefused),
		)
		for doctype, name, error in cases:
			with self.subTest(doctype=doctype, name=name):
				self.assertRaises(error, self.documents.get, doctype, name)

	def test_finding_is_by_equality_oldest_first_and_as_the_acting_user(self):
		mark = frappe.generate_hash(length=12)
		issues = []
		for number in range(3):
			issue = frappe.get_doc({"doctype": "Issue", "subject": mark}).insert()
			issue.db_set("creation", f"2026-01-0{3 - number} 10:00:00", update_modified=False)
			issues.append(issue.name)
		self.assertEqual(self.documents.find("Issue", {"subject": mark}), issues[::-1])
		self.assertEqual(self.documents.find("Issue", {"subject": mark}, limit=1), [issues[2]])
		self.assertEqual(self.documents.find("Issue", {"subject": mark[:-1] + "%"}), [])
		with self.documents.acting_as(self.support):
			self.assertEqual(len(self.documents.find("Issue", {"subject": mark})), 3)
		with self.documents.acting_as(self.desk), self.assertRaises(PermissionDenied):
			self.documents.find("Issue", {"subject": mark})

	def test_finding_by_unknown_or_hidden_fields_is_refused(self):
		self.assertRaises(ValidationFailed, self.documents.find, "Issue", {"no_such_field": 1})
		with self.documents.acting_as(self.sales), self.assertRaises(PermissionDenied):
			self.documents.find("Sales Order", {"ignore_pricing_rule": 1})


class TestWriting(DocumentCase):
	def test_a_document_is_created_with_the_acting_users_permission(self):
		with self.documents.acting_as(self.support):
			issue = self.documents.insert("Issue", {"subject": "No signal"})
		self.assertEqual(frappe.db.get_value("Issue", issue["name"], "owner"), self.support)
		with self.documents.acting_as(self.desk), self.assertRaises(PermissionDenied):
			self.documents.insert("Issue", {"subject": "No signal"})

	def test_the_triggering_user_needs_the_permission_too(self):
		with self.documents.acting_as(self.support, also=self.desk):
			self.assertRaises(PermissionDenied, self.documents.insert, "Issue", {"subject": "Both"})
		note = self.note(public=1)
		with self.documents.acting_as("Administrator", also=self.desk):
			self.assertRaises(PermissionDenied, self.documents.update, "Note", note["name"], {"content": "x"})
		with self.documents.acting_as("Administrator", also=self.boss):
			self.documents.update("Note", note["name"], {"public": 0})
		own = self.note(self.desk)
		with self.documents.acting_as("Administrator", also=self.desk):
			self.documents.update("Note", own["name"], {"content": "theirs"})
			self.assertRaises(GuardRefused, self.documents.update, "Note", own["name"], {"public": 1})

	def test_a_field_above_the_users_level_is_refused_and_not_dropped(self):
		own = self.note(self.desk)
		with self.documents.acting_as(self.desk):
			self.documents.update("Note", own["name"], {"content": "mine"})
			self.assertRaises(GuardRefused, self.documents.update, "Note", own["name"], {"public": 1})
			self.assertRaises(GuardRefused, self.documents.insert, "Note", {"title": "x", "public": 1})
		self.assertEqual(frappe.db.get_value("Note", own["name"], ["content", "public"]), ("mine", 0))

	def test_what_no_flow_may_write(self):
		user, note = self.sales, self.note()["name"]
		refused = (
			("User", user, {"first_name": "x"}),
			("Role", "Flow User", {"disabled": 1}),
			("DocType", "Note", {"description": "x"}),
			("Custom Field", "x", {"label": "x"}),
			("Server Script", "x", {"script": "x"}),
			("Email Template", "Dispatch Notification", {"subject": "x"}),
			("Webhook", "x", {"enabled": 1}),
			("Workflow", "x", {"is_active": 1}),
			("Print Format", "x", {"html": "x"}),
			("Web Page", "x", {"title": "x"}),
			("Auto Repeat", "x", {"disabled": 1}),
			("System Settings", "System Settings", {"country": "Canada"}),
			("SMS Settings", "SMS Settings", {"use_post": 1}),
			("Sales Order Item", "x", {"rate": 1}),
			("Flow Template", "x", {"is_active": 1}),
			("Flow Run", "x", {"status": "completed"}),
			("Flow Secret", "x", {"note": "x"}),
			("Note", note, {"docstatus": 1}),
			("Note", note, {"owner": user}),
			("Note", note, {"name": "x"}),
			("Note", note, {"modified": "2020-01-01"}),
			("Note", note, {"_user_tags": "x"}),
			("Note", note, {"seen_by": [{"parent": "another"}]}),
			("Email Account", "x", {"password": "x"}),
		)
		for doctype, name, values in refused:
			with self.subTest(doctype=doctype, values=values):
				self.assertRaises(GuardRefused, self.documents.update, doctype, name, values)
		for doctype in ("User", "Flow Run", "System Settings", "Sales Order Item"):
			with self.subTest(insert=doctype):
				self.assertRaises(GuardRefused, self.documents.insert, doctype, {})

	def test_everyday_documents_of_the_framework_may_be_written(self):
		todo = self.documents.insert("ToDo", {"description": "call"})
		self.assertEqual(
			self.documents.update("ToDo", todo["name"], {"status": "Closed"})["status"], "Closed"
		)
		for doctype, values in (
			("Event", {"subject": "visit", "starts_on": "2026-03-01T10:00:00"}),
			("Contact", {"first_name": "Flow"}),
			(
				"Address",
				{"address_title": "Flow", "address_line1": "1 Rue", "city": "Laval", "country": "Canada"},
			),
		):
			with self.subTest(doctype=doctype):
				self.assertTrue(self.documents.insert(doctype, values)["name"])

	def test_an_unknown_field_is_named_and_layout_is_not_a_field(self):
		note = self.note()["name"]
		for field in ("no_such_field", "seen_by_section"):
			with self.assertRaises(ValidationFailed) as caught:
				self.documents.update("Note", note, {field: 1})
			self.assertEqual(caught.exception.field, field)

	def test_the_documents_own_rules_are_told_in_plain_words(self):
		issue = self.documents.insert("Issue", {"subject": "x"})["name"]
		cases = (
			("insert", ("Issue", {}), ValidationFailed),
			("update", ("Issue", issue, {"status": "Nonsense"}), ValidationFailed),
			("update", ("Issue", issue, {"customer": "nobody <b>at all</b>"}), ValidationFailed),
			("update", ("Issue", issue, {"subject": "x" * 500}), ValidationFailed),
			("update", ("Issue", "ISS-none", {"subject": "x"}), DocumentNotFound),
		)
		for method, arguments, error in cases:
			with self.subTest(arguments=arguments):
				messages = list(frappe.local.message_log)
				with self.assertRaises(error) as caught:
					getattr(self.documents, method)(*arguments)
				self.assertTrue(caught.exception.message)
				self.assertNotIn("Traceback", caught.exception.message)
				self.assertNotIn("<", caught.exception.message)
				self.assertEqual(frappe.local.message_log, messages)

	def test_a_submitted_document_takes_only_what_may_change_after_submit(self):
		order = make_sales_order(make_customer("Flow Submitted"), submit=True)
		self.documents.update("Sales Order", order.name, {"po_no": "PO-7"})
		self.assertEqual(frappe.db.get_value("Sales Order", order.name, "po_no"), "PO-7")
		with self.assertRaises(ValidationFailed):
			self.documents.update("Sales Order", order.name, {"transaction_date": add_days(nowdate(), -1)})
		order.reload().cancel()
		self.assertRaises(ValidationFailed, self.documents.update, "Sales Order", order.name, {"po_no": "x"})

	def test_a_row_is_added_to_a_table_of_its_document(self):
		customer = make_customer("Flow Rows")
		with self.documents.acting_as(self.dispatcher):
			job = self.documents.insert("Dispatch Job", {"subject": "Install", "priority": "medium"})
			after = self.documents.add_row(
				"Dispatch Job",
				job["name"],
				"merged_requests",
				{"subject": "Second", "requested_on": "2026-07-01T12:00:00+00:00"},
			)
		self.assertEqual([row["subject"] for row in after["merged_requests"]], ["Second"])
		# The site is in Toronto.
		self.assertEqual(after["merged_requests"][0]["requested_on"], "2026-07-01T08:00:00")
		for table, row, error in (
			("no_table", {}, ValidationFailed),
			("subject", {}, ValidationFailed),
			("merged_requests", {"nonsense": 1}, ValidationFailed),
			("merged_requests", {"parent": customer}, GuardRefused),
		):
			with self.subTest(table=table, row=row), self.assertRaises(error):
				self.documents.add_row("Dispatch Job", job["name"], table, row)

	def test_a_table_is_replaced_through_its_document(self):
		job = self.documents.insert("Dispatch Job", {"subject": "x", "merged_requests": [{"subject": "a"}]})
		after = self.documents.update(
			"Dispatch Job", job["name"], {"merged_requests": [{"subject": "b"}, {"subject": "c"}]}
		)
		self.assertEqual([row["subject"] for row in after["merged_requests"]], ["b", "c"])
		self.assertRaises(
			ValidationFailed, self.documents.update, "Dispatch Job", job["name"], {"merged_requests": "b"}
		)

	def test_a_second_open_job_with_the_same_merge_key_is_a_conflict(self):
		key = frappe.generate_hash(length=12)
		self.documents.insert("Dispatch Job", {"subject": "x", "merge_key": key})
		self.assertRaises(Conflict, self.documents.insert, "Dispatch Job", {"subject": "y", "merge_key": key})

	def test_a_name_that_is_taken_is_a_conflict(self):
		name = frappe.generate_hash(length=12)
		self.documents.insert("Issue Priority", {"name": name})
		self.assertRaises(Conflict, self.documents.insert, "Issue Priority", {"name": name})

	def test_only_listed_methods_are_run(self):
		for doctype, method in (
			("Subscription", "cancel_subscription"),
			("Subscription", "delete"),
			("Note", "save"),
			("Issue", "db_set"),
		):
			with self.subTest(doctype=doctype, method=method):
				self.assertRaises(GuardRefused, self.documents.call, doctype, "x", method)

	def test_another_app_lists_methods_of_its_own_documents(self):
		issue = self.documents.insert("Issue", {"subject": "x"})["name"]
		listed = {"flow_engine_methods": {"Issue": ["set_title_field", "gone_since"]}}
		with patch_hooks(listed):
			self.assertEqual(self.documents.call("Issue", issue, "set_title_field")["name"], issue)
			self.assertRaises(GuardRefused, self.documents.call, "Issue", issue, "gone_since")
			self.assertRaises(GuardRefused, self.documents.call, "Issue", issue, "delete")
		self.assertRaises(GuardRefused, self.documents.call, "Issue", issue, "set_title_field")

	def test_a_cancelled_subscription_is_restarted_by_its_own_method(self):
		customer = make_customer("Flow Subscriber")
		subscription = make_subscription(customer)
		subscription.cancel_subscription()
		with self.documents.acting_as(self.desk), self.assertRaises(PermissionDenied):
			self.documents.call("Subscription", subscription.name, "restart_subscription")
		after = self.documents.call("Subscription", subscription.name, "restart_subscription")
		self.assertEqual(after["status"], "Active")
		self.assertRaises(
			ValidationFailed, self.documents.call, "Subscription", subscription.name, "restart_subscription"
		)

	def test_a_trial_is_ended_and_billing_begins_today(self):
		customer = make_customer("Flow Trial")
		for days_ago, start in ((3, -3), (3, 0), (0, 0), (3, 5)):
			with self.subTest(days_ago=days_ago, start=start):
				subscription = make_subscription(
					customer,
					start_date=add_days(nowdate(), start),
					trial_period_start=add_days(nowdate(), -days_ago),
					trial_period_end=add_days(nowdate(), 20),
					days_until_due=14,
					generate_invoice_at="Beginning of the current subscription period",
				)
				self.assertEqual(subscription.status, "Trialling")
				with forbid_commit():
					after = self.documents.call("Subscription", subscription.name, "end_trial")
				self.assertEqual(after["status"], "Active")
				self.assertGreaterEqual(after["current_invoice_start"], nowdate())
				billed = frappe.get_all(
					"Sales Invoice", {"subscription": subscription.name}, pluck="from_date"
				)
				self.assertEqual([str(day) for day in billed], [nowdate()] if start <= 0 else [])
				# The scheduler looks at it again, and finds nothing else to say.
				subscription.reload().process(nowdate())
				self.assertEqual(subscription.status, "Active")
				self.assertRaises(
					ValidationFailed, self.documents.call, "Subscription", subscription.name, "end_trial"
				)


def make_subscription(customer: str, **values):
	if not frappe.db.exists("Subscription Plan", "Flow Plan"):
		make_sales_order(customer)
		frappe.get_doc(
			{
				"doctype": "Subscription Plan",
				"plan_name": "Flow Plan",
				"item": "FLOW-FIBRE",
				"price_determination": "Fixed Rate",
				"cost": 50,
				"currency": "CAD",
				"billing_interval": "Month",
				"billing_interval_count": 1,
			}
		).insert()
	return frappe.get_doc(
		{
			"doctype": "Subscription",
			"party_type": "Customer",
			"party": customer,
			"company": COMPANY,
			"start_date": nowdate(),
			**values,
			"plans": [{"plan": "Flow Plan", "qty": 1}],
		}
	).insert()


class TestValuesThatFit(FrappeTestCase):
	def test_a_value_becomes_what_its_field_stores(self):
		rows = (
			("Int", "7", 7),
			("Int", 7.0, 7),
			("Int", "", None),
			("Float", "1.5", 1.5),
			("Currency", Decimal("9.90"), 9.9),
			("Check", True, 1),
			("Check", "no", 0),
			("Check", "", 0),
			("Date", "2026-02-28", "2026-02-28"),
			("Date", "2026-02-28T23:30:00", "2026-02-28"),
			("Date", "2026-03-01T03:00:00Z", "2026-02-28"),
			("Date", date(2026, 1, 2), "2026-01-02"),
			("Date", "", None),
			("Datetime", "2026-07-01T12:00:00+00:00", "2026-07-01 08:00:00"),
			("Datetime", "2026-07-01", "2026-07-01 00:00:00"),
			("Datetime", datetime(2026, 7, 1, 9), "2026-07-01 09:00:00"),
			("Time", "9:05", "09:05:00"),
			("Time", timedelta(hours=9), "09:00:00"),
			("Data", 12.0, "12"),
			("Data", True, "1"),
			("Data", None, None),
			("Link", "CUST-1", "CUST-1"),
			("Code", {"a": 1}, '{"a": 1}'),
		)
		for fieldtype, value, stored in rows:
			with self.subTest(fieldtype=fieldtype, value=value):
				field = frappe._dict(fieldname="f", fieldtype=fieldtype)
				self.assertEqual(fitting(field, value), stored)

	def test_a_value_that_does_not_fit_is_refused(self):
		rows = (
			("Int", "seven"),
			("Int", 1.5),
			("Float", "1,5"),
			("Float", float("nan")),
			("Currency", float("inf")),
			("Check", "perhaps"),
			("Date", "tomorrow"),
			("Date", "2026-02-30"),
			("Datetime", "01/02/2026"),
			("Time", "noon"),
			("Data", {"a": 1}),
			("Link", ["a"]),
		)
		for fieldtype, value in rows:
			with self.subTest(fieldtype=fieldtype, value=value), self.assertRaises(ValidationFailed):
				fitting(frappe._dict(fieldname="f", fieldtype=fieldtype), value)


class TestBesideOthers(DocumentCase):
	"""With a second connection; the note is committed and removed again."""

	def setUp(self):
		frappe.db.rollback()
		self.name = self.note(content="first")["name"]
		frappe.db.commit()
		self.addCleanup(self.remove)

	def remove(self):
		frappe.db.rollback()
		frappe.delete_doc("Note", self.name, force=True, delete_permanently=True)
		frappe.db.commit()

	def someone_else_saves(self, content: str):
		with another_connection(self):
			note = frappe.get_doc("Note", self.name)
			note.content = content
			note.save()
			frappe.db.commit()

	def test_an_update_starts_from_what_others_committed_last(self):
		frappe.db.get_value("Note", self.name, "content")  # this transaction's snapshot begins here
		self.someone_else_saves("second")
		after = self.documents.update("Note", self.name, {"public": 1})
		self.assertEqual((after["content"], after["public"]), ("second", 1))

	def test_a_document_saved_on_top_of_somebody_elses_change_is_a_conflict(self):
		stale = frappe.get_doc("Note", self.name)
		self.someone_else_saves("second")
		with self.assertRaises(Conflict), translated("Saving"):
			stale.save()

	def test_a_lock_that_is_not_had_in_time_repeats_the_transaction(self):
		with another_connection(self):
			frappe.db.sql("select name from `tabNote` where name = %s for update", self.name)
		frappe.db.sql("set session innodb_lock_wait_timeout = 1")
		self.addCleanup(frappe.db.sql, "set session innodb_lock_wait_timeout = default")
		self.assertRaises(TransientDatabaseError, self.documents.update, "Note", self.name, {"content": "x"})

	def test_statements_that_commit_by_accident_are_the_handlers_error(self):
		with self.assertRaises(HandlerCommitted), translated("Altering"):
			self.documents.update("Note", self.name, {"content": "x"})
			frappe.db.sql("alter table `tabNote` add column flow_engine_never int")
