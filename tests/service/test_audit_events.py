"""The table of audit events holds what the code writes, no more and no less."""

import ast
import re
from pathlib import Path

from flow_engine.service.audit_events import EVENTS

PACKAGE = Path(__file__).resolve().parents[2] / "flow_engine"
NOUNS = {event.split(".")[0] for event in EVENTS}
WORDS = re.compile(r"[a-z]+\.[a-z_]+")
# Looks the same and is something else: paths of values.
NO_EVENTS = {"run.started_at"}
TABLES = ("audit_events.py", "crash_points.py")


def is_place(node):
	"""Is it `reach("…")`, a place for a test to kill the process?"""
	return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "reach"


def written():
	found = set()
	for part in ("engine", "service", "store", "frappe_host", "sqlite_host", "flow_engine"):
		for path in (PACKAGE / part).rglob("*.py"):
			if path.name.startswith("test_") or "tests" in path.parts or path.name in TABLES:
				continue
			tree = ast.parse(path.read_text())
			places = {id(call.args[0]) for call in ast.walk(tree) if is_place(call)}
			for node in ast.walk(tree):
				if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in places:
					if WORDS.fullmatch(node.value) and node.value.split(".")[0] in NOUNS:
						found.add(node.value)
	doors = {name for name in found if name.split(".")[1] in ("list", "export", "get")}
	return found - NO_EVENTS - doors


def test_every_event_that_is_written_is_in_the_table_and_none_else():
	assert written() == EVENTS.keys()


def test_an_event_is_a_noun_and_what_was_done_to_it():
	for event, text in EVENTS.items():
		assert re.fullmatch(r"[a-z]+\.[a-z_]+", event) and text.endswith("."), event
