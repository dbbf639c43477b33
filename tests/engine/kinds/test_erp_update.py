import pytest

from flow_engine.engine.errors import BadTemplate, DocumentNotFound, GuardRefused
from flow_engine.engine.kinds import PROJECT_KINDS
from flow_engine.engine.kinds.erp_update import NEVER_WRITTEN
from flow_engine.engine.outcomes import Done

ERP_UPDATE = PROJECT_KINDS["erp_update"]


def test_fields_are_written_and_the_document_counts_as_touched(world):
	world.documents.keep("Project", "P-1", status="Open")
	outcome = world.do(
		"erp_update",
		{
			"doctype": "Project",
			"docname_ref": "P-1",
			"fields_json": '{"status": "Done", "notes": "{{doc.subject}}", "percent": 100}',
		},
	)
	assert outcome == Done(
		{"doctype": "Project", "name": "P-1", "fields": ["notes", "percent", "status"]},
		(("Project", "P-1", "updated"),),
		{
			"before": {"status": "Open", "notes": None, "percent": None},
			"after": {"status": "Done", "notes": "No signal", "percent": 100},
		},
	)
	assert world.documents.get("Project", "P-1")["notes"] == "No signal"
	assert world.documents.get("Project", "P-1")["percent"] == 100


@pytest.mark.parametrize(("doctype", "name"), [("Issue", "ISS-1"), ("Customer", "CUST-1")])
def test_without_a_name_it_is_the_flows_document_or_its_customer(world, doctype, name):
	world.documents.keep(doctype, name)
	world.do("erp_update", {"doctype": doctype, "fields_json": {"notes": "x"}})
	assert world.documents.get(doctype, name)["notes"] == "x"


def test_without_a_name_any_other_document_is_not_found(world):
	with pytest.raises(DocumentNotFound):
		world.do(
			"erp_update", {"doctype": "Project", "docname_ref": "{{doc.project}}", "fields_json": {"a": 1}}
		)


@pytest.mark.parametrize("field", [*sorted(NEVER_WRITTEN), "_user_tags", "_assign", "__onload"])
def test_what_frappe_keeps_itself_is_refused_when_saved_and_when_run(world, field):
	world.documents.keep("Issue", "ISS-1")
	payload = {"doctype": "Issue", "fields_json": {field: 1, "priority": "High"}}
	assert [(at, code) for at, code, _ in ERP_UPDATE.check(payload)] == [("fields_json", "bad_value")]
	with pytest.raises(GuardRefused):
		world.do("erp_update", payload)
	assert "priority" not in world.documents.get("Issue", "ISS-1")


@pytest.mark.parametrize("fields", [{}, {"{{doc.name}}": 1}, {"": 1}])
def test_nothing_to_write_or_a_name_that_is_none_is_refused(world, fields):
	payload = {"doctype": "Issue", "fields_json": fields}
	assert ERP_UPDATE.check(payload)
	with pytest.raises(GuardRefused):
		world.do("erp_update", payload)


def test_a_row_that_is_not_filled_in_yet_is_asked_for_in_words():
	for name in ("", " "):
		(found,) = ERP_UPDATE.check({"doctype": "Issue", "fields_json": {name: "x"}})
		assert found[2] == "Choose the field that is to be written."


@pytest.mark.parametrize("fields", ["[1]", "7", [1]])
def test_fields_that_are_no_object_are_refused(world, fields):
	payload = {"doctype": "Issue", "fields_json": fields}
	assert [code for _, code, _ in ERP_UPDATE.check(payload)] == ["bad_value"]
	with pytest.raises(BadTemplate):
		world.do("erp_update", payload)
