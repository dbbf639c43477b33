"""`flow-engine settings`: what is decided for a whole database."""

from __future__ import annotations

import argparse
import os
from typing import Any

from flow_engine.cli.output import one_line, print_json
from flow_engine.engine.errors import BadInput
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.settings import CHOICES, change_settings, read_settings


def add_commands(commands: Any) -> None:
	settings = commands.add_parser(
		"settings",
		help="show or change what is decided for a database",
		description="Without NAME=VALUE: show the settings.",
	)
	known = "; ".join(f"{name}: {' or '.join(choices)}" for name, choices in CHOICES.items())
	settings.add_argument("changes", metavar="NAME=VALUE", nargs="*", help=known)
	settings.add_argument("--db", metavar="FILE", required=True, help="the SQLite file; it has to be there")
	settings.add_argument("--json", action="store_true", help="print the settings as JSON")
	settings.set_defaults(run=run_settings)


def run_settings(options: argparse.Namespace) -> int:
	if not os.path.exists(options.db):
		raise BadInput(f"There is no database {options.db!r}.")
	values = {}
	for change in options.changes:
		name, equals, value = change.partition("=")
		if not equals:
			raise BadInput(f"{change!r} is not NAME=VALUE.")
		values[name] = value
	host = open_host(options.db)
	found = (
		change_settings(host.database, host.runs.audit, values) if values else read_settings(host.database)
	)
	if options.json:
		print_json(found)
	else:
		for name, value in found.items():
			print(one_line(f"{name}={value}"))
	return 0
