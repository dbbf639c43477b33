"""What happened, and who is told of it, over the standalone API: the audit trail and webhook endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flow_engine.service import audit, webhooks
from flow_engine.sqlite_host.host import StandaloneHost

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Download:
	"""An answer that is a file, written while it is read."""

	chunks: Iterator[bytes]
	content_type: str
	name: str


def list_events(host: StandaloneHost, arguments: Arguments) -> dict[str, Any]:
	filters = audit.read_filters(arguments, host.clock.time_zone)
	limit, start = audit.read_page(arguments)
	conditions = filters.conditions(host.runs.site_text)
	return audit.listed(host.runs.find_events(conditions, limit + 1, start), limit)


def export_events(host: StandaloneHost, arguments: Arguments) -> Download:
	wanted = audit.read_format(arguments.get("format"))
	chunks = (text.encode("utf-8", "replace") for text in export_lines(host, arguments, wanted))
	return Download(chunks, audit.FORMATS[wanted], audit.file_name(wanted, host.clock.now()))


def export_lines(host: StandaloneHost, arguments: Arguments, wanted: str) -> Iterator[str]:
	"""The same as text, for the command line. Raises BadInput before the first line."""
	conditions = audit.read_filters(arguments, host.clock.time_zone).conditions(host.runs.site_text)
	batches = audit.in_batches(lambda after, limit: host.runs.events_after(conditions, after, limit))
	return audit.exported(batches, wanted)


READS: Mapping[str, Callable[[Any, Arguments], Any]] = {
	"audit.list": lambda c, a: list_events(c.host, a),
	"audit.export": lambda c, a: export_events(c.host, a),
	"webhooks.list": lambda c, a: webhooks.list_endpoints(c.host),
	"webhooks.get": lambda c, a: webhooks.get_endpoint(c.host, a.get("name")),
}
WRITES: Mapping[str, Callable[[Any, Arguments], Any]] = {
	"webhooks.create": lambda c, a: webhooks.create_endpoint(c.host, a.get("values")),
	"webhooks.update": lambda c, a: webhooks.update_endpoint(
		c.host, a.get("name"), a.get("values"), a.get("modified")
	),
	"webhooks.delete": lambda c, a: webhooks.delete_endpoint(c.host, a.get("name")),
	"webhooks.pause": lambda c, a: webhooks.pause(c.host, a.get("name"), a.get("reason")),
	"webhooks.resume": lambda c, a: webhooks.resume(c.host, a.get("name"), a.get("missed"), a.get("reason")),
	"webhooks.rotate_secret": lambda c, a: webhooks.rotate_secret(
		c.host, a.get("name"), a.get("overlap_hours"), a.get("secret")
	),
	"webhooks.test": lambda c, a: webhooks.test(c.host, a.get("name")),
	"deliveries.rotate_signing_secret": lambda c, a: webhooks.rotate_signing_secret(
		c.host, a.get("overlap_hours")
	),
}
