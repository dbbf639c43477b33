"""What a site needs besides its DocTypes: roles and the sequences that names come from."""

import frappe

from flow_engine.frappe_host.names import SEQUENCES

ROLES = ("Flow Manager", "Flow User", "Flow Auditor")


def after_install():
	create_roles()
	create_sequences()


def after_uninstall():
	"""Sequences are no DocTypes, so the framework does not know that they are ours to remove."""
	for sequence, _prefix in SEQUENCES.values():
		frappe.db.sql_ddl(f"DROP SEQUENCE IF EXISTS `{sequence}`")


def create_roles():
	for name in ROLES:
		if not frappe.db.exists("Role", name):
			frappe.get_doc({"doctype": "Role", "role_name": name}).insert(ignore_permissions=True)
		frappe.db.set_value("Role", name, {"desk_access": 1, "disabled": 0})


def create_sequences():
	"""Create what is missing and move each sequence past the names in use; may be run at any time.

	NOCACHE, because a cached sequence jumps ahead in a backup. SETVAL never goes back, so a restored database
	that lost its sequences does not hand out a name twice.
	"""
	for doctype, (sequence, prefix) in SEQUENCES.items():
		frappe.db.sql_ddl(f"CREATE SEQUENCE IF NOT EXISTS `{sequence}` NOCACHE NOCYCLE")
		highest = _highest_number(doctype, prefix)
		if highest:
			frappe.db.sql(f"SELECT SETVAL(`{sequence}`, {highest})")


def _highest_number(doctype: str, prefix: str) -> int:
	if not frappe.db.table_exists(doctype):
		return 0
	numbers = frappe.db.sql(
		f"SELECT MAX(CAST(SUBSTRING(name, %s) AS UNSIGNED)) FROM `tab{doctype}` WHERE name REGEXP %s",
		(len(prefix) + 2, f"^{prefix}-[0-9]{{1,18}}$"),
	)
	return int(numbers[0][0] or 0)
