"""What the audit trail says of a saved template: that it was made, changed or imported, and in what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

# What people fill in. The rest follows from it, or has an event of its own: on, published, retired.
FIELDS = (
	"template_name",
	"category",
	"icon",
	"description",
	"tags",
	"notes",
	"run_as",
	"run_as_triggering_user",
	"concurrency",
	"recursion_limit",
	"failure_limit",
	"flow_definition",
)
_importing: ContextVar[bool] = ContextVar("flow_engine_importing", default=False)


@contextmanager
def importing() -> Iterator[None]:
	"""Templates saved inside come from an export, or are the shipped ones."""
	token = _importing.set(True)
	try:
		yield
	finally:
		_importing.reset(token)


def saved_event(
	before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> tuple[str, dict[str, Any]] | None:
	"""The event and its details: names of fields, never what stands in them; None when nothing changed."""
	if before is None:
		details = {"template_name": after.get("template_name")}
		if after.get("is_system"):
			details["system"] = True
		return ("template.imported" if _importing.get() else "template.created"), details
	changed = [name for name in FIELDS if _differs(before.get(name), after.get(name))]
	if not changed:
		return None
	details = {"fields": changed}
	if "flow_definition" in changed:
		details["draft"] = after.get("version")
	return ("template.imported" if _importing.get() else "template.changed"), details


def _differs(one: Any, other: Any) -> bool:
	# Hosts keep nothing as NULL, as an empty text or as 0.
	return (one or None) != (other or None) and str(one or "") != str(other or "")
