"""What the editor asks the standalone server: words, fields, documents, versions, conflicts, and runs'
pictures."""

import threading

import pytest

from flow_engine.engine.definition import TRIGGER_FIELDS, TriggerType
from flow_engine.engine.kinds import register
from flow_engine.engine.predicates import PREDICATES
from flow_engine.service import vocabulary
from flow_engine.testing.served import Refused

ASK = {
	"id": "ask",
	"kind": "wait",
	"label": "Somebody agrees",
	"trigger": {"type": "manual"},
	"payload": {},
}
BIG = {
	"id": "big",
	"kind": "condition",
	"label": "Is it big?",
	"payload": {"field": "doc.grand_total", "op": ">", "value": 5000},
}
REPORT = {"id": "report", "kind": "issue", "label": "Report", "payload": {"subject": "About {{doc.name}}"}}


def flow(*steps, **trigger):
	return {"version": 1, "trigger": {"event": "manual", **trigger}, "variables": {}, "steps": list(steps)}


def refusal(call, *arguments, **keywords):
	with pytest.raises(Refused) as caught:
		call(*arguments, **keywords)
	return caught.value.status, caught.value.code


@pytest.fixture
def document(served):
	def put(doctype, name, **values):
		return served.api("documents.put", doc={"doctype": doctype, "name": name, **values})["document"]

	return put


# --- the catalog --------------------------------------------------------------------------------------------


def test_every_name_of_the_language_has_a_label(served):
	catalog = served.get("catalog")
	named = ("trigger_types", "operators", "filters", "on_error", "categories", "concurrency", "catalogs")
	for key in named:
		assert all(entry["name"] and entry["label"] for entry in catalog[key]), key
	assert [entry["name"] for entry in catalog["trigger_types"]] == [str(name) for name in TriggerType]
	assert [entry["name"] for entry in catalog["operators"]] == list(PREDICATES)


def test_trigger_types_offer_the_fields_that_validation_accepts():
	assert {
		name: tuple(f.name for f in fields) for name, fields in vocabulary.TRIGGER_FIELDS.items()
	}.keys() <= set(TRIGGER_FIELDS)
	for name, accepted in TRIGGER_FIELDS.items():
		assert {field.name for field in vocabulary.TRIGGER_FIELDS.get(name, ())} == set(accepted), name


def test_every_branch_that_a_kind_takes_has_a_label(served):
	labels = served.get("catalog")["branch_labels"]
	taken = {branch for kind in register().values() for branch in kind.branches} | {"error", "timeout"}
	assert taken <= labels.keys()


def test_every_example_of_a_condition_is_valid(served):
	for doctype, examples in served.get("catalog")["condition_examples"].items():
		for example in examples:
			trigger = {
				"event": "doc_event",
				"doctype": doctype,
				"doc_event": "on_update",
				"condition": example["condition"],
			}
			answer = served.api("templates.validate", definition=flow(ASK, **trigger))
			assert answer["problems"] == [], example["label"]


# --- documents ----------------------------------------------------------------------------------------------


def test_fields_of_a_known_doctype_are_described_and_those_of_stored_documents_are_added(served, document):
	document("Contract", "CON-F", fibre_length=12.5, visit_on="2026-12-01", rooms=[{"floor": 2}])
	fields = {field["name"]: field for field in served.get("editor.fields", doctype="Contract")["fields"]}
	assert fields["status"]["type"] == "Select" and "Unsigned" in fields["status"]["options"]
	assert (fields["contract_template"]["link"], fields["is_signed"]["type"]) == (
		"Contract Template",
		"Check",
	)
	assert (fields["fibre_length"]["type"], fields["fibre_length"]["label"]) == ("Float", "Fibre Length")
	assert fields["visit_on"]["type"] == "Date"
	assert [child["name"] for child in fields["rooms"]["children"]] == ["floor"]


def test_the_engines_own_doctype_is_described_by_its_file(served):
	fields = {field["name"]: field for field in served.get("editor.fields", doctype="Dispatch Job")["fields"]}
	assert fields["customer"]["link"] == "Customer"
	assert "Open" in fields["status"]["options"]
	assert "subject" in {child["name"] for child in fields["merged_requests"]["children"]}


def test_documents_and_doctypes_are_found_by_what_people_type(served, document):
	document("Customer", "CUST-77", customer_name="Élodie Roy")
	document("Tower", "T-1")
	assert served.get("editor.search", doctype="Customer", text="élod")["documents"] == [
		{"name": "CUST-77", "label": "Élodie Roy"}
	]
	assert served.get("editor.search", doctype="Customer", text="nobody")["documents"] == []
	assert {"name": "Tower", "label": "Tower"} in served.get("editor.doctypes", text="tow")["doctypes"]
	assert "Contract" not in {d["name"] for d in served.get("editor.doctypes", text="tow")["doctypes"]}


