"""A second connection of the same site, for tests about what others do meanwhile."""

from contextlib import contextmanager

import frappe


@contextmanager
def another_connection(case):
	"""Everything inside happens on a connection of its own, which is kept open until the test ends."""
	mine = frappe.local.db
	frappe.connect(set_admin_as_user=False)
	theirs = frappe.local.db
	case.addCleanup(theirs.close)
	case.addCleanup(theirs.rollback)
	try:
		yield theirs
	finally:
		frappe.local.db = mine
