"""A test run on a real Contract of a site: it shows everything, and leaves no trace."""

from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import frappe
import requests
from frappe.tests.utils import FrappeTestCase
from frappe.utils.background_jobs import get_redis_conn

from flow_engine.api import editor
from flow_engine.engine.errors import DocumentNotFound, PermissionDenied
from flow_engine.engine.kinds.base import Effect, Kind
from flow_engine.engine.outcomes import Done
from flow_engine.frappe_host.host import compose_host
from flow_engine.frappe_host.tests.flows_for_tests import make_customer
from flow_engine.frappe_host.tests.people_for_tests import make_user
from flow_engine.frappe_host.tests.receivers import Gateway

TESTER, READER = "trying-tester", "trying-reader"


def step(id, kind, payload=None, **keys):
	return {"id": id, "kind": kind, "label": id.title(), "payload": payload or {}, **keys}


def flow(*steps, **trigger):
	return {"version": 1, "trigger": {"event": "manual", **trigger}, "variables": {}, "steps": list(steps)}


def site_state():
	"""Every table's checksum, and how many jobs are queued."""
	frappe.db.rollback()
	tables = [row[0] for row in frappe.db.sql("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'")]
	sums = {}
	for start in range(0, len(tables), 100):
		names = ", ".join(f"`{name}`" for name in tables[start : start + 100])
		sums.update(dict(frappe.db.sql(f"CHECKSUM TABLE {names}")))
	queue = get_redis_conn()
	jobs = {key: queue.llen(key) for key in queue.scan_iter("rq:queue:*")}
	return sums, jobs


