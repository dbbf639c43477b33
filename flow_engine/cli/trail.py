"""`flow-engine audit-export` and `flow-engine webhook-test`: what happened, and whether it is told."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from flow_engine.cli.output import one_line
from flow_engine.clock import SystemClock
from flow_engine.engine.errors import BadInput
from flow_engine.service.webhooks import outcome_line, test
from flow_engine.sqlite_host.host import StandaloneHost, open_host
from flow_engine.sqlite_host.scenario import read_zone
from flow_engine.sqlite_host.trail_api import export_lines

_FILTERS = ("event", "user", "template", "run", "since", "until")


def add_commands(commands: Any) -> None:
	export = commands.add_parser(
		"audit-export",
		help="write the audit trail as CSV or JSON lines",
		description="Write the audit trail, oldest first.",
	)
	export.add_argument("--format", choices=("csv", "jsonl"), default="csv", help="default: %(default)s")
	for name in _FILTERS:
		# `run` is what the command does.
		export.add_argument(f"--{name}", dest=f"of_{name}", metavar="TEXT", help=_HELP.get(name))
	export.set_defaults(run=run_export)
	check = commands.add_parser(
		"webhook-test",
		help="send a test.ping to a webhook endpoint",
		description="Send a test.ping now. Exit code 0 when it was taken, 1 when not.",
	)
	check.add_argument("endpoint", metavar="NAME")
	check.add_argument(
		"--allow-host",
		metavar="NAME",
		action="append",
		default=[],
		help="a private or local host that may be called; may be given several times",
	)
	check.set_defaults(run=run_test)
	for one in (export, check):
		one.add_argument("--db", metavar="FILE", required=True, help="the SQLite file; it has to be there")
		one.add_argument(
			"--timezone", metavar="ZONE", default="UTC", help="the site's time zone (default: UTC)"
		)


_HELP = {
	"event": "one kind of event, or a pattern like run.*",
	"since": "a day or a time",
	"until": "a day or a time; a day is included",
}


def run_export(options: argparse.Namespace) -> int:
	host = _open(options)
	for text in export_lines(
		host, {name: getattr(options, f"of_{name}") for name in _FILTERS}, options.format
	):
		sys.stdout.write(text.replace("\r\n", "\n"))
	return 0


def run_test(options: argparse.Namespace) -> int:
	answer = test(_open(options, tuple(options.allow_host)), options.endpoint)
	print(one_line(outcome_line(answer)))
	return 0 if answer["status"] == "delivered" else 1


def _open(options: argparse.Namespace, allowed: tuple[str, ...] = ()) -> StandaloneHost:
	read_zone(options.timezone)
	if not os.path.exists(options.db):
		# A misspelt path would be a new file, in which nothing has happened.
		raise BadInput(f"There is no database {options.db!r}.")
	return open_host(options.db, clock=SystemClock(options.timezone), allowed_private_hosts=allowed)
