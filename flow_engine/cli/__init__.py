"""The `flow-engine` command: validate, diff, simulate, demo, serve, seed, settings, tick, audit-export,
webhook-test.

Decides the options and what the exit code says. Bad input ends as one line `code: message` on stderr and exit
code 2, whatever the command; never as a traceback.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from flow_engine import __version__
from flow_engine.cli import checking, comparing, demonstration, serving, settings, simulating, ticking, trail
from flow_engine.cli.output import one_line, readable_streams
from flow_engine.engine.errors import FlowError

OK, PROBLEMS, BAD_INPUT, FAULT, INTERRUPTED = 0, 1, 2, 3, 130


class _Parser(argparse.ArgumentParser):
	def error(self, message: str) -> NoReturn:
		print(one_line(f"bad_input: {message} (see {self.prog} --help)"), file=sys.stderr)
		raise SystemExit(BAD_INPUT)


def parser() -> argparse.ArgumentParser:
	found = _Parser(prog="flow-engine", description="Flows on this machine: one process, one SQLite file.")
	found.add_argument("--version", action="version", version=f"flow-engine {__version__}")
	commands = found.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
	for module in (checking, comparing, simulating, demonstration, serving, settings, ticking, trail):
		module.add_commands(commands)
	return found


def main(argv: Sequence[str] | None = None) -> int:
	"""Run one command; its exit code."""
	readable_streams()
	# What commands have to say, they print; the engine's log is for the server, which sets it up.
	logging.getLogger("flow_engine").addHandler(logging.NullHandler())
	logging.getLogger("flow_engine").propagate = False
	try:
		options = parser().parse_args(argv)
		code = options.run(options)
		sys.stdout.flush()
		return code
	except FlowError as error:
		print(one_line(f"{error.code}: {error.message}"), file=sys.stderr)
		return BAD_INPUT
	except RecursionError:
		print("bad_input: The data is nested too deeply.", file=sys.stderr)
		return BAD_INPUT
	except KeyboardInterrupt:
		return INTERRUPTED
	except BrokenPipeError:
		# Whoever reads our output has seen enough; Python must not complain again when it closes the stream.
		os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
		return OK
	except Exception as error:
		if os.environ.get("FLOW_ENGINE_TRACEBACK"):
			raise
		text = f"internal_error: {type(error).__name__}: {error} (FLOW_ENGINE_TRACEBACK=1 shows where)"
		print(one_line(text), file=sys.stderr)
		return FAULT
