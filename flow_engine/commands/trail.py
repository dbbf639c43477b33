"""`bench --site SITE flow-engine audit-export | webhook-test`: what happened, and whether it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def add_commands(group: click.Group, on_site: Callable[[Callable[..., int | None]], Any]) -> None:
	"""`on_site` connects to the site around a command."""

	@group.command("audit-export")
	@click.option("--format", "wanted", type=click.Choice(("csv", "jsonl")), default="csv", show_default=True)
	@click.option("--output", "-o", type=click.Path(dir_okay=False), help="A file instead of the terminal.")
	@click.option("--event", help="One kind of event, or a pattern like run.*.")
	@click.option("--user")
	@click.option("--template", help="Number of a flow template.")
	@click.option("--run")
	@click.option("--since", help="A day or a time, the site's.")
	@click.option("--until", help="A day or a time, the site's; a day is included.")
	@on_site
	def audit_export(wanted: str, output: str | None, **given: str | None) -> int:
		"""Write the audit trail, oldest first, a batch at a time."""
		from flow_engine.frappe_host.audit_trail import batches
		from flow_engine.frappe_host.host import get_host
		from flow_engine.service.audit import exported, read_filters

		filters = read_filters(given, get_host().clock.time_zone)
		# As it is: CSV ends its lines itself.
		with click.open_file(output or "-", "w", encoding="utf-8", atomic=bool(output)) as file:
			for text in exported(batches(filters), wanted):
				file.write(text.replace("\r\n", "\n"))
		return 0

	@group.command("webhook-test")
	@click.argument("endpoint")
	@on_site
	def webhook_test(endpoint: str) -> int:
		"""Send a test.ping to a webhook endpoint now. Exit 0 when it was taken."""
		from flow_engine.frappe_host.host import get_host
		from flow_engine.service.webhooks import outcome_line, test

		answer = test(get_host(), endpoint)
		taken = answer["status"] == "delivered"
		click.secho(outcome_line(answer), fg="green" if taken else "red")
		return 0 if taken else 1
