"""Operations on a site: the loop guard on real documents, bulk jobs, pausing, and a trail nobody rewrites."""

import json
from unittest.mock import patch

import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.api import runs as runs_api
from flow_engine.api import templates as templates_api
from flow_engine.engine.draining import drain
from flow_engine.engine.errors import BadInput, NotAllowed, RunNotEnded
from flow_engine.flow_engine.doctype.flow_audit_event.flow_audit_event import (
	AuditIsAppendOnly,
	FlowAuditEvent,
)
from flow_engine.frappe_host import bulk, starting, trigger_cache
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.tests.flows_for_tests import make_flow, make_todo, runs_of
from flow_engine.frappe_host.tests.people_for_tests import make_user
from flow_engine.service.lineage import ARROW


class OperationsTestCase(FrappeTestCase):
	"""Runs are advanced in transactions of their own, so what is made here is committed, and removed again.
	Workers of the bench stand still meanwhile: the kill switch is on, and only this process does not ask."""

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.switched = frappe.db.get_single_value("Flow Engine Settings", "disabled")
		switch(True)

	@classmethod
	def tearDownClass(cls):
		switch(bool(cls.switched))
		super().tearDownClass()

	def setUp(self):
		for asked, name in (
			(starting, "is_switched_off"),
			(runs_api, "is_disabled"),
			(bulk, "is_disabled"),
		):
			ignored = patch.object(asked, name, return_value=False)
			ignored.start()
			self.addCleanup(ignored.stop)
		self.templates: list[str] = []
		for name in ("KEY", "GENERATION"):
			private = patch.object(trigger_cache, name, f"{getattr(trigger_cache, name)}_of_operations")
			private.start()
			self.addCleanup(private.stop)
		frappe.set_user("Administrator")
		self.bulk_before = [*frappe.get_all("Flow Bulk Operation", pluck="name"), ""]
		self.mark = frappe.generate_hash(length=10)
		self.addCleanup(self.remove_what_was_made)
		trigger_cache._after_rollback()

	def remove_what_was_made(self):
		frappe.db.rollback()
		frappe.set_user("Administrator")
		for template in self.templates:
			runs = frappe.get_all("Flow Run", {"flow_template": template}, pluck="name") or [""]
			for doctype in ("Flow Step Log", "Flow Step Pending"):
				frappe.db.delete(doctype, {"flow_run": ("in", runs)})
			frappe.db.delete("Flow Run Document", {"parent": ("in", runs)})
			frappe.db.delete("ToDo", {"reference_type": "Flow Run", "reference_name": ("in", runs)})
			frappe.db.delete("Notification Log", {"document_name": ("in", [*runs, template])})
			for doctype in ("Flow Audit Event", "Flow Run", "Flow Template Version"):
				frappe.db.delete(doctype, {"flow_template": template})
			frappe.db.delete("Flow Template", {"name": template})
		frappe.db.delete("Flow Bulk Operation", {"name": ("not in", self.bulk_before)})
		frappe.db.delete("ToDo", {"description": ("like", f"%{self.mark}%")})
		frappe.db.delete("Issue", {"subject": ("like", f"%{self.mark}%")})
		frappe.db.commit()  # the site is left as it was found
		trigger_cache._after_rollback()

	def flow(self, *steps, title="", template=None, **trigger):
		"""A published, active flow; removed after the test."""
		name = make_flow(template={"template_name": f"{title} {self.mark}", **(template or {})}, **trigger)
		self.templates.append(name)
		if steps:
			doc = frappe.get_doc("Flow Template", name)
			definition = json.loads(doc.flow_definition)
			definition["steps"] = list(steps)
			doc.flow_definition = json.dumps(definition)
			doc.flags.flow_publish = True
			doc.save()
		frappe.db.commit()  # workers' transactions have to see it
		return name

	def waiting_runs(self, count):
		"""Runs of one flow that wait for a person."""
		flow = self.flow(event="manual", title=f"Waits {len(self.templates)}")
		runs = [runs_api.start(template=flow)["run"] for _ in range(count)]
		frappe.db.commit()  # others' transactions have to see them
		for run in runs:
			drain(get_host(), 30, only=run)
		return flow, runs

	def drained(self, flow):
		"""Advance this flow's runs until none is due."""
		for _ in range(30):
			frappe.db.rollback()
			due = [
				run.name
				for run in frappe.get_all("Flow Run", {"flow_template": flow, "wake_at": ("is", "set")})
			]
			for run in due:
				drain(get_host(), 30, only=run)
			if not due:
				return

	def audited(self, **filters):
		frappe.db.rollback()
		return frappe.get_all(
			"Flow Audit Event", filters, ["event_type", "user", "reason", "details"], order_by="creation"
		)


