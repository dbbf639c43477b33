"""An outgoing Email Account, made in the test's own transaction."""

import frappe

ACCOUNT = "Flow Tests Outgoing"


def make_email_account(port: int = 25) -> None:
	account = frappe.get_doc(
		{
			"doctype": "Email Account",
			"email_account_name": ACCOUNT,
			"email_id": "flows@flow-tests.example.com",
			"smtp_server": "127.0.0.1",
			"smtp_port": port,
			"no_smtp_authentication": 1,
			"enable_outgoing": 1,
			"default_outgoing": 1,
			"enable_incoming": 0,
		}
	)
	account.insert()
	frappe.local.outgoing_email_account = {}


def forget_email_account() -> None:
	frappe.local.outgoing_email_account = {}
	frappe.clear_document_cache("Email Account", ACCOUNT)