class TestTrying(FrappeTestCase):
	def setUp(self):
		frappe.set_user("Administrator")
		self.gateway = Gateway()
		self.addCleanup(self.gateway.stop)
		self.tester = make_user(
			TESTER, "Flow Manager", "Sales Manager", "Sales User", "Support Team", "System Manager"
		)
		self.reader = make_user(READER, "Flow Manager", "Sales Manager")
		self.customer = make_customer()
		frappe.db.set_value("Customer", self.customer.name, "email_id", "ann@example.com")
		self.contract = frappe.get_doc(
			{
				"doctype": "Contract",
				"party_type": "Customer",
				"party_name": self.customer.name,
				"contract_terms": "<p>Fibre</p>",
				"start_date": "2026-12-01",
			}
		).insert()
		self.order = frappe.get_doc(
			{"doctype": "Dispatch Job", "subject": "There", "merge_key": "taken"}
		).insert()
		frappe.db.commit()  # a test run rolls the connection back, fixtures would go with it
		self.addCleanup(self.remove)

	def remove(self):
		frappe.set_user("Administrator")
		frappe.db.rollback()
		for doc in (self.order, self.contract, self.customer):
			frappe.delete_doc(doc.doctype, doc.name, force=True, ignore_permissions=True)
		for user in (self.tester, self.reader):
			frappe.delete_doc("User", user, force=True, ignore_permissions=True)
		frappe.db.commit()

	def try_out(self, definition, user=None, **given):
		about = {"doctype": "Contract", "docname": self.contract.name}
		with self.set_user(user or self.tester):
			return editor.test_run(definition=definition, **{**about, **given})

	def everything(self):
		return flow(
			step(
				"job",
				"dispatch_job",
				{
					"subject": "Install {{doc.name}}",
					"on_open_webhook": self.gateway.url,
					"merge_key": "m-{{doc.name}}",
				},
			),
			step(
				"again", "dispatch_job", {"subject": "b", "merge_key": "m-{{doc.name}}"}, depends_on=["job"]
			),
			step("joins", "dispatch_job", {"subject": "c", "merge_key": "taken"}),
			step("issue", "issue", {"subject": "Look at {{doc.name}}"}),
			step(
				"tell",
				"notify",
				{"channel": "email", "to": "{{customer.email_id}}", "subject": "Hello", "body": "Soon"},
			),
			step("text", "notify", {"channel": "sms", "to": "+15145550142", "body": "Soon"}),
			step(
				"call",
				"webhook",
				{"url": self.gateway.url, "method": "POST", "body_template": {"n": "{{doc.name}}"}},
			),
			step(
				"note",
				"erp_update",
				{
					"doctype": "Customer",
					"docname_ref": "{{customer.name}}",
					"fields_json": {"customer_details": "Installed"},
				},
			),
			step("later", "wait", depends_on=["note"], trigger={"type": "after_delay", "delay_days": 400}),
			step(
				"read",
				"condition",
				{"field": "customer.customer_details", "op": "==", "value": "Installed"},
				depends_on=["later"],
			),
		)

	def test_a_condition_reads_the_documents_that_only_the_test_run_made_or_changed(self):
		read = {
			"job": ("steps.job.document.status", "Open"),
			"note": ("steps.note.document.customer_details", "Installed"),
			"link": ("steps.job.document.customer.customer_name", self.customer.customer_name),
		}
		asks = [
			step(f"ask_{key}", "condition", {"field": path, "op": "==", "value": value}, depends_on=["note"])
			for key, (path, value) in read.items()
		]
		changed = {"doctype": "Customer", "docname_ref": self.customer.name}
		changed["fields_json"] = {"customer_details": "Installed"}
		outcome = self.try_out(
			flow(
				step("job", "dispatch_job", {"subject": "Installation"}),
				step("note", "erp_update", changed, depends_on=["job"]),
				*asks,
			)
		)
		for key, (path, value) in read.items():
			ended = outcome["steps"][f"ask_{key}"]
			self.assertEqual((ended["result"]["branch"], ended["read"]), ("yes", {path: value}), key)

	def test_a_test_run_on_a_real_contract_does_everything_and_leaves_no_trace(self):
		before = site_state()
		outcome = self.try_out(self.everything())
		self.assertEqual(outcome["run"]["status"], "completed", outcome["steps"])
		self.assertEqual({entry["status"] for entry in outcome["steps"].values()}, {"done"})
		self.assertEqual(site_state(), before)
		self.assertEqual(self.gateway.requests, [])
		steps = outcome["steps"]
		self.assertEqual(steps["read"]["read"], {"customer.customer_details": "Installed"})
		self.assertEqual(steps["tell"]["rendered"]["to"], "ann@example.com")
		self.assertTrue(steps["again"]["result"]["merged"])
		self.assertEqual(
			{key: steps["joins"]["result"][key] for key in ("name", "merged")},
			{"name": self.order.name, "merged": True},
		)
		made = {(d["doctype"], d["change"]) for d in outcome["documents"]}
		self.assertEqual(
			made,
			{
				("Dispatch Job", "created"),
				("Dispatch Job", "updated"),
				("Issue", "created"),
				("Customer", "updated"),
			},
		)
		channels = sorted(message["channel"] for message in outcome["messages"])
		self.assertEqual(channels, ["email", "http", "http", "sms"])

	def test_the_site_is_as_it_was_and_writable_afterwards(self):
		self.try_out(self.everything())
		self.assertFalse(frappe.flags.read_only)
		todo = frappe.get_doc({"doctype": "ToDo", "description": "Writable"}).insert()
		frappe.db.commit()
		frappe.delete_doc("ToDo", todo.name)
		frappe.db.commit()

	def test_it_reads_with_the_permissions_of_whoever_tries(self):
		definition = flow(step("issue", "issue", {"subject": "x"}))
		outcome = self.try_out(definition, user=self.reader)
		self.assertEqual(outcome["steps"]["issue"]["error"]["code"], "permission_denied")
		nobody = make_user("trying-nobody", "Flow Manager")
		frappe.db.commit()
		self.addCleanup(frappe.delete_doc, "User", nobody, force=True)
		with self.assertRaises(PermissionDenied):
			self.try_out(definition, user=nobody)
		with self.assertRaises(DocumentNotFound):
			self.try_out(definition, docname="no such contract")

	def test_what_the_site_would_refuse_fails_in_the_test_run(self):
		def update(doctype, name, **fields):
			return {"doctype": doctype, "docname_ref": name, "fields_json": fields}

		definition = flow(
			step("field", "erp_update", update("Customer", "{{customer.name}}", nothing="x")),
			step("choice", "erp_update", update("Customer", "{{customer.name}}", customer_type="Planet")),
			step("link", "erp_update", update("Customer", "{{customer.name}}", territory="Nowhere")),
			step("guard", "erp_update", update("User", "Administrator", bio="x")),
			step("fits", "erp_update", update("Contract", "{{doc.name}}", start_date="soon")),
		)
		steps = self.try_out(definition)["steps"]
		codes = {name: entry["error"]["code"] for name, entry in steps.items()}
		refused = "validation_failed"
		self.assertEqual(
			codes,
			{"field": refused, "choice": refused, "link": refused, "guard": "guard_refused", "fits": refused},
		)

	def test_a_condition_of_the_trigger_says_what_it_read(self):
		definition = flow(step("a", "wait"), condition={"field": "doc.is_signed", "op": "==", "value": 1})
		outcome = self.try_out(definition)
		self.assertEqual(
			(outcome["run"]["status"], outcome["run"]["read"]), ("not_started", {"doc.is_signed": 0})
		)
		outcome = self.try_out(definition, doc={"is_signed": 1})
		self.assertEqual(outcome["run"]["status"], "completed")

	# --- kinds that go around the ports -------------------------------------------------------------------

	@contextmanager
	def kind(self, handle, **keys):
		"""A kind of another app, on the site's host as the editor's door composes it."""
		kind = Kind("hostile", "Hostile", "bug", "#000000", effect=Effect.DATABASE, handle=handle, **keys)
		host = compose_host()
		host = replace(host, kinds={**host.kinds, "hostile": kind})
		host.templates.kinds = host.kinds
		with patch.object(editor, "get_host", lambda: host):
			yield

	def stopped(self, handle):
		"""The code that the step failed with; the site has to be as it was."""
		before = site_state()
		with self.kind(handle):
			outcome = self.try_out(flow(step("a", "hostile")))
		self.assertEqual(site_state(), before)
		self.assertFalse(frappe.flags.read_only)
		return (outcome["steps"]["a"]["error"] or {}).get("code")

	def test_a_kind_that_writes_by_itself_is_stopped(self):
		name = self.contract.name

		def insert(ctx):
			frappe.get_doc({"doctype": "ToDo", "description": "x"}).insert(ignore_permissions=True)
			return Done()

		def set_value(ctx):
			frappe.db.set_value("Contract", name, "contract_terms", "theirs")
			return Done()

		def sql(ctx):
			frappe.db.sql("update `tabContract` set contract_terms = 'theirs' where name = %s", name)
			return Done()

		for handle in (insert, set_value, sql):
			with self.subTest(handle.__name__):
				self.assertEqual(self.stopped(handle), "cannot_simulate")

	def test_a_kind_that_commits_by_itself_is_stopped_and_so_is_what_it_writes_after(self):
		name = self.contract.name

		def commit(ctx):
			frappe.db.commit()
			return Done()

		def around(ctx):
			cursor = frappe.db._cursor
			cursor.execute("COMMIT")
			cursor.execute("update `tabContract` set contract_terms = 'theirs' where name = %s", [name])
			cursor.execute("COMMIT")
			return Done()

		def swallowing(ctx):
			for statement in ("COMMIT", "START TRANSACTION"):
				try:
					frappe.db.sql(statement)
				except Exception:
					pass
			try:
				frappe.db.sql("delete from `tabContract` where name = %s", name)
			except Exception:
				pass
			return Done()

		self.assertEqual(self.stopped(commit), "handler_committed")
		self.assertTrue(self.stopped(around))
		self.assertTrue(self.stopped(swallowing))

	def test_a_kind_that_calls_or_queues_by_itself_reaches_nobody(self):
		def call(ctx):
			session = requests.Session()
			session.trust_env = False
			session.post(self.gateway.url, timeout=5)
			return Done()

		def mail(ctx):
			frappe.sendmail(recipients=["ann@example.com"], subject="x", message="x", now=True)
			return Done()

		def after_commit(ctx):
			frappe.db.after_commit.add(lambda: self.gateway.requests.append("told"))
			return Done()

		self.assertEqual(self.stopped(call), "cannot_simulate")
		self.assertTrue(self.stopped(mail))
		self.assertIsNone(self.stopped(after_commit))
		frappe.db.commit()
		self.assertEqual(self.gateway.requests, [])

	def test_a_kind_beyond_the_ports_needs_its_own_simulation(self):
		with self.kind(lambda ctx: Done(), beyond_ports=True):
			outcome = self.try_out(flow(step("a", "hostile")))
		self.assertEqual(outcome["steps"]["a"]["error"]["code"], "cannot_simulate")
		with self.kind(lambda ctx: Done(), beyond_ports=True, simulate=lambda ctx: Done({"tried": 1})):
			outcome = self.try_out(flow(step("a", "hostile")))
		self.assertEqual(outcome["steps"]["a"]["result"], {"tried": 1})

	def test_an_email_template_is_shown_as_it_would_be_sent(self):
		template = frappe.get_doc(
			{
				"doctype": "Email Template",
				"name": f"Trying {frappe.generate_hash(length=6)}",
				"subject": "Contract {{ doc.name }}",
				"response": "<p>Dear {{ customer.customer_name }}</p>",
			}
		).insert()
		frappe.db.commit()
		self.addCleanup(frappe.delete_doc, "Email Template", template.name, force=True)
		outcome = self.try_out(
			flow(
				step("a", "notify", {"channel": "email", "to": "x@example.com", "template_id": template.name})
			)
		)
		message = outcome["messages"][0]
		self.assertEqual(message["subject"], f"Contract {self.contract.name}")
		self.assertIn(self.customer.customer_name, message["body"])
