"""What tests of document events share: a case that leaves no trace, and what happens around a save."""

import json
from unittest.mock import patch

import frappe
import pymysql
from frappe.tests.utils import FrappeTestCase

from flow_engine.frappe_host import trigger_cache
from flow_engine.frappe_host.harmless import FAILURE_TITLE
from flow_engine.frappe_host.tests.flows_for_tests import (
	make_todo,
)


class EventsTestCase(FrappeTestCase):
	def setUp(self):
		# What these transactions see is never committed, so it is kept from everybody else's cache.
		for name in ("KEY", "GENERATION"):
			private = patch.object(trigger_cache, name, f"{getattr(trigger_cache, name)}_of_tests")
			private.start()
			self.addCleanup(private.stop)
		self.addCleanup(start_afresh)
		start_afresh()


def start_afresh():
	frappe.db.rollback()
	# The table of the Error Log knows no transactions, so what was reported stays.
	for ours in ("Test %", "%RuntimeError('a bug')%", "dispatch_event(%"):
		frappe.db.delete("Error Log", {"method": FAILURE_TITLE, "error": ("like", ours)})
	frappe.cache.hdel("workflow", "Event")
	new_request()
	trigger_cache._new_generation()
	frappe.flags.flow_engine_run = None
	frappe.flags.in_import = frappe.flags.in_patch = False
	frappe.local.flow_engine_said_off = False
	frappe.set_user("Administrator")


class also_at:
	"""Another app's handler of a document event, for as long as the block."""

	def __init__(self, doctype, event, handler):
		self.doctype, self.event, self.handler = doctype, event, handler

	def __enter__(self):
		self.hooks = frappe.get_doc_hooks
		added = json.loads(json.dumps(self.hooks()))
		added.setdefault(self.doctype, {}).setdefault(self.event, []).append("a.test.handler")
		resolve = frappe.get_attr
		self.patches = (
			patch.object(frappe, "get_doc_hooks", lambda: added),
			patch.object(
				frappe, "get_attr", lambda path: self.handler if path == "a.test.handler" else resolve(path)
			),
		)
		for each in self.patches:
			each.start()

	def __exit__(self, *error):
		for each in self.patches:
			each.stop()


class switched_off:
	def __init__(self, switch):
		self.switch = switch

	def __enter__(self):
		if self.switch == "site_config":
			frappe.conf.flow_engine_disabled = 1
		else:
			self._set(1)

	def __exit__(self, *error):
		if self.switch == "site_config":
			frappe.conf.pop("flow_engine_disabled")
		else:
			self._set(0)

	def _set(self, disabled):
		settings = frappe.get_doc("Flow Engine Settings")
		settings.disabled = disabled
		settings.save()


def second_connection():
	conf = frappe.conf
	return pymysql.connect(
		host=conf.db_host or "127.0.0.1",
		port=int(conf.db_port or 3306),
		unix_socket=conf.get("db_socket") or None,
		user=conf.db_name,
		password=conf.db_password,
		database=conf.db_name,
	)


def remove(flow, run, todo):
	frappe.db.rollback()
	frappe.db.sql("set session innodb_lock_wait_timeout = default")
	for doctype, name in (
		("Flow Run", run),
		("Flow Template Version", f"{flow}-v1"),
		("Flow Template", flow),
	):
		frappe.db.delete(doctype, {"name": name})
	frappe.delete_doc("ToDo", todo, ignore_missing=True)
	frappe.db.commit()  # what this test has committed is taken back


def transaction_ends():
	"""What a commit does to what was remembered, without committing a test's documents."""
	frappe.db.after_commit.run()


def new_request():
	if hasattr(frappe.local, trigger_cache._LOCAL):
		delattr(frappe.local, trigger_cache._LOCAL)


def save_a_todo():
	todo = make_todo()
	todo.priority = "High"
	todo.save()
	todo.db_set("status", "Closed")


def queries(work, without_hooks=False):
	"""The statements that `work` makes, values left out."""
	made = []
	run = type(frappe.local.db).sql

	def counted(database, query, *args, **kwargs):
		made.append(str(query).split("where")[0].split("VALUES")[0])
		return run(database, query, *args, **kwargs)

	work()  # whatever is loaded once has been loaded
	hooks = frappe.get_doc_hooks()
	if without_hooks:
		hooks = {
			doctype: {
				event: [path for path in paths if not path.startswith("flow_engine.")]
				for event, paths in handlers.items()
			}
			for doctype, handlers in hooks.items()
		}
	with (
		patch.object(frappe, "get_doc_hooks", lambda: hooks),
		patch.object(type(frappe.local.db), "sql", counted),
	):
		work()
	return made


def stranger() -> str:
	"""Somebody who may read no ToDo of somebody else."""
	user = frappe.get_doc(
		{
			"doctype": "User",
			"email": f"{frappe.generate_hash(length=8)}@flows.example",
			"first_name": "Stranger",
			"send_welcome_email": 0,
			"roles": [{"role": "Flow Manager"}],
		}
	).insert(ignore_permissions=True)
	return user.name


def make_workflow():
	for state in ("Open", "Closed", "Cancelled"):
		if not frappe.db.exists("Workflow State", state):
			frappe.get_doc({"doctype": "Workflow State", "workflow_state_name": state}).insert()
	if not frappe.db.exists("Workflow Action Master", "Finish"):
		frappe.get_doc({"doctype": "Workflow Action Master", "workflow_action_name": "Finish"}).insert()
	frappe.get_doc(
		{
			"doctype": "Workflow",
			"workflow_name": f"Test {frappe.generate_hash(length=8)}",
			"document_type": "Event",
			"is_active": 1,
			"workflow_state_field": "status",
			"states": [
				{"state": state, "doc_status": "0", "allow_edit": "System Manager"}
				for state in ("Open", "Closed")
			],
			"transitions": [
				{
					"state": "Open",
					"action": "Finish",
					"next_state": "Closed",
					"allowed": "System Manager",
					"allow_self_approval": 1,
				}
			],
		}
	).insert()