def test_a_sample_is_the_document_and_its_customer(served, document):
	document("Customer", "CUST-S", customer_name="Sam")
	document("Contract", "CON-S", party_type="Customer", party_name="CUST-S")
	sample = served.get("editor.sample", doctype="Contract", docname="CON-S")
	assert (sample["doc"]["name"], sample["customer"]["customer_name"]) == ("CON-S", "Sam")
	document("Contract", "CON-T", party_type="Customer", party_name="gone")
	assert served.get("editor.sample", doctype="Contract", docname="CON-T")["customer"] is None
	assert (
		refusal(served.get, "editor.sample", doctype="Contract", docname="nothing")[1] == "document_not_found"
	)


@pytest.mark.parametrize("path", ["editor.fields", "editor.search", "editor.sample"])
def test_what_is_missing_is_named(served, path):
	assert refusal(served.get, path) == (400, "bad_input")


# --- versions and conflicts ---------------------------------------------------------------------------------


def test_a_published_version_is_read_as_it_was(served):
	made = served.flow("versioned", flow(ASK))
	first = made["published_version"]
	served.api("templates.update", name=made["name"], flow_definition=flow(ASK, REPORT))
	second = served.api("templates.publish", name=made["name"], note="With a report")["template"]
	read = served.get("templates.version", name=made["name"], version=first)
	assert [step["id"] for step in read["definition"]["steps"]] == ["ask"]
	read = served.get("templates.version", name=made["name"], version=second["published_version"])
	assert [step["id"] for step in read["definition"]["steps"]] == ["ask", "report"]
	assert (read["note"], bool(read["published_on"]), bool(read["published_by"])) == (
		"With a report",
		True,
		True,
	)
	assert refusal(served.get, "templates.version", name=made["name"], version=99)[1] == "template_not_found"
	assert refusal(served.get, "templates.version", name=made["name"])[1] == "bad_input"


def test_of_two_saves_on_one_state_the_second_is_a_conflict_however_fast_it_comes(served):
	made = served.api("templates.create", template_name="two editors", flow_definition=flow(ASK))["template"]
	seen = made["modified"]
	served.api("templates.update", name=made["name"], notes="mine", modified=seen)
	assert refusal(served.api, "templates.update", name=made["name"], notes="theirs", modified=seen) == (
		409,
		"save_conflict",
	)
	assert served.get("templates.get", name=made["name"])["template"]["notes"] == "mine"
	assert (
		refusal(served.api, "templates.update", name=made["name"], notes="x", modified="soon")[1]
		== "bad_input"
	)


def test_of_many_saves_at_once_on_one_state_exactly_one_is_kept(served):
	made = served.api("templates.create", template_name="many editors", flow_definition=flow(ASK))["template"]
	kept = []

	def save(number):
		try:
			served.api("templates.update", name=made["name"], notes=f"{number}", modified=made["modified"])
			kept.append(number)
		except Refused as refused:
			assert refused.code == "save_conflict"

	threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join()
	assert [f"{number}" for number in kept] == [
		served.get("templates.get", name=made["name"])["template"]["notes"]
	]


# --- pictures of runs ---------------------------------------------------------------------------------------


def test_a_run_brings_the_version_it_was_made_from_and_what_its_conditions_read(served, document):
	document("Quotation", "QTN-R", grand_total=7000)
	made = served.flow("drawn", flow(BIG, {**ASK, "parent_id": "big", "branch": "yes"}))
	started = served.api(
		"runs.start", template=made["name"], doctype="Quotation", docname="QTN-R", wait_seconds=20
	)
	served.api("templates.update", name=made["name"], flow_definition=flow(REPORT))
	run = served.run(started["run"])
	assert [step["id"] for step in run["definition"]["steps"]] == ["big", "ask"]
	assert run["definition"]["steps"][0]["payload"]["value"] == 5000
	assert {s["id"]: s["read"] for s in run["steps"]} == {"big": {"doc.grand_total": 7000}, "ask": None}


def test_a_picture_counts_the_runs_that_stand_at_a_step(served):
	made = served.flow("standing", flow(ASK))
	runs = [served.api("runs.start", template=made["name"], wait_seconds=20)["run"] for _ in range(3)]
	served.api("runs.complete", run=runs[0], step_id="ask", wait_seconds=20)
	served.api("runs.cancel", run=runs[1])
	picture = served.get("templates.standing", name=made["name"])
	assert picture["steps"] == {"ask": {"waiting": 1, "scheduled": 0, "running": 0, "failed": 0}}
	assert picture["runs"] == {"running": 1, "failed": 0, "completed": 1, "cancelled": 1}
	assert picture["more"] is False
	assert "here" not in picture
	at_step = served.get("templates.standing", name=made["name"], step_id="ask")
	assert [(run["name"], run["status"]) for run in at_step["here"]] == [(runs[2], "waiting")]
	assert served.get("templates.standing", name=made["name"], step_id="other")["here"] == []
	assert refusal(served.get, "templates.standing", name="nothing")[1] == "template_not_found"


