"""`flow-engine validate`: every problem of a definition. Exit 0 when it can be published, 1 when not, 2 when
it cannot be read.
"""

from __future__ import annotations

import argparse
from typing import Any

from flow_engine.cli.files import read_definition
from flow_engine.cli.output import print_json, problem_lines
from flow_engine.engine.errors import BadInput
from flow_engine.engine.kinds import register
from flow_engine.engine.validation import has_errors, validate_definition
from flow_engine.service.events import BUSINESS_EVENTS


def add_commands(commands: Any) -> None:
	command = commands.add_parser(
		"validate",
		help="list every problem of a flow definition",
		description="List every problem of a flow definition. Exit code 0: none; 1: problems; 2: unreadable.",
	)
	command.add_argument("file", metavar="FILE", help="a definition, or an exported template (JSON)")
	command.add_argument(
		"--json", action="store_true", help="print a list of {path, step, code, message, severity}"
	)
	command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
	try:
		definition = read_definition(options.file)
	except BadInput as error:
		if options.json:
			facts = {"path": "", "step": None, "code": error.code, "message": error.message}
			print_json([{**facts, "severity": "error"}])
		raise
	found = validate_definition(definition, register(), events=BUSINESS_EVENTS)
	problems = [problem.as_dict() for problem in found]
	if options.json:
		print_json(problems)
	else:
		for line in problem_lines(problems):
			print(line)
		print(_verdict(problems))
	return 1 if has_errors(found) else 0


def _verdict(problems: list[dict[str, Any]]) -> str:
	errors = sum(problem["severity"] == "error" for problem in problems)
	warnings = len(problems) - errors
	if not problems:
		return "The flow is valid."
	parts = [
		f"{n} {word}{'' if n == 1 else 's'}" for n, word in ((errors, "error"), (warnings, "warning")) if n
	]
	return f"{' and '.join(parts)}." + ("" if errors else " The flow is valid.")
