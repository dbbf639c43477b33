"""The documents say what is so: generated pages are current, and what they name exists and works."""

import ast
import json
import re
import shlex
from pathlib import Path

import pytest

from flow_engine.cli import parser
from flow_engine.engine.kinds import PROJECT_KINDS, register
from flow_engine.engine.predicates import PREDICATES
from flow_engine.engine.validation import validate_definition
from flow_engine.service.events import BUSINESS_EVENTS
from flow_engine.service.kinds_page import EXAMPLES, page
from flow_engine.sqlite_host.api import READS, WRITES

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}
EVENTS = (*BUSINESS_EVENTS, "on_port_lost")


def fenced(language):
	"""`(page, text)` of every block in this language."""
	return [
		(name, body) for name, text in TEXTS.items() for kind, body in FENCE.findall(text) if kind == language
	]


def matches(pattern):
	"""`(page, group 1)` of everything that matches, once each."""
	return sorted({(name, found) for name, text in TEXTS.items() for found in re.findall(pattern, text)})


FLOWS = [
	(name, body)
	for name, body in fenced("json")
	if isinstance(json.loads(body), dict) and "steps" in json.loads(body)
]
SHELL = [
	(name, line.strip())
	for name, body in fenced("bash")
	for line in body.splitlines()
	if line.strip() and not line.startswith("#")
]


def slug(heading):
	"""The anchor of a heading, as code forges make it."""
	return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_the_reference_of_kinds_is_what_the_generator_prints():
	assert TEXTS["docs/kinds.md"] == page()


def test_every_kind_has_an_example_that_validates():
	assert EXAMPLES.keys() == PROJECT_KINDS.keys()
	for kind, payload in EXAMPLES.items():
		data = {
			"version": 1,
			"variables": {"default_group": "", "subscription": ""},
			"steps": [step(kind, payload)],
		}
		errors = [p for p in validate_definition(data, register()) if p.severity == "error"]
		assert not errors, (kind, errors)


def step(kind, payload):
	return {"id": "s", "kind": kind, "trigger": {"type": "on_prev_complete"}, "payload": payload}


@pytest.mark.parametrize("page,link", [(n, x) for n, x in matches(r"\]\(([^)\s]+)\)") if "://" not in x])
def test_every_relative_link_leads_somewhere(page, link):
	target, _, anchor = link.partition("#")
	file = ((ROOT / page).parent / target).resolve() if target else ROOT / page
	assert file.exists()
	if anchor:
		headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
		assert anchor in {slug(heading) for heading in headings}


@pytest.mark.parametrize("page,text", FLOWS)
def test_every_flow_shown_is_valid(page, text):
	found = validate_definition(text, register(), events=EVENTS)
	assert found == []


@pytest.mark.parametrize("page,target", matches(r"\bmake ([a-z-]+)\b(?=[`\n])"))
def test_every_make_command_named_is_a_target(page, target):
	assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_there_are_flows_commands_and_calls_to_look_at():
	assert len(FLOWS) > 4 and len(SHELL) > 20
	assert matches(r"\bmake ([a-z-]+)\b(?=[`\n])")


@pytest.mark.parametrize("page,line", [(n, x) for n, x in SHELL if re.search(r"(^|/)flow-engine ", x)])
def test_every_flow_engine_command_shown_is_understood(page, line):
	parser().parse_args(shlex.split(line)[1:])


@pytest.mark.parametrize(
	"page,command",
	matches(r"bench --site SITE flow-engine ([a-z-]+)")
	+ [
		("docs/implementers.md", c)
		for c in re.findall(
			r"^\| `([a-z-]+)[ `]",
			TEXTS["docs/implementers.md"].split("## Commands")[1].split("\n## ")[0],
			re.MULTILINE,
		)
	],
)
def test_every_bench_command_named_exists(page, command):
	assert command in bench_commands()


def bench_commands():
	"""Names in the command group, read from its source: it cannot be imported without a bench."""
	trees = [
		ast.parse(path.read_text(encoding="utf-8"))
		for path in (ROOT / "flow_engine" / "commands").glob("*.py")
	]
	return {
		call.args[0].value
		for tree in trees
		for function in ast.walk(tree)
		if isinstance(function, ast.FunctionDef)
		for call in function.decorator_list
		if isinstance(call, ast.Call) and ast.unparse(call.func) in ("flow_engine.command", "group.command")
	}


def site_functions():
	"""`runs.start`, …: what is whitelisted and answers through the one decorator."""
	found = set()
	for path in (ROOT / "flow_engine" / "api").glob("*.py"):
		prefix = "" if path.stem == "__init__" else f"{path.stem}."
		for node in ast.parse(path.read_text(encoding="utf-8")).body:
			if isinstance(node, ast.FunctionDef) and "endpoint" in [
				ast.unparse(d) for d in node.decorator_list
			]:
				found.add(prefix + node.name)
	return found


@pytest.mark.parametrize("page,function", matches(r"(?:\$API\.|flow_engine\.api\.)([a-z_]+(?:\.[a-z_]+)?)\b"))
def test_every_api_function_named_exists(page, function):
	standalone = READS.keys() | WRITES.keys()
	assert function in (standalone if function.startswith("documents.") else standalone & site_functions())


def test_every_api_function_has_a_call_that_shows_it():
	shown = {function for _, function in matches(r"\$API\.([a-z_]+(?:\.[a-z_]+)?)\b")}
	assert shown == site_functions()


@pytest.mark.parametrize(
	"page,path,test", [(name, *reference.split("::")) for name, reference in matches(r"`([\w/.]+\.py::\w+)`")]
)
def test_every_test_that_keeps_a_promise_exists(page, path, test):
	tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
	assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


PYTHON = [
	(name, body)
	for name, body in fenced("python")
	if not re.search(r"^import (frappe|flow_engine)$", body, re.M)
]


@pytest.mark.parametrize("page,text", PYTHON)
def test_every_piece_of_python_runs(page, text):
	names = {}
	exec(compile(text, page, "exec"), names)
	if "KIND" in names:
		assert names["KIND"].name in register([names["KIND"]])


def test_the_operators_page_names_every_operator():
	section = TEXTS["docs/operators.md"].split("## Conditions")[1].split("\n## ")[0]
	assert set(re.findall(r"`([^`\s]+)`", section)) >= set(PREDICATES)


@pytest.mark.parametrize("page", TEXTS)
def test_no_line_of_prose_names_a_place_that_readers_do_not_have(page):
	assert not re.search(r"/work/|/root/|localhost|\bTODO\b", TEXTS[page])
