"""`flow-engine serve` and `flow-engine seed`: the standalone host on a database file."""

from __future__ import annotations

import argparse
import importlib.util
import logging
import sys
from typing import Any

from flow_engine.cli.output import one_line, print_json
from flow_engine.clock import SystemClock
from flow_engine.engine.errors import BadInput, FlowError
from flow_engine.service import templates
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.scenario import read_zone

DEFAULT_PORT = 8765
_EVERYWHERE = ("0.0.0.0", "::", "")


class NotInstalled(FlowError):
	"""This command needs what `pip install flow_engine[standalone]` brings."""

	code = "not_installed"


def add_commands(commands: Any) -> None:
	serve = commands.add_parser(
		"serve",
		help="run flows and answer the API and the editor",
		description="Run the standalone server.",
	)
	add = serve.add_argument
	add("--db", metavar="FILE", required=True, help="the SQLite file; made when it is not there")
	add("--port", metavar="N", default=str(DEFAULT_PORT), help=f"default {DEFAULT_PORT}; 0 takes a free one")
	add(
		"--host",
		metavar="ADDRESS",
		default="127.0.0.1",
		help="address to listen on (default 127.0.0.1); no login!",
	)
	add(
		"--base-url",
		metavar="URL",
		help="what links of waiting steps begin with (default: this server's address)",
	)
	add("--timezone", metavar="ZONE", default="UTC", help="the site's time zone (default: UTC)")
	add(
		"--allow-host",
		metavar="NAME",
		action="append",
		default=[],
		help="a private or local host that flows may call; may be given several times",
	)
	serve.set_defaults(run=run_serve)
	seed = commands.add_parser(
		"seed",
		help="put the shipped flows into a database",
		description="Put the shipped flows in; repeatable.",
	)
	seed.add_argument(
		"--db", metavar="FILE", required=True, help="the SQLite file; made when it is not there"
	)
	seed.add_argument(
		"--language", choices=("en", "fr"), default="en", help="of the step labels (default: %(default)s)"
	)
	seed.add_argument("--json", action="store_true", help="print the outcome as JSON")
	seed.set_defaults(run=run_seed)


def run_seed(options: argparse.Namespace) -> int:
	host = open_host(options.db)
	outcome = templates.seed(host.templates, language=options.language)
	if options.json:
		print_json(outcome)
		return 0
	for row in outcome:
		print(one_line(f"{row['outcome']:9} {row['name']} {row['template_name']}"))
	return 0


def run_serve(options: argparse.Namespace) -> int:
	for needed in ("werkzeug", "waitress"):
		if importlib.util.find_spec(needed) is None:
			raise NotInstalled()
	# Imported here: the other commands work without the server's libraries.
	from flow_engine.sqlite_host import incoming, server

	read_zone(options.timezone)
	if not options.port.isascii() or not options.port.isdigit() or len(options.port) > 5:
		raise BadInput(f"--port must be a number from 0 to 65535, not {options.port!r}.")
	sock = server.listen(options.host, int(options.port))
	port = sock.getsockname()[1]
	shown = "127.0.0.1" if options.host in _EVERYWHERE else options.host
	address = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"
	try:
		host = open_host(
			options.db,
			clock=SystemClock(options.timezone),
			base_url=options.base_url or address,
			allowed_private_hosts=tuple(options.allow_host),
		)
	except FlowError:
		sock.close()
		raise
	names = None
	if options.host not in _EVERYWHERE:
		names = {*incoming.LOOPBACK, options.host, incoming.host_of(options.base_url or "")}
	if options.host not in incoming.LOOPBACK:
		print("There is no login: whoever reaches this address can run flows.", file=sys.stderr)
	log_to_stderr()
	print(f"Flow Engine is at {address} (database {one_line(options.db)}). Ctrl+C stops it.", flush=True)
	server.serve(host, sock, names)
	return 0


def log_to_stderr() -> None:
	"""The engine's log, for whoever keeps the output of a process that goes on."""
	logger = logging.getLogger("flow_engine")
	handler = logging.StreamHandler()
	handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
	logger.addHandler(handler)
	logger.setLevel(logging.INFO)