def switch(disabled: bool) -> None:
	frappe.db.set_single_value("Flow Engine Settings", "disabled", int(disabled))
	frappe.db.commit()  # workers have to see it


def opens_issue(subject):
	return {
		"id": "again",
		"kind": "issue",
		"label": "Open an issue",
		"trigger": {"type": "on_flow_start"},
		"payload": {"subject": subject},
	}


class TestLoops(OperationsTestCase):
	def chain(self, *titles, limit=3):
		"""Flows of which each opens an issue that starts the next; the last starts the first."""
		flows = []
		for place, title in enumerate(titles):
			following = (place + 1) % len(titles)
			condition = {"field": "doc.subject", "op": "==", "value": f"{place} {self.mark}"}
			flows.append(
				self.flow(
					opens_issue(f"{following} {self.mark}"),
					title=title,
					event="on_issue_opened",
					condition=condition,
					template={"recursion_limit": limit},
				)
			)
		return flows

	def open_first(self):
		frappe.get_doc({"doctype": "Issue", "subject": f"0 {self.mark}"}).insert()
		frappe.db.commit()  # the runs are a worker's

	def run_all(self, flows):
		for _ in range(12):
			for flow in flows:
				self.drained(flow)

	def test_a_flow_that_starts_itself_is_cut_and_the_path_is_shown(self):
		(flow,) = self.chain("A")
		self.open_first()
		self.run_all([flow])
		self.assertEqual([run.depth for run in runs_of(flow)], [0, 1, 2])
		self.assertEqual({run.root_run for run in runs_of(flow)}, {runs_of(flow)[0].name})
		(cut,) = self.audited(event_type="run.cut", flow_template=flow)
		path = ARROW.join([f"A {self.mark}"] * 4)
		self.assertEqual((cut.user, json.loads(cut.details)["path"]), (None, path))
		self.assertIn(path, cut.reason)
		# The run that would have gone on is well, and so is the document that would have started the next.
		self.assertEqual(
			frappe.get_all("Flow Run", {"flow_template": flow}, pluck="status"), ["completed"] * 3
		)
		self.assertEqual(frappe.db.count("Issue", {"subject": f"0 {self.mark}"}), 4)

	def test_two_flows_that_start_each_other_are_cut(self):
		first, second = self.chain("A", "B", limit=2)
		self.open_first()
		self.run_all([first, second])
		self.assertEqual((len(runs_of(first)), len(runs_of(second))), (2, 2))
		(cut,) = self.audited(event_type="run.cut", flow_template=first)
		names = [f"{title} {self.mark}" for title in "ABABA"]
		self.assertEqual(json.loads(cut.details)["path"], ARROW.join(names))

	def test_a_chain_of_different_flows_passes(self):
		flows = self.chain("A", "B", "C", "D", "E", limit=1)
		self.open_first()
		self.run_all(flows)
		self.assertEqual([len(runs_of(flow)) for flow in flows], [1] * 5)
		self.assertEqual(len(self.audited(event_type="run.cut", flow_template=flows[0])), 1)


class TestDoors(OperationsTestCase):
	def test_only_managers_operate(self):
		_flow, (run,) = self.waiting_runs(1)
		frappe.set_user(make_user("operations-user", "Flow User"))
		for call in (
			lambda: runs_api.bulk(action="cancel", names=[run]),
			lambda: runs_api.replay(run=run),
			lambda: runs_api.skip(run=run, step_id="s1"),
			lambda: templates_api.cancel_runs(name="x"),
		):
			with self.assertRaises(NotAllowed):
				call()

	def test_a_replay_at_the_api_is_a_child_that_says_what_it_repeats(self):
		_flow, (run,) = self.waiting_runs(1)
		with self.assertRaises(RunNotEnded):
			runs_api.replay(run=run)
		runs_api.cancel(run=run)
		self.assertEqual(runs_api.get(run=run)["run"]["allowed"], ["replay"])
		answer = runs_api.replay(run=run, reason="once more")
		view = runs_api.get(run=answer["run"])["run"]
		self.assertEqual((answer["replay_of"], view["replay_of"], view["parent_run"]), (run, run, run))


