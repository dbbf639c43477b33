"""What the editor asks over real HTTP: to whom it answers, that a test run leaves a site as it was, and that
of many saves at once one is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from callers import is_readable
from conftest import unique
from flows import definition, step

READS = {
	"editor.fields": {"doctype": "Customer"},
	"editor.search": {"doctype": "Customer", "text": "native"},
	"editor.doctypes": {"text": "cust"},
	"editor.sample": {"doctype": "Customer", "docname": "nobody"},
	"templates.standing": {"name": "FT-00000"},
	"templates.version": {"name": "FT-00000", "version": 1},
}
# What a request may touch by itself.
OWN_TABLES = ("tabSessions", "tabUser")
SUMS = """
tables = [row[0] for row in frappe.db.sql("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'")]
answer = {}
for start in range(0, len(tables), 100):
	names = ", ".join(f"`{name}`" for name in tables[start : start + 100])
	answer.update({name: str(total) for name, total in frappe.db.sql(f"CHECKSUM TABLE {names}")})
"""


@pytest.fixture(scope="module")
def contract(site):
	"""A Contract of a Customer, removed in the end; `{contract, customer}`."""
	made = site(
		"""
		customer = frappe.get_doc({"doctype": "Customer", "customer_name": mark,
			"customer_type": "Individual", "email_id": "ann@example.com"}).insert()
		contract = frappe.get_doc({"doctype": "Contract", "party_type": "Customer", "party_name":
		customer.name,
			"contract_terms": "<p>Fibre</p>", "start_date": "2026-12-01"}).insert()
		answer = {"contract": contract.name, "customer": customer.name}
		""",
		mark=unique("contract"),
	)
	yield made
	site(
		"""
		frappe.delete_doc("Contract", contract, force=True)
		frappe.delete_doc("Customer", customer, force=True)
		""",
		**made,
	)


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("who", ["guest", "nobody", "user"])
def test_who_may_not_see_flows_gets_nothing_from_the_editors_doors(callers, who, path):
	status, body = callers[who].post(path, **READS[path])
	assert status == 403 and not isinstance(body.get("message"), dict), body


@pytest.mark.parametrize("who", ["guest", "nobody", "user"])
def test_who_may_not_see_flows_cannot_try_one(callers, contract, who):
	status, body = callers[who].post(
		"editor.test_run", definition=definition(step("a")), doctype="Contract", docname=contract["contract"]
	)
	assert status == 403, body


def test_the_editors_doors_answer_a_manager(callers, contract):
	manager = callers["manager"]
	status, body = manager.get("editor.fields", doctype="Contract")
	assert status == 200 and {"name", "is_signed"} <= {field["name"] for field in body["message"]["fields"]}
	status, body = manager.get("editor.search", doctype="Customer", text=contract["customer"])
	assert status == 200 and contract["customer"] in [row["name"] for row in body["message"]["documents"]]
	status, body = manager.get("editor.sample", doctype="Contract", docname=contract["contract"])
	assert (status, body["message"]["customer"]["name"]) == (200, contract["customer"])
	status, body = manager.get("editor.sample", doctype="User", docname="Administrator")
	assert status in (403, 422) and is_readable(body), body
	status, body = manager.get("editor.fields", doctype="No Such Thing")
	assert body["code"] == "unknown_doctype" and is_readable(body)


def test_a_test_run_over_http_leaves_every_table_as_it_was_and_calls_nobody(callers, site, gateway, contract):
	steps = (
		step("job", "dispatch_job", payload={"subject": "Go", "on_open_webhook": gateway.url}),
		step("issue", "issue", payload={"subject": "Look at {{doc.name}}"}),
		step(
			"tell",
			"notify",
			payload={"channel": "email", "to": "{{customer.email_id}}", "subject": "a", "body": "b"},
		),
		step("text", "notify", payload={"channel": "sms", "to": "+15145550142", "body": "b"}),
		step("call", "webhook", payload={"url": gateway.url, "method": "POST"}),
		step(
			"note",
			"erp_update",
			payload={
				"doctype": "Customer",
				"docname_ref": "{{doc.party_name}}",
				"fields_json": {"customer_details": "x"},
			},
		),
		step("later", "wait", {"type": "after_delay", "delay_days": 300}, after=["note"]),
	)
	before = site(SUMS)
	status, body = callers["manager"].post(
		"editor.test_run", definition=definition(*steps), doctype="Contract", docname=contract["contract"]
	)
	assert status == 200, body
	outcome = body["message"]
	assert {entry["status"] for entry in outcome["steps"].values()} == {"done"}, outcome["steps"]
	after = site(SUMS)
	changed = {table for table in after if after[table] != before.get(table)}
	assert changed - set(OWN_TABLES) == set()
	assert gateway.requests == []


def test_a_test_run_that_cannot_be_done_is_refused_by_code_and_the_next_request_can_write(callers, contract):
	manager = callers["manager"]
	status, body = manager.post("editor.test_run", definition=definition(step("a", "no_such_kind")))
	assert (status, body["code"]) == (422, "invalid_definition") and body["problems"]
	status, body = manager.post(
		"editor.test_run", definition=definition(step("a")), doctype="Contract", docname="no"
	)
	assert body["code"] == "document_not_found" and is_readable(body)
	status, body = manager.post("templates.create", template_name=unique("after"), category="other")
	assert status == 200, body


def test_of_many_saves_at_once_on_one_state_exactly_one_is_kept(callers):
	manager = callers["manager"]
	draft = manager.post("templates.create", template_name=unique("many"), category="other")[1]["message"][
		"template"
	]

	def save(number):
		return manager.post(
			"templates.update", name=draft["name"], notes=f"{number}", modified=draft["modified"]
		)

	with ThreadPoolExecutor(6) as pool:
		answers = list(pool.map(save, range(6)))
	kept = [number for number, (status, _) in enumerate(answers) if status == 200]
	refused = {body["code"] for status, body in answers if status != 200}
	assert len(kept) == 1 and refused <= {"save_conflict", "transient_database_error"}, answers
	stored = manager.get("templates.get", name=draft["name"])[1]["message"]["template"]
	assert stored["notes"] == f"{kept[0]}"
