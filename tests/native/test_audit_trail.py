"""The audit trail over real HTTP: complete, for those who may see it, and for nobody to change."""

from __future__ import annotations

import csv
import io
import json
from urllib.parse import quote

import pytest
from callers import is_readable
from conftest import unique
from flows import step

DOCTYPE = "Flow Audit Event"


@pytest.fixture
def told(flow, start, settled, worker):
	"""A flow and one of its runs that has been through an end, with their events in the trail."""
	template = flow(step("a"), step("b", trigger="manual", after=["a"]))
	run = start(template)
	settled(run, "running", a="done", b="waiting")
	return template, run


def events(caller, **filters):
	status, body = caller.get("audit.list", limit=500, **filters)
	assert status == 200, body
	return body["message"]["events"]


def test_a_run_is_told_from_its_start_to_its_end_with_who_did_what(manager, people, told):
	template, run = told
	assert manager.post("runs.cancel", run=run, reason="No longer wanted")[0] == 200
	ended, started = events(manager, run=run)
	assert (started["event_type"], started["actor"]) == ("run.started", people["manager"]["email"])
	assert started["metadata"]["trigger"] == "manual"
	assert (ended["event_type"], ended["status_from"], ended["status_to"], ended["reason"]) == (
		"run.cancelled",
		"running",
		"cancelled",
		"No longer wanted",
	)
	made = [event["event_type"] for event in events(manager, template=template) if not event["run"]]
	assert made[::-1] == ["template.created", "template.published", "template.activated"]


def test_an_auditor_reads_everything_and_no_values(callers, told):
	template, run = told
	auditor = callers["auditor"]
	assert "run.started" in [event["event_type"] for event in events(auditor, template=template)]
	for doctype, name in (("Flow Template", template), ("Flow Run", run)):
		status, body = auditor.resource("GET", doctype, name)
		assert status == 200, (doctype, body)
	assert body["data"]["status"] == "running"
	assert not {"variables", "trigger_data", "step_state", "error_message"} & {
		key for key, value in body["data"].items() if value
	}
	status, body = auditor.get("runs.get", run=run)
	assert status == 200 and not body["message"]["run"].get("variables")
	versions = auditor.resource("GET", "Flow Template Version")
	assert versions[0] == 200 and versions[1]["data"]


def test_an_auditor_changes_nothing(callers, told):
	template, run = told
	auditor = callers["auditor"]
	for path, arguments in (
		("runs.start", {"template": template}),
		("runs.cancel", {"run": run}),
		("runs.complete", {"run": run, "step_id": "b"}),
		("templates.update", {"name": template, "is_active": 0}),
		("templates.publish", {"name": template}),
		("templates.delete", {"name": template}),
		("webhooks.create", {"values": {"endpoint_name": "x", "url": "https://example.com", "events": "*"}}),
		("webhooks.list", {}),
		("deliveries.redeliver", {"delivery": "FD-00001"}),
	):
		status, body = auditor.post(path, **arguments)
		assert (status, body["code"]) == (403, "not_allowed"), (path, body)
	for doctype, name in (("Flow Template", template), ("Flow Run", run)):
		assert auditor.resource("PUT", doctype, name, notes="x")[0] == 403
		assert auditor.resource("DELETE", doctype, name)[0] == 403


def test_others_do_not_see_it(callers, told):
	for short in ("user", "blind", "nobody", "guest"):
		for path in ("audit.list", "audit.export"):
			status, body = callers[short].get(path)
			assert status in (401, 403), (short, path, body)
			if short != "guest":
				assert is_readable(body) and body["code"] == "not_allowed"


REFUSED = "AuditIsAppendOnly"


@pytest.mark.parametrize("short", ["admin", "manager", "auditor"])
def test_nobody_changes_or_removes_an_event_by_any_door(callers, site, told, short):
	template, _run = told
	caller = callers[short]
	name = events(callers["manager"], template=template)[0]["id"]
	before = site("answer = frappe.db.get_value('Flow Audit Event', name, '*', as_dict=True)", name=name)
	doc = {"doctype": DOCTYPE, "name": name, "event_type": "run.forged", "reason": "forged"}
	v2 = f"/api/v2/document/{quote(DOCTYPE)}"
	doors = (
		("PUT", f"/api/resource/{quote(DOCTYPE)}/{name}", {"reason": "forged"}),
		("DELETE", f"/api/resource/{quote(DOCTYPE)}/{name}", {}),
		("POST", f"/api/resource/{quote(DOCTYPE)}", {"event_type": "run.forged", "name": "forged"}),
		("PATCH", f"{v2}/{name}/", {"reason": "forged"}),
		("DELETE", f"{v2}/{name}/", {}),
		("POST", "/api/method/frappe.client.set_value", _value(name)),
		("POST", "/api/method/frappe.client.save", {"doc": doc}),
		("POST", "/api/method/frappe.client.insert", {"doc": {**doc, "name": "forged"}}),
		("POST", "/api/method/frappe.client.delete", {"doctype": DOCTYPE, "name": name}),
		("POST", "/api/method/frappe.client.bulk_update", {"docs": json.dumps([{**doc, "docname": name}])}),
		(
			"POST",
			"/api/method/frappe.client.rename_doc",
			{"doctype": DOCTYPE, "old_name": name, "new_name": "forged"},
		),
		(
			"POST",
			"/api/method/frappe.desk.reportview.delete_items",
			{"doctype": DOCTYPE, "items": json.dumps([name])},
		),
		("POST", "/api/method/frappe.desk.form.save.savedocs", {"doc": json.dumps(doc), "action": "Save"}),
		("POST", "/api/method/run_doc_method", {"dt": DOCTYPE, "dn": name, "method": "db_set"}),
	)
	for method, path, arguments in doors:
		reply = caller.reply(method, path, json=arguments)
		kept = site("answer = frappe.db.get_value('Flow Audit Event', name, '*', as_dict=True)", name=name)
		assert kept == before, (method, path, reply.text)
		assert not site("answer = bool(frappe.db.exists('Flow Audit Event', 'forged'))"), path
		if path.endswith(("bulk_update", "delete_items")):
			# These answer which rows they failed with.
			assert name in reply.text, (path, reply.text)
			continue
		assert reply.status_code in (403, 404, 417), (method, path, reply.status_code, reply.text)
		if short == "admin" and reply.status_code == 417:
			assert REFUSED in reply.text, (method, path, reply.text)


