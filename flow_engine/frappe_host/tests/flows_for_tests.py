"""Flows and records that tests of triggers are made of."""

import json

import frappe

COMPANY = "Fibre Test"


def make_flow(event: str = "doc_event", **keys) -> str:
	"""An active flow with one step that waits for a person; `keys` are the trigger's, `from_` being `from`.

	`template` gives columns of the Flow Template.
	"""
	template = keys.pop("template", {})
	if "from_" in keys:
		keys["from"] = keys.pop("from_")
	step = {"id": "s1", "kind": "wait", "label": "Wait", "trigger": {"type": "manual"}, "payload": {}}
	definition = {
		"version": 1,
		"trigger": {"event": event, "condition": "", **keys},
		"variables": {},
		"steps": [{**step, "parent_id": None, "branch": None, "depends_on": []}],
	}
	doc = frappe.get_doc(
		{
			"doctype": "Flow Template",
			"template_name": f"Test {frappe.generate_hash(length=12)}",
			"category": "other",
			"flow_definition": json.dumps(definition),
			"is_active": 1,
			**template,
		}
	)
	return doc.insert().name


def runs_of(flow: str) -> list:
	"""The runs of a flow in the order they were started, their JSON parsed."""
	rows = frappe.db.sql(
		"""select name, context_doctype, context_docname, customer, run_as, parent_run, root_run, depth,
		variables, trigger_data, revision from `tabFlow Run` where flow_template = %s
		order by cast(substring(name, 4) as unsigned)""",
		flow,
		as_dict=True,
	)
	for row in rows:
		row.variables = json.loads(row.variables or "{}")
		row.trigger_data = json.loads(row.trigger_data or "{}")
	return rows


def subjects_of(flow: str) -> list[tuple[str, str]]:
	return [(run.context_doctype, run.context_docname) for run in runs_of(flow)]


def make_todo(**values):
	return frappe.get_doc({"doctype": "ToDo", "description": "Look after the fibre", **values}).insert()


def make_customer():
	return frappe.get_doc(
		{
			"doctype": "Customer",
			"customer_name": f"Customer {frappe.generate_hash(length=8)}",
			"customer_type": "Individual",
			"customer_group": _leaf("Customer Group"),
			"territory": _leaf("Territory"),
		}
	).insert()


def make_item() -> str:
	code = f"Fibre {frappe.generate_hash(length=8)}"
	frappe.get_doc(
		{
			"doctype": "Item",
			"item_code": code,
			"item_group": _leaf("Item Group"),
			"stock_uom": "Nos",
			"is_stock_item": 0,
		}
	).insert()
	return code


def _leaf(doctype: str) -> str:
	return frappe.get_all(doctype, {"is_group": 0}, pluck="name", order_by="lft", limit=1)[0]
