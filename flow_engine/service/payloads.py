"""The door of payloads: whatever starts a flow with values of its own asks here first.

That is a person, a program, a schedule, an inbound hook, and another flow. Events are not asked: what they
bring is their own, and a replay repeats what was accepted once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flow_engine.engine.payload_schema import check_payload
from flow_engine.engine.ports import Host


def accept_payload(host: Host, template: str, version: int, payload: Mapping[str, Any]) -> None:
	"""May this version be started with this payload? Raises InvalidPayload, TemplateNotFound."""
	check_payload(published_schema(host, template, version), payload)


def published_schema(host: Host, template: str, version: int) -> Mapping[str, Any] | None:
	"""The payload schema of a published version; None when it asks for nothing in particular. Raises
	TemplateNotFound."""
	schema: Mapping[str, Any] | None = host.definitions.load(template, version).payload_schema
	return schema