def _value(name):
	return {"doctype": DOCTYPE, "name": name, "fieldname": "reason", "value": "forged"}


def test_administrator_is_refused_too_and_an_import_as_well(site, told, manager):
	template, _run = told
	name = events(manager, template=template)[0]["id"]
	refused = site(
		"""
		frappe.set_user("Administrator")
		from frappe.core.doctype.data_import.importer import Importer
		doc = frappe.get_doc("Flow Audit Event", name)
		answer = []
		def importing():
			data = frappe.get_doc({"doctype": "Data Import", "reference_doctype": "Flow Audit Event",
				"import_type": "Insert New Records"})
			doc = frappe.get_doc({"doctype": "Flow Audit Event", "event_type": "run.forged"})
			doc.flags.in_import = frappe.flags.in_import = True
			try:
				doc.insert(set_name="forged")
			finally:
				frappe.flags.in_import = False
		for act in (
			lambda: doc.update({"reason": "forged"}).save(ignore_permissions=True),
			lambda: doc.db_set("reason", "forged"),
			lambda: doc.delete(ignore_permissions=True, force=True),
			lambda: doc.submit(),
			lambda: doc.cancel(),
			lambda: frappe.delete_doc("Flow Audit Event", name, force=True),
			lambda: frappe.rename_doc("Flow Audit Event", name, "forged", force=True),
			importing,
		):
			try:
				act()
				answer.append("done")
			except Exception as error:
				answer.append(type(error).__name__)
			frappe.db.rollback()
			doc.reload()
		""",
		name=name,
	)
	assert set(refused) <= {REFUSED, "DocstatusTransitionError", "ValidationError"}, refused
	assert refused.count(REFUSED) >= 6, refused


# --- exporting ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("short", ["auditor", "manager", "admin"])
def test_it_is_exported_whole_by_those_who_may(callers, told, short):
	template, _run = told
	reply = callers[short].reply(
		"GET", "/api/method/flow_engine.api.audit.export", params={"template": template}
	)
	assert reply.status_code == 200 and reply.headers["Content-Type"].startswith("text/csv")
	assert "attachment" in reply.headers["Content-Disposition"]
	rows = list(csv.DictReader(io.StringIO(reply.text)))
	listed = events(callers["manager"], template=template)
	assert [row["id"] for row in rows] == sorted(event["id"] for event in listed)
	lines = callers[short].reply(
		"POST", "/api/method/flow_engine.api.audit.export", data={"template": template, "format": "jsonl"}
	)
	assert [json.loads(line) for line in lines.text.splitlines()] == sorted(listed, key=lambda e: e["id"])


def test_what_cannot_be_read_is_said_before_a_file_begins(callers):
	for arguments in ({"format": "xlsx"}, {"since": "yesterday"}, {"event": "1;"}):
		status, body = callers["auditor"].get("audit.export", **arguments)
		assert (status, body["code"]) == (400, "bad_input"), arguments


def test_a_long_trail_is_written_while_it_is_read(callers, site):
	event = unique("bulk")
	site(
		"""
		from flow_engine.engine.ports import AuditEvent
		from flow_engine.frappe_host.host import get_host
		host = get_host()
		host.runs.transact(lambda: host.runs.audit(*[
			AuditEvent("bulk.made", reason=reason, details={"n": n}) for n in range(5003)]))
		answer = None
		""",
		reason=event,
	)
	try:
		reply = callers["auditor"].reply(
			"GET",
			"/api/method/flow_engine.api.audit.export",
			params={"event": "bulk.made", "format": "jsonl"},
			stream=True,
		)
		assert "Content-Length" not in reply.headers
		found = [json.loads(line) for line in reply.iter_lines()]
		mine = [line["metadata"]["n"] for line in found if line["reason"] == event]
		assert mine == list(range(5003))
	finally:
		site("frappe.db.delete('Flow Audit Event', {'event_type': 'bulk.made'})\nanswer = None")
