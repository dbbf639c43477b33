"""`flow-engine demo`: a contract is signed, and a flow of eleven months runs before your eyes."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flow_engine.cli.output import clean, one_line
from flow_engine.engine.state import StepState
from flow_engine.sqlite_host.demo import FLOW, Demonstration, Moment

PAUSE_SECONDS = 1.2
_MARKS = {"done": "✓", "failed": "✗", "skipped": "–", "scheduled": "◷", "waiting": "?", "cancelled": "×"}
_STYLES = {
	"done": "bold green",
	"failed": "bold red",
	"skipped": "dim",
	"scheduled": "cyan",
	"waiting": "yellow",
	"cancelled": "dim",
	"head": "bold",
	"quiet": "dim",
	"message": "magenta",
	"document": "blue",
	"wait": "cyan",
}
# A line: pieces of (style, text).
Line = list[tuple[str, str]]
Say = Callable[[Line], None]


def add_commands(commands: Any) -> None:
	command = commands.add_parser(
		"demo",
		help="watch residential_onboarding run, eleven months in a moment",
		description="Seed the flows into SQLite, sign a contract, and run residential_onboarding on a "
		"virtual clock.",
	)
	command.add_argument(
		"--db", metavar="FILE", default=":memory:", help="keep it in a file, to look at with serve"
	)
	command.add_argument("--fast", action="store_true", help="do not pause between the moments")
	command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
	on_terminal = sys.stdout.isatty()
	say = _styled() if on_terminal else _plain
	pause = 0 if options.fast or not on_terminal else PAUSE_SECONDS
	demonstration = Demonstration(options.db)
	demonstration.begin()
	_tell(demonstration, say, pause)
	return 0 if demonstration.status == "completed" else 1


def _tell(demonstration: Demonstration, say: Say, pause: float) -> None:
	host, definition = demonstration.host, demonstration.definition
	say(
		[("head", "Flow Engine"), ("quiet", "  on SQLite, with a virtual clock; nothing leaves this machine")]
	)
	say([])
	names = ", ".join(row["template_name"] for row in demonstration.seeded)
	say([("done", "✓ "), ("", f"{len(demonstration.seeded)} flows seeded "), ("quiet", names)])
	say([("done", "✓ "), ("", f"{FLOW} switched on")])
	contract = demonstration.contract
	say([("done", "✓ "), ("", f"{contract['party_name']} signs contract {contract['name']}")])
	say([])
	labels = {step.id: step.label for step in definition.steps}
	before: datetime | None = None
	for moment in demonstration.moments():
		if not (moment.steps or moment.documents or moment.messages):
			continue
		if before is not None:
			say([("quiet", "│")])
			say([("wait", f"┊ {_span(moment.at - before)} later")])
			say([("quiet", "│")])
			time.sleep(pause)
		_tell_moment(moment, labels, say)
		before = moment.at
	say([])
	record = host.runs.read(demonstration.run)
	done = sum(state.status == "done" for state in _states(demonstration).values())
	say(
		[
			("done" if record.status == "completed" else "failed", f"● {record.name} {record.status}"),
			("", f": {done} of {len(definition.steps)} steps done, {len(host.outbox.sent())} messages, "),
			("", f"{_span(demonstration.clock.now() - record.started_at)} of virtual time"),
		]
	)
	say([("quiet", "Next: flow-engine seed --db flows.sqlite3 && flow-engine serve --db flows.sqlite3")])


def _states(demonstration: Demonstration) -> Mapping[str, StepState]:
	from flow_engine.engine.session import Session

	return Session(demonstration.host, demonstration.host.runs.read(demonstration.run)).frontier.states


def _tell_moment(moment: Moment, labels: Mapping[str, str], say: Say) -> None:
	say([("head", f"┌ {moment.at.strftime('%A %d %B %Y, %H:%M')}")])
	last = moment.steps[-1][0] if moment.steps else None
	for step_id, state in moment.steps:
		turn, rail = ("└─", "  ") if step_id == last else ("├─", "│ ")
		status = state.status.value
		line: Line = [("quiet", f"{turn} "), (status, f"{_MARKS.get(status, ' ')} {labels[step_id]}")]
		if status == "scheduled" and state.trigger_at is not None:
			line.append(("quiet", f"  waits until {state.trigger_at.strftime('%d %B %Y, %H:%M')}"))
		elif status == "skipped":
			line.append(("quiet", "  not needed"))
		say(line)
		if state.error:
			say([("quiet", f"{rail}     "), ("failed", one_line(state.error.get("message", ""), 100))])
		result = state.result if isinstance(state.result, Mapping) else {}
		for document in moment.documents:
			if (document["doctype"], document["name"]) == (result.get("doctype"), result.get("name")):
				say([("quiet", f"{rail}     "), ("document", f"▪ {_document(document)}")])
		for message in moment.messages:
			if message["step"] == step_id:
				_tell_message(message, rail, say)


def _document(document: Mapping[str, Any]) -> str:
	values = document["values"]
	text = f"{document['doctype']} {document['name']} {document['change']}"
	detail = values.get("subject") or (f"status {values['status']}" if values.get("status") else "")
	return f"{text}: {detail}" if detail else text


def _tell_message(message: Mapping[str, Any], rail: str, say: Say) -> None:
	what = {"sms": "Text", "email": "Email", "http": "Call"}.get(message["channel"], message["channel"])
	say([("quiet", f"{rail}     "), ("message", f"✉ {what} to {message['to']}")])
	body = re.sub(r"<[^>]+>", " ", message["body"] or "")
	for text in (message["subject"], body):
		if text:
			say([("quiet", f"{rail}       {one_line(text, 96)}")])


def _span(length: Any) -> str:
	hours = round(length.total_seconds() / 3600)
	if hours < 48:
		return f"{hours} hours"
	months = round(hours / 24 / 30.4)
	return f"{months} months" if months >= 2 else f"{hours // 24} days"


def _plain(line: Line) -> None:
	print(clean("".join(text for _, text in line)).rstrip(), flush=True)


def _styled() -> Say:
	"""Colours where rich is installed, plain text where not."""
	try:
		from rich.console import Console
		from rich.text import Text
	except ImportError:
		return _plain
	console = Console(highlight=False)

	def say(line: Line) -> None:
		text = Text(no_wrap=True, overflow="ellipsis")
		for style, piece in line:
			text.append(clean(piece), style=_STYLES.get(style, ""))
		console.print(text)

	return say
