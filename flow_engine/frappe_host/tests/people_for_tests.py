"""Users with given roles, made in the test's own transaction."""

import frappe


def make_user(name: str, *roles: str, enabled: int = 1) -> str:
	"""A user of the site with these roles and no others; its name."""
	email = f"{name}@flow-tests.example.com"
	if not frappe.db.exists("User", email):
		user = frappe.new_doc("User")
		user.update({"email": email, "first_name": name.title(), "send_welcome_email": 0})
		user.flags.no_welcome_mail = True
		user.insert(ignore_permissions=True)
		user.add_roles(*roles)
	if not enabled:
		frappe.db.set_value("User", email, "enabled", 0)
	return email
