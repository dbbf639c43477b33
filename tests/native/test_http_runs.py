"""Runs over real HTTP: started, watched, repaired."""

from __future__ import annotations

import json
from urllib.parse import quote

from callers import is_readable
from conftest import unique
from flows import issue, step

# --- runs ---------------------------------------------------------------------------------------------------


def test_a_run_is_started_watched_and_cancelled(manager, flow, start, settled, worker):
	template = flow(issue("a", f"{unique('job')}"), step("b", trigger="manual", after=["a"]))
	run = start(template, variables={"group": "North"})
	view = settled(run, "running", a="done", b="waiting")
	assert view["variables"] == {"group": "North"} and view["run_as"].startswith("manager@")
	assert run in {
		r["name"] for r in manager.get("runs.list", template=template, status="running")[1]["message"]["runs"]
	}
	assert manager.post("runs.advance", run=run)[1]["message"]["run"] == run
	status, body = manager.post("runs.cancel", run=run, reason="No longer wanted")
	told = {"run": run, "status": "cancelled", "in_flight": [], "compensation": None}
	assert status == 200 and body["message"] == told
	assert settled(run, "cancelled", a="done", b="cancelled")
	for path in ("runs.cancel", "runs.advance"):
		status, body = manager.post(path, run=run)
		assert (status, body["code"]) == (409, "run_final"), path


def test_the_same_key_starts_a_flow_once(manager, flow):
	template = flow(step("a", trigger="manual"))
	first = manager.post("runs.start", template=template, key="order-7")
	assert first[0] == 200
	status, body = manager.post("runs.start", template=template, key="order-7")
	assert (status, body["code"]) == (409, "duplicate_trigger")
	assert manager.post("runs.start", template=template, key="order-8")[0] == 200


def test_a_paused_or_unpublished_flow_is_not_started(manager, flow, draft):
	template = flow(step("a"))
	manager.post("templates.update", name=template, is_active=0)
	for name, code in ((template, "template_inactive"), (draft["name"], "template_not_published")):
		status, body = manager.post("runs.start", template=name)
		assert (status, body["code"]) == (409, code)


def test_an_event_says_what_it_started_and_what_not(manager, flow, site):
	trigger = {
		"event": "on_customer_created",
		"condition": {"field": "variables.vip", "op": "==", "value": "yes"},
	}
	template = flow(step("a"), trigger=trigger)
	for vip, started in (("yes", True), ("no", False)):
		status, body = manager.post("runs.event", event="on_customer_created", variables={"vip": vip})
		assert status == 200
		answer = next(r for r in body["message"]["results"] if r["template"] == template)
		assert bool(answer.get("run")) is started, answer
	assert manager.post("runs.event", event="on_nothing_at_all")[1]["message"] == {"results": []}


def test_a_failed_step_is_shown_and_retried(manager, flow, start, settled, worker, site):
	subject = unique("never")
	template = flow(
		step(
			"a",
			"erp_update",
			payload={"doctype": "Issue", "docname_ref": subject, "fields_json": '{"subject": "x"}'},
		)
	)
	run = start(template)
	view = settled(run, "failed", a="failed")
	assert view["by_id"]["a"]["error"]["code"] == "document_not_found"
	assert view["by_id"]["a"]["allowed"] == ["retry", "skip", "mark_done", "replay"]
	site(
		"""
		doc = frappe.get_doc({"doctype": "Issue", "subject": name}).insert()
		frappe.rename_doc("Issue", doc.name, name, force=True)
		""",
		name=subject,
	)
	status, body = manager.post("runs.retry", run=run, step_id="a")
	assert status == 200, body
	settled(run, "completed", a="done")


def test_a_flow_user_starts_a_flow_about_a_document_they_may_read(callers, flow, settled, worker, site):
	template = flow(step("a"))
	subject = unique("readable")
	name = site("frappe.get_doc({'doctype': 'Issue', 'subject': s}).insert().name", s=subject)
	status, body = callers["user"].post("runs.start", template=template, doctype="Issue", docname=name)
	assert status == 200, body
	run = body["message"]["run"]
	settled(run, "completed")
	status, body = callers["blind"].post("runs.start", template=template, doctype="Issue", docname=name)
	assert status == 403 and is_readable(body), body
	assert callers["user"].get("runs.get", run=run)[0] == 200
	status, body = callers["blind"].get("runs.get", run=run)
	assert (status, body["code"]) == (403, "not_allowed")
	assert run in {r["name"] for r in callers["user"].get("runs.list")[1]["message"]["runs"]}
	assert run not in {r["name"] for r in callers["blind"].get("runs.list")[1]["message"]["runs"]}


