"""The SQLite tables: the same columns as the site's, read from the same DocType files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

DOCTYPES = (
	"Flow Template",
	"Flow Template Version",
	"Flow Run",
	"Flow Run Document",
	"Flow Step Pending",
	"Flow Step Log",
	"Flow Delivery",
	"Flow Audit Event",
	"Flow Webhook Endpoint",
	"Flow Schedule",
	"Flow Schedule Fire",
	"Flow Inbound Hook",
	"Flow Inbound Call",
	"Flow Date Scan",
)
_FOLDER = Path(__file__).parent.parent / "flow_engine" / "doctype"
_STANDARD = (
	"name TEXT PRIMARY KEY, creation TEXT, modified TEXT, owner TEXT, modified_by TEXT, "
	"docstatus INT, idx INT"
)
_TYPES = {"Int": "INT", "Check": "INT", "Float": "REAL"}
NO_COLUMN = ("Section Break", "Column Break", "Tab Break", "HTML", "Table", "Button", "Heading")

_INDEXES = (
	"CREATE INDEX IF NOT EXISTS run_wake ON `tabFlow Run` (wake_at) WHERE wake_at IS NOT NULL",
	"CREATE INDEX IF NOT EXISTS run_flow_wake ON `tabFlow Run` (flow_template, wake_at) "
	"WHERE wake_at IS NOT NULL",
	"CREATE INDEX IF NOT EXISTS run_sla ON `tabFlow Run` (sla_at) WHERE sla_at IS NOT NULL",
	"CREATE INDEX IF NOT EXISTS run_sla_status ON `tabFlow Run` (sla_status, creation) "
	"WHERE sla_status IS NOT NULL",
	"CREATE INDEX IF NOT EXISTS run_quiet ON `tabFlow Run` (name) "
	"WHERE status = 'running' AND wake_at IS NULL",
	"CREATE INDEX IF NOT EXISTS run_context ON `tabFlow Run` (context_doctype, context_docname)",
	"CREATE INDEX IF NOT EXISTS run_template_ended ON `tabFlow Run` (flow_template, status, completed_at)",
	"CREATE INDEX IF NOT EXISTS run_version ON `tabFlow Run` (flow_template, template_version, status)",
	"CREATE UNIQUE INDEX IF NOT EXISTS run_trigger_key ON `tabFlow Run` (trigger_key)",
	"CREATE INDEX IF NOT EXISTS run_documents ON `tabFlow Run Document` (parent)",
	"CREATE INDEX IF NOT EXISTS pending_run ON `tabFlow Step Pending` (flow_run, status)",
	"CREATE INDEX IF NOT EXISTS pending_due ON `tabFlow Step Pending` (status, trigger_at)",
	"CREATE UNIQUE INDEX IF NOT EXISTS log_attempt ON `tabFlow Step Log` (flow_run, step_id, iteration, "
	"attempt)",
	"CREATE INDEX IF NOT EXISTS log_order ON `tabFlow Step Log` (flow_run, seq)",
	"CREATE INDEX IF NOT EXISTS audit_run ON `tabFlow Audit Event` (flow_run)",
	"CREATE INDEX IF NOT EXISTS delivery_about ON `tabFlow Delivery` (reference_doctype, reference_name, "
	"status)",
	"CREATE INDEX IF NOT EXISTS delivery_wake ON `tabFlow Delivery` (wake_at) WHERE wake_at IS NOT NULL",
	"CREATE INDEX IF NOT EXISTS schedule_wake ON `tabFlow Schedule` (wake_at) WHERE wake_at IS NOT NULL",
	"CREATE INDEX IF NOT EXISTS schedule_flow ON `tabFlow Schedule` (flow_template)",
	"CREATE INDEX IF NOT EXISTS fire_wake ON `tabFlow Schedule Fire` (wake_at) WHERE wake_at IS NOT NULL",
	"CREATE INDEX IF NOT EXISTS fire_schedule ON `tabFlow Schedule Fire` (flow_schedule, fire_utc)",
	"CREATE UNIQUE INDEX IF NOT EXISTS inbound_hook_name ON `tabFlow Inbound Hook` (hook_name)",
	"CREATE INDEX IF NOT EXISTS inbound_call_hook ON `tabFlow Inbound Call` (flow_hook, name)",
	"CREATE INDEX IF NOT EXISTS inbound_call_replay ON `tabFlow Inbound Call` (replay_key) "
	"WHERE replay_key IS NOT NULL",
	"CREATE UNIQUE INDEX IF NOT EXISTS template_name ON `tabFlow Template` (category, template_name)",
	"CREATE UNIQUE INDEX IF NOT EXISTS version ON `tabFlow Template Version` (flow_template, version)",
)
_OWN = (
	"CREATE TABLE IF NOT EXISTS series (name TEXT PRIMARY KEY, value INT NOT NULL)",
	"CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
	"CREATE TABLE IF NOT EXISTS document (doctype TEXT, name TEXT, ordinal INTEGER, change TEXT, `values` "
	"TEXT NOT NULL, "
	"PRIMARY KEY (doctype, name))",
	"CREATE UNIQUE INDEX IF NOT EXISTS open_merge_key ON document (json_extract(`values`, "
	"'$.open_merge_key')) "
	"WHERE doctype = 'Dispatch Job' AND json_extract(`values`, '$.open_merge_key') IS NOT NULL",
	"CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, at TEXT, channel TEXT, run TEXT, step TEXT, "
	"`to` TEXT, subject TEXT, body TEXT, url TEXT, method TEXT, `key` TEXT)",
)


def fields_of(doctype: str) -> list[dict]:
	"""The fields of one of the engine's DocTypes that have a column."""
	return [field for field in meta_of(doctype)["fields"] if field["fieldtype"] not in NO_COLUMN]


def meta_of(doctype: str) -> dict[str, Any]:
	"""The file of one of the engine's DocTypes."""
	folder = doctype.lower().replace(" ", "_")
	return json.loads((_FOLDER / folder / f"{folder}.json").read_text())


def tables() -> Iterator[str]:
	"""The tables of a new database; each statement may be repeated."""
	for doctype in DOCTYPES:
		columns = [_STANDARD]
		if doctype == "Flow Run Document":
			columns.append("parent TEXT, parenttype TEXT, parentfield TEXT")
		columns += [_column(field) for field in fields_of(doctype)]
		yield f"CREATE TABLE IF NOT EXISTS `tab{doctype}` ({', '.join(columns)})"
	yield from (statement for statement in _OWN if statement.startswith("CREATE TABLE"))


def missing_columns(existing: Callable[[str], set[str]]) -> Iterator[str]:
	"""What a file that an older version made lacks. `existing`: the columns that a table has now."""
	for doctype in DOCTYPES:
		present = existing(f"tab{doctype}")
		for field in fields_of(doctype):
			if field["fieldname"] not in present:
				yield f"ALTER TABLE `tab{doctype}` ADD COLUMN {_column(field)}"


def indexes() -> Iterator[str]:
	"""After the columns they are on; each statement may be repeated."""
	yield from _INDEXES
	yield from (statement for statement in _OWN if not statement.startswith("CREATE TABLE"))


def _column(field: Mapping[str, Any]) -> str:
	default = f" DEFAULT {int(field['default'])}" if str(field.get("default") or "").isdigit() else ""
	return f"`{field['fieldname']}` {_TYPES.get(field['fieldtype'], 'TEXT')}{default}"
