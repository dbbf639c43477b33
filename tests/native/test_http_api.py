"""Every function of the API over real HTTP: what it answers, what it refuses, and to whom."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from callers import Caller, is_readable
from conftest import unique
from flows import BROKEN, definition, issue, step
from people import PASSWORD

PATHS_FOR_READING = ("catalog", "templates.list", "templates.get", "templates.validate", "templates.export")
PATHS_OF_TEMPLATES = (
	"templates.create",
	"templates.update",
	"templates.delete",
	"templates.duplicate",
	"templates.publish",
	"templates.import_templates",
)
PATHS_FOR_MANAGERS = ("runs.advance", "runs.event", "runs.cancel", "runs.retry")
EVERY_PATH = (
	*PATHS_FOR_READING,
	*PATHS_OF_TEMPLATES,
	*PATHS_FOR_MANAGERS,
	"runs.start",
	"runs.complete",
	"runs.list",
	"runs.get",
)


@pytest.fixture
def manager(callers) -> Caller:
	return callers["manager"]


@pytest.fixture
def draft(manager):
	"""A stored draft without steps; its values."""
	status, body = manager.post("templates.create", template_name=unique("draft"), category="other")
	assert status == 200, body
	return body["message"]["template"]


@pytest.fixture
def system_template(manager) -> dict:
	_, body = manager.get("templates.list")
	name = next(t["name"] for t in body["message"]["templates"] if t["is_system"] and not t["is_active"])
	return manager.get("templates.get", name=name)[1]["message"]["template"]


def get_doc(caller, name: str) -> dict:
	return caller.resource("GET", "Flow Template", name)[1]["data"]


# --- envelope, errors, doors --------------------------------------------------------------------------------


def test_an_answer_is_an_object_with_message(manager, draft):
	for path, arguments, key in (
		("catalog", {}, "kinds"),
		("templates.list", {}, "templates"),
		("templates.get", {"name": draft["name"]}, "template"),
		("templates.validate", {"definition": json.dumps(definition())}, "problems"),
		("templates.export", {"name": draft["name"]}, "definition"),
		("runs.list", {}, "runs"),
	):
		status, body = manager.get(path, **arguments)
		assert status == 200, (path, body)
		assert set(body) == {"message"} and key in body["message"], path


def test_the_catalog_offers_kinds_events_and_trigger_types_as_data(manager):
	offered = manager.get("catalog")[1]["message"]
	assert {"dispatch_job", "issue", "notify", "webhook", "erp_update", "wait", "condition"} <= {
		kind["name"] for kind in offered["kinds"]
	}
	assert {"on_issue_opened", "on_contract_signed", "manual"} <= {e["name"] for e in offered["events"]}


@pytest.mark.parametrize("path", EVERY_PATH)
def test_a_guest_gets_nothing_without_a_token(callers, path):
	status, body = callers["guest"].post(path, name="FT-00001", run="FR-00001", step_id="a")
	assert status == 403, body
	assert "message" not in body or isinstance(body["message"], str)


@pytest.mark.parametrize(
	("who", "path"),
	[
		*(("nobody", path) for path in EVERY_PATH if path not in ("runs.complete", "runs.get", "runs.list")),
		*(
			("user", path)
			for path in (*PATHS_FOR_READING, *PATHS_OF_TEMPLATES, *PATHS_FOR_MANAGERS)
			if path != "templates.list"
		),
	],
)
def test_what_is_for_managers_is_refused_to_others_in_words(callers, who, path, draft):
	arguments = {
		"templates.create": {"template_name": unique("refused"), "category": "other"},
		"templates.update": {"name": draft["name"], "notes": "mine"},
		"templates.import_templates": {
			"templates": [{"template_name": unique("refused"), "definition": definition()}]
		},
		"runs.start": {"template": draft["name"]},
		"runs.event": {"event": "manual"},
	}.get(path, {"name": draft["name"], "run": "FR-00000", "step_id": "a"})
	send = callers[who].get if path in PATHS_FOR_READING else callers[who].post
	status, body = send(path, **arguments)
	assert status == 403 and body["code"] == "not_allowed" and is_readable(body), body


@pytest.mark.parametrize(
	("path", "arguments", "status", "code"),
	[
		("templates.get", {}, 400, "bad_input"),
		("templates.get", {"name": ["FT-1"]}, 400, "bad_input"),
		("templates.get", {"name": {"like": "%"}}, 400, "bad_input"),
		("templates.get", {"name": "no such flow"}, 404, "template_not_found"),
		("templates.get", {"name": "x" * 100_000}, 404, "template_not_found"),
		("templates.get", {"name": "a\u0000b"}, 404, "template_not_found"),
		("templates.list", {"is_active": "perhaps"}, 400, "bad_input"),
		("templates.list", {"category": ["other"]}, 400, "bad_input"),
		("templates.create", {"template_name": 7, "category": "other"}, 400, "bad_input"),
		("templates.create", {"category": "other"}, 400, "bad_input"),
		("templates.create", {"template_name": "x", "category": "no such"}, 400, "bad_input"),
		("templates.create", {"template_name": "x", "is_system": 1}, 400, "bad_input"),
		("templates.create", {"template_name": "x", "owner": "Administrator"}, 400, "bad_input"),
		("templates.create", {"template_name": "x", "flow_definition": [1, 2]}, 422, "invalid_definition"),
		("templates.update", {"name": "no such flow", "notes": "x"}, 404, "template_not_found"),
		("templates.delete", {"name": "no such flow"}, 404, "template_not_found"),
		("templates.duplicate", {"name": "no such flow"}, 404, "template_not_found"),
		("templates.publish", {"name": "no such flow"}, 404, "template_not_found"),
		("templates.import_templates", {"templates": "{"}, 400, "bad_input"),
		("templates.import_templates", {"templates": [1]}, 400, "bad_input"),
		("templates.import_templates", {}, 400, "bad_input"),
		("runs.start", {}, 400, "bad_input"),
		("runs.start", {"template": "no such flow"}, 404, "template_not_found"),
		("runs.start", {"template": 5}, 400, "bad_input"),
		("runs.start", {"template": "x", "variables": "[]"}, 400, "bad_input"),
		("runs.start", {"template": "x", "variables": "{nope"}, 400, "bad_input"),
		("runs.start", {"template": "x", "doctype": "Issue"}, 400, "bad_input"),
		("runs.event", {}, 400, "bad_input"),
		("runs.event", {"event": {"a": 1}}, 400, "bad_input"),
		("runs.event", {"event": "e", "doctype": "No Such", "docname": "x"}, 400, "unknown_doctype"),
		("runs.advance", {"run": "FR-00000"}, 404, "run_not_found"),
		("runs.advance", {"run": True}, 400, "bad_input"),
		("runs.cancel", {"run": "' or 1=1 --"}, 404, "run_not_found"),
		("runs.retry", {"run": "FR-00000", "step_id": "a"}, 404, "run_not_found"),
		("runs.complete", {"run": "FR-00000", "step_id": "a"}, 404, "run_not_found"),
		("runs.complete", {"run": "FR-00000"}, 400, "bad_input"),
		("runs.get", {"run": "FR-00000"}, 404, "run_not_found"),
		("runs.list", {"limit": "many"}, 400, "bad_input"),
		("runs.list", {"template": "no such flow"}, 404, "template_not_found"),
		("templates.validate", {}, 400, "bad_input"),
	],
)
def test_bad_input_is_a_coded_refusal(manager, path, arguments, status, code):
	answered, body = manager.post(path, **arguments)
	assert (answered, body.get("code")) == (status, code), body
	assert is_readable(body)


@pytest.mark.parametrize(
	"body",
	[b"", b"{", b"[1, 2]", b'"text"', b"null", b"\xff\xfe\x00", b"[" * 50_000, b'{"name": ' + b"[" * 5_000],
	ids=["empty", "cut", "list", "text", "null", "bytes", "deep", "deep value"],
)
def test_a_body_that_is_no_object_is_refused_and_the_next_call_answered(manager, body):
	reply = manager.reply(
		"POST",
		"/api/method/flow_engine.api.templates.get",
		data=body,
		headers={"Content-Type": "application/json"},
	)
	# Most of these never reach the app: the framework reads the body first and answers for itself.
	assert reply.status_code >= 400
	assert manager.get("templates.list")[0] == 200


def test_a_huge_definition_is_a_problem_and_a_huge_argument_a_refusal(manager):
	huge = definition(*(step(f"s{n}") for n in range(2_001)))
	status, body = manager.post("templates.validate", definition=huge)
	assert status == 200 and "too_many_steps" in {p["code"] for p in body["message"]["problems"]}
	status, body = manager.post(
		"templates.create", template_name=unique("big"), category="other", notes="x" * 3_000_000
	)
	assert 400 <= status < 500 and is_readable(body)


def test_a_wrong_method_is_refused(manager, draft):
	for path in ("templates.delete", "templates.publish", "runs.start", "runs.complete", "runs.cancel"):
		status, _ = manager.get(path, name=draft["name"], template=draft["name"], run="FR-0", step_id="a")
		assert status == 403, path
	assert manager.get("templates.get", name=draft["name"])[0] == 200


def test_a_session_needs_its_csrf_token_and_a_key_does_not(url, people, manager):
	name = unique("csrf")
	browser = Caller(url)
	token = browser.log_in(people["manager"]["email"], PASSWORD)
	assert browser.get("templates.list")[0] == 200
	status, body = browser.post("templates.create", template_name=name, category="other")
	assert status == 400 and "CSRF" in json.dumps(body), body
	browser.session.headers["X-Frappe-CSRF-Token"] = token
	status, body = browser.post("templates.create", template_name=name, category="other")
	assert status == 200, body
	assert manager.post("templates.delete", name=name)[0] == 200


def test_a_wrong_key_is_nobody(url, people):
	stranger = Caller(
		url, Authorization="token " + people["manager"]["key"].split()[1].split(":")[0] + ":wrong"
	)
	assert stranger.get("templates.list")[0] == 401


# --- templates ----------------------------------------------------------------------------------------------


def test_a_template_is_made_changed_listed_and_deleted(manager):
	name = unique("life")
	flow = definition(issue("a", "Hello"), issue("b", "Again", parent="a"))
	status, body = manager.post(
		"templates.create", template_name=name, category="billing", flow_definition=flow
	)
	made = body["message"]["template"]
	assert status == 200 and made["step_count"] == 2 and made["version"] == 1 and made["problems"] == []
	status, body = manager.post("templates.update", name=made["name"], description="For billing")
	assert status == 200 and body["message"]["template"]["version"] == 2
	found = manager.get("templates.list", category="billing")[1]["message"]["templates"]
	row = next(t for t in found if t["name"] == made["name"])
	assert row["description"] == "For billing" and "flow_definition" not in row
	got = manager.get("templates.get", name=made["name"])[1]["message"]["template"]
	assert [s["id"] for s in got["flow_definition"]["steps"]] == ["a", "b"]
	assert manager.post("templates.delete", name=made["name"])[1] == {"message": {"ok": True}}
	assert manager.get("templates.get", name=made["name"])[0] == 404


def test_a_name_is_taken_once_in_a_category(manager, draft):
	again = {"template_name": draft["template_name"]}
	status, body = manager.post("templates.create", category="other", **again)
	assert (status, body["code"]) == (409, "name_taken") and is_readable(body)
	status, body = manager.post("templates.create", category="billing", **again)
	assert status == 200
	manager.post("templates.delete", name=body["message"]["template"]["name"])


def test_a_draft_keeps_its_problems_and_cannot_be_switched_on(manager):
	status, body = manager.post(
		"templates.create", template_name=unique("broken"), category="other", flow_definition=BROKEN
	)
	made = body["message"]["template"]
	assert status == 200 and made["draft_state"] == "invalid"
	codes = {problem["code"] for problem in made["problems"]}
	assert {"unknown_kind", "duplicate_id", "unknown_parent", "missing_field"} <= codes
	assert all({"path", "step", "code", "message"} <= set(problem) for problem in made["problems"])
	for path, arguments in (
		("templates.publish", {}),
		("templates.update", {"is_active": 1}),
	):
		status, body = manager.post(path, name=made["name"], **arguments)
		assert (status, body["code"]) == (422, "invalid_definition"), body
		assert {"unknown_kind", "duplicate_id"} <= {problem["code"] for problem in body["problems"]}
	stored = manager.get("templates.get", name=made["name"])[1]["message"]["template"]
	assert not stored["is_active"] and not stored["published_version"]


def test_a_broken_flow_is_not_switched_on_through_any_door(manager, draft, site):
	name, broken = draft["name"], json.dumps(BROKEN)
	doors = (
		lambda: manager.resource(
			"POST",
			"Flow Template",
			template_name=unique("rest"),
			category="other",
			flow_definition=broken,
			is_active=1,
		),
		lambda: manager.resource("PUT", "Flow Template", name, flow_definition=broken, is_active=1),
		lambda: manager.send(
			"POST",
			"/api/method/frappe.client.set_value",
			json={
				"doctype": "Flow Template",
				"name": name,
				"fieldname": {"flow_definition": broken, "is_active": 1},
			},
		),
		lambda: manager.send(
			"POST",
			"/api/method/frappe.client.insert",
			json={
				"doc": {
					"doctype": "Flow Template",
					"template_name": unique("client"),
					"category": "other",
					"flow_definition": broken,
					"is_active": 1,
				}
			},
		),
		lambda: manager.send(
			"POST",
			"/api/method/frappe.client.save",
			json={"doc": {**get_doc(manager, name), "flow_definition": broken, "is_active": 1}},
		),
		lambda: manager.send(
			"POST",
			"/api/method/frappe.desk.form.save.savedocs",
			json={
				"doc": json.dumps({**get_doc(manager, name), "flow_definition": broken, "is_active": 1}),
				"action": "Save",
			},
		),
	)
	before = site("frappe.db.count('Flow Template')")
	for door in doors:
		status, body = door()
		assert 400 <= status < 500, (status, body)
		stored = manager.get("templates.get", name=name)[1]["message"]["template"]
		assert not stored["is_active"] and stored["flow_definition"]["steps"] == []
	assert site("frappe.db.count('Flow Template')") == before


def test_what_is_not_json_is_kept_out_through_every_door(manager, draft):
	for send in (
		lambda: manager.post("templates.update", name=draft["name"], flow_definition="{not json"),
		lambda: manager.resource("PUT", "Flow Template", draft["name"], flow_definition="{not json"),
		lambda: manager.send(
			"POST",
			"/api/method/frappe.client.set_value",
			json={
				"doctype": "Flow Template",
				"name": draft["name"],
				"fieldname": "flow_definition",
				"value": "{not json",
			},
		),
	):
		status, body = send()
		stored = manager.get("templates.get", name=draft["name"])[1]["message"]["template"]
		if status == 200:
			assert stored["draft_state"] == "invalid" and stored["problems"], body
		else:
			assert 400 <= status < 500 and stored["flow_definition"]["steps"] == []


def test_an_imported_broken_flow_stays_a_draft(site, manager, tmp_path):
	name = unique("imported")
	sheet = tmp_path / "flows.csv"
	rows = site(
		"""
		import csv, io
		out = io.StringIO()
		csv.writer(out).writerows([
			["Name", "Category", "Flow definition", "Active"],
			[name, "other", flow, 1],
		])
		answer = out.getvalue()
		""",
		name=name,
		flow=json.dumps(BROKEN),
	)
	sheet.write_text(rows)
	site(
		"""
		from frappe.core.doctype.data_import.data_import import import_file
		try:
			import_file("Flow Template", path, "Insert", console=False)
		except frappe.ValidationError:
			pass
		""",
		path=str(sheet),
	)
	active = site(
		"frappe.get_all('Flow Template', {'template_name': name, 'is_active': 1}, pluck='name')", name=name
	)
	assert active == []


def test_switching_on_publishes_and_a_published_version_never_changes(manager, site):
	name = unique("published")
	_, body = manager.post(
		"templates.create",
		template_name=name,
		category="other",
		flow_definition=definition(issue("a", "First")),
	)
	flow = body["message"]["template"]["name"]
	made = manager.post("templates.update", name=flow, is_active=1)[1]["message"]["template"]
	assert (made["published_version"], made["draft_state"]) == (2, "published")
	made = manager.post("templates.update", name=flow, flow_definition=definition(issue("a", "Second")))[1][
		"message"
	]["template"]
	assert (made["published_version"], made["draft_state"], made["is_active"]) == (2, "changed", 1)
	made = manager.post("templates.publish", name=flow, note="Better words")[1]["message"]["template"]
	assert made["published_version"] > 2 and made["draft_state"] == "published"
	versions = site(
		"frappe.get_all('Flow Template Version', {'flow_template': flow},"
		" ['name', 'version', 'definition', 'change_note'], order_by='version')",
		flow=flow,
	)
	assert [json.loads(v["definition"])["steps"][0]["payload"]["subject"] for v in versions] == [
		"First",
		"Second",
	]
	assert versions[1]["change_note"] == "Better words"
	status, _ = manager.resource("PUT", "Flow Template Version", versions[0]["name"], definition="{}")
	assert 400 <= status < 500
	status, _ = manager.resource("DELETE", "Flow Template Version", versions[0]["name"])
	assert 400 <= status < 500
	assert (
		site("frappe.db.get_value('Flow Template Version', v, 'definition')", v=versions[0]["name"])
		== (versions[0]["definition"])
	)
	manager.post("templates.update", name=flow, is_active=0)


def test_a_duplicate_is_a_draft_of_its_own(manager, system_template):
	name = unique("copy")
	status, body = manager.post("templates.duplicate", name=system_template["name"], new_name=name)
	copy = body["message"]["template"]
	assert status == 200 and copy["flow_definition"] == system_template["flow_definition"]
	assert (copy["is_system"], copy["is_active"], copy["published_version"] or 0) == (0, 0, 0)
	status, body = manager.post("templates.duplicate", name=copy["name"])
	assert body["message"]["template"]["template_name"] == f"{name} (copy)"


def test_who_saves_over_anothers_save_is_told(manager, draft):
	seen = draft["modified"]
	assert manager.post("templates.update", name=draft["name"], notes="mine", modified=seen)[0] == 200
	status, body = manager.post(
		"templates.update", name=draft["name"], notes="theirs", modified="2020-01-01 00:00:00"
	)
	assert (status, body["code"]) == (409, "save_conflict") and is_readable(body)
	assert manager.get("templates.get", name=draft["name"])[1]["message"]["template"]["notes"] == "mine"


def test_a_system_template_is_protected_through_every_door(callers, system_template, site):
	admin, name = callers["admin"], system_template["name"]
	title = system_template["template_name"]
	other = json.dumps(definition(issue("a", "Mine")))

	def set_value(field, value):
		return admin.send(
			"POST",
			"/api/method/frappe.client.set_value",
			json={"doctype": "Flow Template", "name": name, "fieldname": field, "value": value},
		)

	doors = {
		"delete": lambda: admin.post("templates.delete", name=name),
		"definition": lambda: admin.post("templates.update", name=name, flow_definition=other),
		"name": lambda: admin.post("templates.update", name=name, template_name="Mine"),
		"REST delete": lambda: admin.resource("DELETE", "Flow Template", name),
		"REST definition": lambda: admin.resource("PUT", "Flow Template", name, flow_definition=other),
		"REST no longer system": lambda: admin.resource("PUT", "Flow Template", name, is_system=0),
		"set_value definition": lambda: set_value("flow_definition", other),
		"set_value name": lambda: set_value("template_name", "Mine"),
		"set_value no longer system": lambda: set_value("is_system", 0),
		"client delete": lambda: admin.send(
			"POST", "/api/method/frappe.client.delete", json={"doctype": "Flow Template", "name": name}
		),
		"rename": lambda: admin.send(
			"POST",
			"/api/method/frappe.client.rename_doc",
			json={"doctype": "Flow Template", "old_name": name, "new_name": "FT-MINE"},
		),
		"import": lambda: admin.post(
			"templates.import_templates",
			templates=[
				{"template_name": title, "category": system_template["category"], "definition": definition()}
			],
		),
	}
	for door, send in doors.items():
		status, body = send()
		# The framework leaves out what a form may not set and answers 200; what counts is what is stored.
		assert status >= 400 or door.endswith("no longer system"), (door, body)
		stored = admin.get("templates.get", name=name)[1]["message"]["template"]
		assert stored["is_system"] == 1, door
		assert stored["template_name"] == title, door
		assert stored["flow_definition"] == system_template["flow_definition"], door
	admin.send(
		"POST",
		"/api/method/frappe.desk.reportview.delete_items",
		json={"items": json.dumps([name]), "doctype": "Flow Template"},
	)
	assert site("frappe.db.exists('Flow Template', name)", name=name) == name


def test_an_export_comes_back_unchanged(manager, draft):
	exported = manager.get("templates.export", name=draft["name"])[1]["message"]
	assert "name" not in exported and "owner" not in exported
	status, body = manager.post("templates.import_templates", templates=[exported])
	assert status == 200 and [r["outcome"] for r in body["message"]["results"]] == ["unchanged"]
	exported["definition"] = definition(issue("a", "Hi"))
	body = manager.post("templates.import_templates", templates=json.dumps([exported]))[1]
	assert [r["outcome"] for r in body["message"]["results"]] == ["updated"]


def test_only_a_system_manager_names_another_user_to_run_as(callers, draft, people):
	manager, admin, name = callers["manager"], callers["admin"], draft["name"]
	somebody = people["user"]["email"]
	status, body = manager.post("templates.update", name=name, run_as=somebody)
	assert (status, body["code"]) == (403, "not_allowed")
	for nobody in ("Administrator", "Guest"):
		assert admin.post("templates.update", name=name, run_as=nobody)[0] == 403
	assert admin.post("templates.update", name=name, run_as=somebody)[0] == 200


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
	assert status == 200 and body["message"] == {"run": run, "status": "cancelled", "in_flight": []}
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
