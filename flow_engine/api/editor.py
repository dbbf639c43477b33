"""What the editor asks about documents, over HTTP: `/api/method/flow_engine.api.editor.…`."""

import frappe

from flow_engine.api.door import endpoint
from flow_engine.frappe_host.document_types import SiteDocumentTypes
from flow_engine.frappe_host.emails import render_email_template
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.trying import (
	SiteBehind,
	read_only_site,
	reading_addresses,
	shielded_handler,
)
from flow_engine.service import editor
from flow_engine.sqlite_host.simulation import simulate
from flow_engine.sqlite_host.trial import World, read_trial


def _check() -> None:
	"""Whoever may not see flows has nothing to ask here. Raises PermissionError."""
	frappe.has_permission("Flow Template", "read", throw=True)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def fields(doctype=None):
	"""The fields of a DocType, as far as the caller may read them."""
	_check()
	return editor.fields(SiteDocumentTypes(), doctype)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def search(doctype=None, text=None, limit=None):
	_check()
	return editor.search(SiteDocumentTypes(), doctype, text, limit)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def doctypes(text=None, limit=None):
	_check()
	return editor.doctypes(SiteDocumentTypes(), text, limit)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def sample(doctype=None, docname=None):
	"""A real document and its customer as the caller may see them, for hints beside the variables."""
	_check()
	return editor.sample(get_host(), doctype, docname)


@frappe.whitelist(methods=["POST"])
@endpoint
def condition(text=None, definition=None, step_id=None):
	"""A condition written as a line of text, as data."""
	_check()
	return editor.condition(get_host().templates.condition_strategy, text, definition, step_id)


@frappe.whitelist(methods=["POST"])
@endpoint
def test_run(**given):
	"""What a flow would do on a real document: run in memory, read as the caller, without any effect."""
	_check()
	host = get_host()
	world = World(
		behind=SiteBehind(),
		user=frappe.session.user,
		time_zone=host.clock.time_zone,
		kinds=host.kinds,
		events=host.templates.events,
		extra_context=host.extra_context,
		business_hours=host.business_hours,
		secret=host.secret,
		render_email=render_email_template,
		shield=shielded_handler,
		allowed=reading_addresses(),
	)
	with read_only_site():
		return simulate(read_trial(given, world), world)
