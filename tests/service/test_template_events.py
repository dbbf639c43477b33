"""What the trail says of saved templates, on the standalone host."""

import json

import pytest

from flow_engine.service.templates import export_template, import_templates, seed
from flow_engine.sqlite_host.host import open_host
from flow_engine.testing.builders import flow, step


@pytest.fixture
def host():
	return open_host()


def told(host, template):
	rows = host.database.rows(
		"SELECT event_type, details FROM `tabFlow Audit Event` WHERE flow_template = %s ORDER BY name",
		[template],
	)
	return [(row["event_type"], json.loads(row["details"] or "{}")) for row in rows]


def made(host, **values):
	text = json.dumps(flow(step("a", label="First")))
	return host.templates.insert({"template_name": "Welcome", "flow_definition": text, **values})["name"]


def test_a_template_is_told_to_be_made_and_changed_with_the_names_of_fields_only(host):
	name = made(host)
	host.templates.update(
		name, {"notes": "Ask Mr Secret first", "flow_definition": json.dumps(flow(step("b")))}
	)
	host.templates.update(name, {"notes": "Ask Mr Secret first"})
	first, second = told(host, name)
	assert first == ("template.created", {"template_name": "Welcome"})
	assert second == ("template.changed", {"fields": ["notes", "flow_definition"], "draft": 2})


def test_a_save_that_changes_nothing_tells_nothing(host):
	name = made(host)
	host.templates.update(name, dict(host.templates.get(name)))
	assert [event for event, _ in told(host, name)] == ["template.created"]


def test_switching_on_is_told_by_its_own_events(host):
	name = made(host)
	host.templates.update(name, {"is_active": 1})
	assert [event for event, _ in told(host, name)] == [
		"template.created",
		"template.published",
		"template.activated",
	]


def test_an_import_is_told_as_one(host):
	source = open_host()
	entry = export_template(source.templates, made(source))
	(new,) = import_templates(host.templates, entry)
	entry["notes"] = "Changed"
	import_templates(host.templates, [entry])
	import_templates(host.templates, [entry])
	assert told(host, new["name"]) == [
		("template.imported", {"template_name": "Welcome"}),
		("template.imported", {"fields": ["notes"]}),
	]
	made(host, template_name="Another")
	assert told(host, "FT-00002") == [("template.created", {"template_name": "Another"})]


def test_the_shipped_flows_are_told_once(host):
	for _turn in range(2):
		seeded = seed(host.templates)
	for entry in seeded:
		((event, details),) = told(host, entry["name"])
		assert (event, details["system"]) == ("template.imported", True)
