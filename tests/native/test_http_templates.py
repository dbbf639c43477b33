"""Templates over real HTTP: made, changed, published, protected."""

from __future__ import annotations

import json

from callers import is_readable
from conftest import unique
from flows import BROKEN, definition, issue


def get_doc(caller, name: str) -> dict:
	return caller.resource("GET", "Flow Template", name)[1]["data"]


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
