"""Whom and what a step is about: its context document and its customer, where a handler wants a default.

A kind whose handler uses these names `doc` and `customer` in `Kind.needs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flow_engine.engine.errors import DocumentNotFound, PermissionDenied, UnknownDocType
from flow_engine.engine.kinds.base import StepContext

NEEDS = frozenset(("doc", "customer"))


def context_document(ctx: StepContext) -> Mapping[str, Any]:
	"""The document the run is about, as the acting user may read it; empty when there is none."""
	return _document(ctx, "doc")


def customer_document(ctx: StepContext) -> Mapping[str, Any]:
	"""The run's customer, as the acting user may read it; empty when there is none."""
	return _document(ctx, "customer")


def customer_name(ctx: StepContext) -> str | None:
	"""Name of the run's customer, or None."""
	return ctx.run.get("customer") or customer_document(ctx).get("name")


def reference(ctx: StepContext) -> dict[str, Any]:
	"""Link fields that tie a new document to the run's context document; empty without one."""
	if not ctx.run.get("context_doctype") or not ctx.run.get("context_docname"):
		return {}
	return {
		"reference_doctype": ctx.run["context_doctype"],
		"reference_name": ctx.run["context_docname"],
	}


def _document(ctx: StepContext, root: str) -> Mapping[str, Any]:
	try:
		document = ctx.values.get(root)
	except (DocumentNotFound, PermissionDenied, UnknownDocType):
		# What is asked for here is a default; whoever cannot read it goes without.
		return {}
	return document if isinstance(document, Mapping) else {}
