"""Emails of flows: rows of the site's own queue, in the transaction of the step that sends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import frappe
from frappe.utils.jinja import get_jenv
from jinja2 import ChainableUndefined, TemplateError

from flow_engine.engine.errors import MessageRefused, StepError
from flow_engine.frappe_host.acting import forbid_commit
from flow_engine.frappe_host.foreign_errors import translated

# With more of them Frappe queues from a background job, outside the step's transaction.
MOST_RECIPIENTS = 100
AUTHOR = "System Manager"
# Answering machines leave such a message unanswered (RFC 3834), so that two of them never talk for ever.
_AUTOMATIC = "Auto-Submitted: auto-generated"
_ROOTS = ("doc", "customer", "run", "template", "variables", "now", "steps", "input", "links", "trigger")
_ROOTS += ("compensates",)


def send_email(
	*,
	to: Sequence[str],
	subject: str,
	html: str,
	template: str | None = None,
	values: Mapping[str, Any] | None = None,
	reference: tuple[str, str] | None = None,
) -> dict[str, Any]:
	"""Queue one email; `{doctype, name}` of its entry. Raises MessageRefused, TransientDatabaseError."""
	recipients = [address for address in dict.fromkeys(to) if address]
	if not recipients:
		raise MessageRefused("The email has no recipient.")
	if len(recipients) > MOST_RECIPIENTS:
		raise MessageRefused(f"An email of a flow goes to at most {MOST_RECIPIENTS} recipients.")
	with translated("Queueing an email"), forbid_commit():
		if template:
			subject, html = render_email_template(template, values or {})
		doctype, name = reference or (None, None)
		try:
			entry = frappe.sendmail(
				recipients=recipients,
				subject=subject,
				message=html,
				reference_doctype=doctype,
				reference_name=name,
				delayed=True,
				now=False,
			)
		except frappe.OutgoingEmailError:
			raise MessageRefused(
				"This site has no outgoing Email Account that could send the email."
			) from None
		except frappe.InvalidEmailAddressError as error:
			raise MessageRefused(f"A recipient's address is not valid: {error}") from None
		if not entry:
			raise MessageRefused(
				"None of the recipients can get the email: unsubscribed, or no valid address."
			)
		ending = "\r\n" if "\r\n" in entry.message[:1000] else "\n"
		frappe.db.set_value(
			"Email Queue",
			entry.name,
			"message",
			f"{_AUTOMATIC}{ending}{entry.message}",
			update_modified=False,
		)
		return {"doctype": "Email Queue", "name": entry.name}


def render_email_template(name: str, values: Mapping[str, Any]) -> tuple[str, str]:
	"""Subject and HTML body. Raises MessageRefused.

	An Email Template is a program (Jinja with Frappe's functions), so only those a System Manager wrote are
	run. Values are escaped in the body; a template that wants markup says `|safe`. What is unknown is empty.
	"""
	row = frappe.db.get_value(
		"Email Template",
		name,
		["name", "subject", "use_html", "response", "response_html", "owner", "modified_by"],
		as_dict=True,
	)
	if not row:
		raise MessageRefused(f"There is no Email Template {name}.")
	for author in (row.owner, row.modified_by):
		if author != "Administrator" and AUTHOR not in frappe.get_roles(author):
			raise MessageRefused(f"The Email Template {row.name} was not written by a {AUTHOR}.")
	context = _context(values)
	subject = _render(row.name, row.subject or "", context, escape=False)
	body = _render(
		row.name, (row.response_html if row.use_html else row.response) or "", context, escape=True
	)
	return " ".join(subject.split()), body


def _render(name: str, text: str, context: Mapping[str, Any], escape: bool) -> str:
	if ".__" in text:
		raise MessageRefused(f"The Email Template {name} reads what a template may not read.")
	try:
		environment = get_jenv().overlay(autoescape=escape, undefined=ChainableUndefined)
		return str(environment.from_string(text).render(context))
	except (TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
		raise MessageRefused(f"The Email Template {name} cannot be rendered: {error}") from None


def _context(values: Mapping[str, Any]) -> dict[str, Any]:
	"""The step's context; also the document's fields by their own names, as Frappe's templates expect."""
	context: dict[str, Any] = {}
	for root in _ROOTS:
		try:
			context[root] = values.get(root)
		except StepError:
			# What the acting user may not read is not there.
			context[root] = None
	doc = context["doc"]
	return {**doc, **context} if isinstance(doc, Mapping) else context
