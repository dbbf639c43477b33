"""`flow-engine simulate`: run a flow without effect and print what it would do. Exit 0 completed or waiting,
1 failed, 2 bad input.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from flow_engine.cli.files import parse, read_definition, read_json
from flow_engine.cli.output import clean, one_line, print_json, problem_lines
from flow_engine.engine.errors import FlowError, InvalidDefinition
from flow_engine.sqlite_host.scenario import (
	Scenario,
	read_document,
	read_documents,
	read_moment,
	read_replies,
	read_until,
	read_zone,
)
from flow_engine.sqlite_host.simulation import simulate

_MARKS = {"done": "✓", "failed": "✗", "skipped": "–", "scheduled": "…", "waiting": "?", "cancelled": "×"}


def add_commands(commands: Any) -> None:
	command = commands.add_parser(
		"simulate",
		help="run a flow against sample documents with a virtual clock",
		description="Run a flow in memory with a virtual clock. Nothing is sent. Exit code 0: the run "
		"completed or waits; 1: it failed; 2: bad input.",
	)
	add = command.add_argument
	add("file", metavar="FILE", help="a definition, or an exported template (JSON)")
	add(
		"--doc",
		metavar="DOC.json",
		required=True,
		help="the document the flow is about, with doctype and name",
	)
	add("--docs", metavar="OTHERS.json", help="other documents that exist: a list")
	add("--event", metavar="NAME", help="the event that starts it (default: the one the flow listens to)")
	add("--variables", metavar="JSON", help="variables of the run: an object")
	add("--now", metavar="ISO", help="when it starts (default: now)")
	add(
		"--until",
		metavar="ISO|DURATION",
		help="when to stop, e.g. 2027-01-31, P30D, 3d4h (default: nothing is due)",
	)
	add(
		"--complete",
		metavar="STEP[=JSON]",
		action="append",
		default=[],
		help="fire this step when it waits, with a value; may be given several times",
	)
	add(
		"--replies",
		metavar="HTTP.json",
		help="prepared answers, used in order: a list of {url, status, body}",
	)
	add("--undo", action="store_true", help="undo what the run has done once nothing more is due")
	add("--timezone", metavar="ZONE", default="UTC", help="the site's time zone (default: UTC)")
	add("--json", action="store_true", help="print the whole outcome as JSON")
	command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
	try:
		outcome = simulate(scenario(options))
	except FlowError as error:
		if options.json:
			print_json(error.as_dict())
		if isinstance(error, InvalidDefinition):
			problems = error.as_dict().get("problems") or []
			for line in problem_lines(problems):
				print(line, file=sys.stderr)
		raise
	if options.json:
		print_json(outcome)
	else:
		print(clean(_story(outcome)))
	return 1 if outcome["run"]["status"] == "failed" else 0


def scenario(options: argparse.Namespace) -> Scenario:
	"""Raises BadInput for anything that cannot be read."""
	zone = read_zone(options.timezone)
	return Scenario(
		definition=read_definition(options.file),
		doc=read_document(read_json(options.doc)),
		docs=read_documents(read_json(options.docs)) if options.docs else (),
		event=options.event,
		variables=parse(options.variables, "--variables") if options.variables else {},
		now=read_moment(options.now, zone) if options.now is not None else None,
		until=read_until(options.until, zone) if options.until is not None else None,
		completions=[_completion(text) for text in options.complete],
		replies=read_replies(read_json(options.replies)) if options.replies else (),
		time_zone=options.timezone,
		compensate=options.undo,
	)


def _completion(text: str) -> tuple[str, Any]:
	step, given, value = text.partition("=")
	return step, parse(value, f"--complete {step}") if given else None


def _story(outcome: Mapping[str, Any]) -> str:
	run = outcome["run"]
	if run["status"] == "not_started":
		return f"The flow does not start: its condition does not hold. It read {run['read']}."
	lines = list(_happened(outcome))
	undone = outcome["compensation"]
	if undone:
		lines += ["What it had done is undone:", *_happened(undone)]
	for document in outcome["documents"]:
		lines.append(f"{document['change']} {document['doctype']} {document['name']}")
	for message in outcome["messages"]:
		what = message["subject"] or message["url"] or one_line(message["body"] or "", 80)
		lines.append(
			f"{message['channel']} {message['to'] or message['method'] or ''}: {one_line(what, 120)}"
		)
	told = f" What undoes it is {undone['status']}." if undone else ""
	return "\n".join([*lines, f"The run is {run['status']}.{told}"])


def _happened(outcome: Mapping[str, Any]) -> Iterator[str]:
	"""A line for each entry of a timeline; a time is said once."""
	last = None
	for entry in outcome["timeline"]:
		at, status = entry["at"][:16].replace("T", " "), entry["status"]
		shown = at if at != last else ""
		last = at
		if entry.get("sla"):
			late = entry["sla"].replace("_", " ")
			yield f"{shown:16}  ! {entry['step'] or 'the run'}: {late}"
			continue
		step = outcome["steps"][entry["step"]]
		line = f"{shown:16}  {_MARKS.get(status, ' ')} {entry['step']}: {status}"
		if status == "scheduled" and step["trigger_at"]:
			line += f" for {step['trigger_at'][:16].replace('T', ' ')}"
		if status == "failed" and step["error"]:
			line += f" ({step['error']['code']}: {one_line(step['error']['message'], 160)})"
		yield line
