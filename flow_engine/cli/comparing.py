"""`flow-engine diff`: what differs between two definitions. Exit 0 when nothing does, 1 when something does,
2 when one cannot be read.
"""

from __future__ import annotations

import argparse
from typing import Any

from flow_engine.cli.files import read_definition
from flow_engine.cli.output import print_json
from flow_engine.engine.kinds import register
from flow_engine.service.differences import describe, readable
from flow_engine.service.events import BUSINESS_EVENTS
from flow_engine.service.language import speaker


def add_commands(commands: Any) -> None:
	command = commands.add_parser(
		"diff",
		help="say what differs between two flow definitions",
		description="Say what differs between two flow definitions, a line for each difference. Exit code 0: "
		"nothing; 1: something; 2: unreadable.",
	)
	for name in ("before", "after"):
		command.add_argument(name, metavar="FILE", help="a definition, or an exported template (JSON)")
	command.add_argument("--json", action="store_true", help="print the changes as data")
	command.add_argument("--language", default="en", help="the language of the words (en, fr)")
	command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
	before, after = (readable(read_definition(file)) for file in (options.before, options.after))
	told = describe(before, after, register(), BUSINESS_EVENTS, speaker(options.language))
	if options.json:
		print_json({key: told[key] for key in ("changes", "counts")})
	else:
		for line in told["lines"]:
			print(line)
	return 1 if told["changes"] else 0
