"""The users of these tests, made once, each with a password and an API key."""

from __future__ import annotations

from typing import Any

DOMAIN = "flow-native.example.com"
PASSWORD = "A-long-pass-phrase-7!"
ROLES: dict[str, tuple[str, ...]] = {
	"manager": (
		"Flow Manager",
		"Support Team",
		"Sales Manager",
		"Sales User",
		"Accounts Manager",
		"Accounts User",
	),
	"user": ("Flow User", "Support Team"),
	"blind": ("Flow User",),
	"admin": ("System Manager", "Flow Manager", "Support Team"),
	"auditor": ("Flow Auditor",),
	"nobody": ("Employee",),
}

MAKE = """
from frappe.utils.password import set_encrypted_password, update_password
keys = {}
for short, roles in people.items():
	email = f"{short}@{domain}"
	if not frappe.db.exists("User", email):
		user = frappe.get_doc({"doctype": "User", "email": email, "first_name": short.title(),
			"last_name": "Native",
			"send_welcome_email": 0, "user_type": "System User", "language": "en"})
		user.flags.no_welcome_mail = True
		user.flags.ignore_password_policy = True
		user.insert(ignore_permissions=True)
	user = frappe.get_doc("User", email)
	user.flags.ignore_password_policy = True
	user.enabled = 1
	user.set("roles", [])
	user.append_roles(*roles)
	user.api_key = user.api_key or frappe.generate_hash(length=15)
	secret = frappe.generate_hash(length=15)
	user.api_secret = secret
	user.save(ignore_permissions=True)
	update_password(email, password)
	keys[short] = {"email": email, "key": f"token {user.api_key}:{secret}"}
answer = keys
"""


def make_people(site: Any) -> dict[str, dict[str, str]]:
	"""`{short name: {email, key}}`; the key goes into the Authorization header."""
	return site(MAKE, people={k: list(v) for k, v in ROLES.items()}, domain=DOMAIN, password=PASSWORD)
