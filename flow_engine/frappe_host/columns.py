"""What a DocType cannot say about its columns."""

import frappe


def compare_exactly(doctype: str, fieldname: str) -> None:
	"""Make a text column tell `a` from `A`, as the engine does. Commits (DDL).

	The collation of the site takes them for the same, so that a unique index would refuse the second of two
	different steps or trigger keys.
	"""
	column = frappe.db.sql(
		"""select column_type, collation_name from information_schema.columns
		where table_schema = database() and table_name = %s and column_name = %s""",
		(f"tab{doctype}", fieldname),
	)
	if not column or column[0][1] == "utf8mb4_bin":
		return
	frappe.db.commit()  # DDL commits anyway; said here so that nothing is lost by surprise
	kind = f"{column[0][0]} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
	frappe.db.sql_ddl(f"ALTER TABLE `tab{doctype}` MODIFY `{fieldname}` {kind}")