def test_a_failed_step_stands_where_it_failed_until_somebody_handles_it(served):
	broken = {
		"id": "broken",
		"kind": "erp_update",
		"label": "Change it",
		"payload": {"doctype": "Customer", "docname_ref": "nobody", "fields_json": {"a": 1}},
	}
	made = served.flow("failing", flow(broken))
	run = served.api("runs.start", template=made["name"], wait_seconds=20)["run"]
	assert served.get("templates.standing", name=made["name"])["steps"]["broken"]["failed"] == 1
	attempts = served.get("runs.log", run=run, step_id="broken")["attempts"]
	assert [(a["attempt"], a["state"], a["error_code"]) for a in attempts] == [
		(1, "failed", "document_not_found")
	]
	served.api("runs.skip", run=run, step_id="broken", wait_seconds=20)
	assert served.get("templates.standing", name=made["name"])["steps"] == {}
	assert refusal(served.get, "runs.log", run=run, step_id="other")[1] == "step_not_found"


# --- a document's flows -------------------------------------------------------------------------------------


def test_a_document_shows_the_flows_that_watch_it_its_runs_and_what_can_be_started(served, document):
	document("Tower", "T-9")
	watched = {"event": "doc_event", "doctype": "Tower", "doc_event": "on_update"}
	paused = served.api("templates.create", template_name="tower watch", flow_definition=flow(ASK, **watched))
	own = served.flow("tower by hand", flow(ASK, doctype="Tower"))
	anywhere = served.flow("by hand anywhere", flow(ASK))
	other = served.flow("contracts by hand", flow(ASK, doctype="Contract"))
	run = served.api("runs.start", template=own["name"], doctype="Tower", docname="T-9")["run"]
	shown = served.get("connections.flows", doctype="Tower", docname="T-9")
	assert [(w["name"], w["is_active"]) for w in shown["watching"]] == [(paused["template"]["name"], 0)]
	startable = {s["name"] for s in shown["startable"]}
	assert {own["name"], anywhere["name"]} <= startable and other["name"] not in startable
	assert [(r["name"], r["template_name"]) for r in shown["runs"]] == [(run, "tower by hand")]
	assert served.get("connections.flows", doctype="Tower")["runs"] == []


def test_a_condition_of_an_event_reads_through_a_link(served, document):
	document("Customer", "CUST-L", customer_name="Lia", customer_type="Company")
	document("Issue", "ISS-L", customer="CUST-L", subject="x")
	condition = {"field": "doc.customer.customer_type", "op": "==", "value": "Company"}
	made = served.flow("linked", flow(ASK, event="on_issue_opened", condition=condition))
	answers = served.api("runs.event", event="on_issue_opened", doctype="Issue", docname="ISS-L")["results"]
	(answer,) = [entry for entry in answers if entry["template"] == made["name"]]
	assert answer["started"]
	served.api("documents.put", doc={"doctype": "Customer", "name": "CUST-L", "customer_type": "Individual"})
	answers = served.api("runs.event", event="on_issue_opened", doctype="Issue", docname="ISS-L")["results"]
	(answer,) = [entry for entry in answers if entry["template"] == made["name"]]
	assert (answer["started"], answer["read"]) == (False, {"doc.customer.customer_type": "Individual"})


def test_the_catalog_speaks_the_readers_language(served):
	def labels(**language):
		catalog = served.get("catalog", **language)
		return {entry["name"]: entry["label"] for entry in catalog["doc_events"]}["after_insert"]

	assert (labels(language="fr-CA"), labels(language="xx"), labels()) == (
		"est créé",
		"is created",
		"is created",
	)


def test_problems_are_said_in_the_language_that_the_browser_asks_for(served):
	def message(language):
		reply = served.session.post(
			served.path("templates.validate"),
			json={"definition": {"version": 1, "trigger": {"event": "manual"}, "variables": {}}},
			headers={"Accept-Language": language},
			timeout=60,
		)
		return [problem["message"] for problem in reply.json()["message"]["problems"]]

	assert message("fr-CA,fr;q=0.9,en;q=0.5") == ["Le flux n'a pas de liste d'étapes."]
	assert message("en") == message("") == ["The flow has no list of steps."]
