"""What the editor asks about documents, over HTTP: `/api/method/flow_engine.api.editor.…`."""

import frappe

from flow_engine.api.door import endpoint
from flow_engine.frappe_host.document_types import SiteDocumentTypes
from flow_engine.frappe_host.host import get_host
from flow_engine.service import editor


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