class TestPausing(OperationsTestCase):
	def test_pausing_leaves_runs_alone_or_cancels_them(self):
		for running, left in (("finish", "running"), ("cancel", "cancelled")):
			flow, (run,) = self.waiting_runs(1)
			with patch.object(bulk, "_queue") as queue:
				answer = templates_api.update(name=flow, is_active=0, running=running, reason="for now")
				frappe.db.commit()  # a request's end
			if queue.called:
				bulk.work_off(queue.call_args.args[0])
			self.assertEqual(frappe.db.get_value("Flow Run", run, "status"), left)
			self.assertEqual(
				(answer["template"]["is_active"], answer["template"]["paused_reason"]), (0, "for now")
			)
			events = self.audited(flow_template=flow, event_type=("like", "template.%"))
			self.assertEqual(
				[e.event_type for e in events if e.event_type != "template.published"],
				["template.created", "template.activated", "template.paused"],
			)
			self.assertEqual(events[-1].reason, "for now")

	def test_running_goes_with_pausing_only(self):
		flow = self.flow(event="manual", title="On")
		for given in (
			{"running": "cancel"},
			{"is_active": 1, "running": "finish"},
			{"is_active": 0, "running": "x"},
		):
			with self.assertRaises(BadInput, msg=given):
				templates_api.update(name=flow, **given)

	def test_the_breaker_stops_new_runs_and_tells_the_publisher(self):
		flow = self.flow(
			{
				"id": "s",
				"kind": "erp_update",
				"label": "Update nothing",
				"trigger": {"type": "on_flow_start"},
				"payload": {
					"doctype": "ToDo",
					"docname_ref": "there is none",
					"fields_json": {"color": "#000000"},
				},
			},
			title="Fails",
			event="doc_event",
			doctype="ToDo",
			doc_event="after_insert",
			condition={"field": "doc.description", "op": "contains", "value": self.mark},
			template={"failure_limit": "2"},
		)
		for _ in range(4):
			make_todo(description=self.mark)
			frappe.db.commit()  # the run is a worker's
			self.drained(flow)
			trigger_cache._after_rollback()
		self.assertEqual(frappe.get_all("Flow Run", {"flow_template": flow}, pluck="status"), ["failed"] * 2)
		row = frappe.db.get_value("Flow Template", flow, ["is_active", "paused_reason"], as_dict=True)
		self.assertFalse(row.is_active)
		self.assertIn("2 runs in a row have failed", row.paused_reason)
		told = frappe.get_all(
			"Notification Log", {"document_name": runs_of(flow)[-1].name}, pluck="email_content"
		)
		self.assertTrue(any("breaker_opened" in text for text in told))
		# Whoever switches it on again starts with a clean count.
		templates_api.update(name=flow, is_active=1)
		self.assertEqual(frappe.db.get_value("Flow Template", flow, "paused_reason"), "")
		frappe.db.commit()
		make_todo(description=self.mark)
		frappe.db.commit()
		self.drained(flow)
		self.assertTrue(frappe.db.get_value("Flow Template", flow, "is_active"))

	def test_limits_are_whole_numbers(self):
		flow = self.flow(event="manual", title="Limits")
		for field in ("failure_limit", "recursion_limit"):
			for value in (-1, "many", "1.5"):
				with self.assertRaises(BadInput, msg=(field, value)):
					templates_api.update(name=flow, **{field: value})
		made = templates_api.update(name=flow, failure_limit=0, recursion_limit=7)["template"]
		self.assertEqual((made["failure_limit"], made["recursion_limit"]), ("0", 7))


class TestAuditTrail(OperationsTestCase):
	def test_nobody_adds_changes_or_removes_an_event_but_retention(self):
		flow = self.flow(event="manual", title="Audited")
		name = frappe.get_all("Flow Audit Event", {"flow_template": flow}, pluck="name")[0]
		event = frappe.get_doc("Flow Audit Event", name)
		event.reason = "another"
		for act in (
			event.save,
			lambda: event.delete(ignore_permissions=True),
			lambda: event.db_set("reason", "another"),
			lambda: frappe.delete_doc("Flow Audit Event", name, force=True),
			lambda: frappe.rename_doc("Flow Audit Event", name, "other"),
			lambda: frappe.get_doc({"doctype": "Flow Audit Event", "event_type": "x"}).insert(set_name="x"),
		):
			with self.assertRaises((AuditIsAppendOnly, frappe.ValidationError)):
				act()
		FlowAuditEvent.clear_old_logs(days=30)
		self.assertTrue(frappe.db.exists("Flow Audit Event", name))
		frappe.db.set_value("Flow Audit Event", name, "happened_at", "2001-01-01", update_modified=False)
		FlowAuditEvent.clear_old_logs(days=30)
		self.assertFalse(frappe.db.exists("Flow Audit Event", name))
		told = frappe.get_last_doc("Flow Audit Event", {"event_type": "audit.cleared"})
		self.assertEqual((told.user, frappe.parse_json(told.details)["events"]), (frappe.session.user, 1))