def test_a_flow_user_finds_flows_by_name_and_reads_no_more_of_them(callers, draft):
	rows = callers["user"].get("templates.list", category="other")[1]["message"]["templates"]
	row = next(row for row in rows if row["name"] == draft["name"])
	assert not row.get("run_as") and not row.get("trigger_condition") and "flow_definition" not in row
	assert callers["user"].get("runs.list", template=draft["name"])[1] == {"message": {"runs": []}}


def test_a_flow_user_sees_states_and_no_values(callers, flow, settled, worker, site):
	template = flow(issue("a", unique("secret")))
	name = site("frappe.get_doc({'doctype': 'Issue', 'subject': s}).insert().name", s=unique("about"))
	body = callers["manager"].post(
		"runs.start", template=template, doctype="Issue", docname=name, variables={"pin": "1234"}
	)[1]
	run = body["message"]["run"]
	assert settled(run, "completed")["by_id"]["a"]["result"]["doctype"] == "Issue"
	seen = callers["user"].get("runs.get", run=run)[1]["message"]["run"]
	assert [s["status"] for s in seen["steps"]] == ["done"]
	assert "variables" not in seen and "result" not in seen["steps"][0]
	status, body = callers["user"].resource("GET", "Flow Run", run)
	assert status == 200 and "1234" not in json.dumps(body)
	logs = callers["user"].send(
		"GET", f"/api/resource/{quote('Flow Step Log')}", params={"fields": '["*"]', "limit": 0}
	)[1]
	assert "ISS-" not in json.dumps([row.get("result") for row in logs.get("data", [])])


def test_a_manual_step_is_fired_by_whom_it_is_meant_for(callers, flow, settled, worker, site, people):
	template = flow(
		step("mine", trigger={"type": "manual", "assignee": people["user"]["email"]}),
		step("role", trigger={"type": "manual", "role": "Support Team"}),
		step("other", trigger={"type": "manual", "role": "Accounts Manager"}),
	)
	name = site("frappe.get_doc({'doctype': 'Issue', 'subject': s}).insert().name", s=unique("about"))
	run = callers["manager"].post("runs.start", template=template, doctype="Issue", docname=name)[1][
		"message"
	]["run"]
	settled(run, "running", mine="waiting", role="waiting", other="waiting")
	user = callers["user"]
	shown = {s["id"]: s["allowed"] for s in user.get("runs.get", run=run)[1]["message"]["run"]["steps"]}
	assert shown == {"mine": ["complete"], "role": ["complete"], "other": []}
	assert callers["nobody"].post("runs.complete", run=run, step_id="mine")[0] == 403
	assert user.post("runs.complete", run=run, step_id="other")[1]["code"] == "not_allowed"
	assert user.post("runs.complete", run=run, step_id="mine", result={"note": "seen"})[0] == 200
	assert user.post("runs.complete", run=run, step_id="role")[0] == 200
	assert callers["manager"].post("runs.complete", run=run, step_id="other")[0] == 200
	settled(run, "completed")
	status, body = user.post("runs.complete", run=run, step_id="mine")
	assert status == 409 and is_readable(body)


def test_nobody_writes_a_run_or_its_records_by_hand(callers, flow, start, settled, worker, site):
	run = start(flow(step("a", trigger="manual")))
	settled(run, "running", a="waiting")
	admin = callers["admin"]
	for method, doctype, name, values in (
		("PUT", "Flow Run", run, {"status": "completed"}),
		("DELETE", "Flow Run", run, {}),
		("POST", "Flow Run", "", {"flow_template": "FT-1", "status": "running"}),
		("POST", "Flow Step Log", "", {"flow_run": run, "step_id": "a", "state": "done"}),
		("POST", "Flow Step Pending", "", {"flow_run": run, "step_id": "a", "status": "pending"}),
	):
		status, body = admin.resource(method, doctype, name, **values)
		assert 400 <= status < 500, (method, doctype, status, body)
	assert site("frappe.db.get_value('Flow Run', run, 'status')", run=run) == "running"
