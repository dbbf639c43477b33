"""`flow-engine tick`: what is due in a database, once for cron, or for ever without a server."""

from __future__ import annotations

import argparse
import logging
import os
import signal
from typing import Any

from flow_engine.cli.output import one_line, print_json
from flow_engine.cli.serving import log_to_stderr
from flow_engine.clock import SystemClock
from flow_engine.engine.errors import BadInput
from flow_engine.sqlite_host.host import StandaloneHost, open_host
from flow_engine.sqlite_host.scenario import read_zone

# Below the minute after which cron calls again.
SECONDS = 50
MAX_SECONDS = 3_600
_STOPS = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger("flow_engine")


def add_commands(commands: Any) -> None:
	tick = commands.add_parser(
		"tick",
		help="do what is due in a database, once or for ever",
		description="Repair, advance the runs that are due, send deliveries. Once, for cron; with --forever "
		"until SIGTERM or Ctrl+C.",
	)
	add = tick.add_argument
	add("--db", metavar="FILE", required=True, help="the SQLite file; it has to be there")
	add("--forever", action="store_true", help="go on until a signal; what is being done is finished first")
	add(
		"--seconds",
		metavar="N",
		default=str(SECONDS),
		help="how long one tick begins new work (default: %(default)s)",
	)
	add(
		"--base-url",
		metavar="URL",
		default="http://127.0.0.1:8765",
		help="what links of waiting steps begin with",
	)
	add("--timezone", metavar="ZONE", default="UTC", help="the site's time zone (default: UTC)")
	add(
		"--allow-host",
		metavar="NAME",
		action="append",
		default=[],
		help="a private or local host that flows may call; may be given several times",
	)
	add("--json", action="store_true", help="print what one tick did as JSON")
	tick.set_defaults(run=run_tick)


def run_tick(options: argparse.Namespace) -> int:
	read_zone(options.timezone)
	text = options.seconds
	if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_SECONDS):
		raise BadInput(f"--seconds must be a whole number from 1 to {MAX_SECONDS}, not {text!r}.")
	if not os.path.exists(options.db):
		# A misspelt path would be a new file, in which nothing is ever due.
		raise BadInput(f"There is no database {options.db!r}.")
	# Before the worker's thread, which takes this over: a signal waits until somebody asks for it.
	before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
	try:
		host = open_host(
			options.db,
			clock=SystemClock(options.timezone),
			base_url=options.base_url,
			allowed_private_hosts=tuple(options.allow_host),
		)
		log_to_stderr()
		return _for_ever(host) if options.forever else _once(host, options)
	finally:
		while signal.sigpending() & set(_STOPS):
			signal.sigwait(_STOPS)
		signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _once(host: StandaloneHost, options: argparse.Namespace) -> int:
	from flow_engine.sqlite_host.ticking import tick

	found = tick(host, int(options.seconds), lambda: bool(signal.sigpending() & set(_STOPS)))
	if options.json:
		print_json(found)
	else:
		print(one_line(", ".join(f"{name} {count}" for name, count in found.items())))
	return 1 if found["failed"] else 0


def _for_ever(host: StandaloneHost) -> int:
	from flow_engine.sqlite_host.worker import Worker

	worker = Worker(host)
	worker.start()
	log.info("Working on what is due until SIGTERM.")
	signal.sigwait(_STOPS)
	worker.stop()
	log.info("Stopped.")
	return 0
