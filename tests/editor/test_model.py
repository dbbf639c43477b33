"""The editor's model, tested where it runs: in Node, against the catalog that the server gives."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from flow_engine.engine.condition_forms import form_of, is_always
from flow_engine.engine.conditions import evaluate
from flow_engine.engine.kinds import AGENT_KINDS, PROJECT_KINDS
from flow_engine.engine.validation import validate_definition
from flow_engine.service.catalog import catalog
from flow_engine.service.events import BUSINESS_EVENTS

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FILES = sorted(HERE.rglob("*.test.js"))


@pytest.fixture(scope="session")
def node(tmp_path_factory):
	"""Runs a script in Node with arguments; answers what it wrote. A script that fails fails the test."""
	found = shutil.which("node")
	assert found, "These tests need Node: install it, then `npm ci`."
	assert (ROOT / "node_modules" / "fast-check").is_dir(), "These tests need `npm ci`."
	path = tmp_path_factory.mktemp("catalog") / "catalog.json"
	path.write_text(json.dumps(catalog({**PROJECT_KINDS, **AGENT_KINDS}, BUSINESS_EVENTS)))

	def run(*arguments, text=None):
		done = subprocess.run(
			[found, *map(str, arguments)],
			cwd=ROOT,
			input=text,
			capture_output=True,
			text=True,
			env={**os.environ, "FLOW_CATALOG": str(path)},
		)
		assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
		return done.stdout

	return run


def test_there_is_something_to_run():
	assert len(FILES) > 15


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.relative_to(HERE).as_posix())
def test_the_model(node, file):
	node("--test", "--test-reporter=spec", file)


# What an edit may never leave behind; the server's other problems are for people to settle.
STRUCTURAL = {
	"bad_id",
	"duplicate_id",
	"unknown_parent",
	"unknown_dependency",
	"cycle",
	"self_reference",
	"branch_without_parent",
	"unknown_branch",
	"trigger_conflict",
	"unreachable",
	"unknown_key",
}


def test_the_server_finds_no_fault_in_the_structure_of_what_edits_make(node):
	"""The two sides agree on what a sound flow is. Another seed every run, said when one fails."""
	seed = int.from_bytes(os.urandom(4), "big")
	*flows, counts = node(HERE / "judged_flows.js", seed, 600).splitlines()
	counts = json.loads(counts)
	assert min(counts["made"].values()) > 20 and len(counts["made"]) == 17, counts
	assert len(counts["refused"]) > 5, counts
	kinds = {**PROJECT_KINDS, **AGENT_KINDS}
	for line in flows:
		problems = validate_definition(line, kinds, events=BUSINESS_EVENTS)
		errors = [problem for problem in problems if problem.severity == "error"]
		wrong = [p for p in errors if p.code in STRUCTURAL and ".payload" not in p.path]
		assert not wrong, f"seed {seed}: {wrong} in {line}"


ABSENT = object()
WORDS = (ABSENT, None, "", "Open", "open", "Closed", "a", "b", "10 m", "É", "OpenClosed", "x 🙂z", " x", 7)
NUMBERS = (ABSENT, None, "", 0, 1, 5, 5.5, 4999, 5000, 5001, -3, -4, "5", "5000", "0")
CHECKS = (ABSENT, None, 0, 1, True, False, "1", "0")


def documents():
	for i in range(max(len(WORDS), len(NUMBERS)) * 3):
		values = {
			"word": WORDS[i % len(WORDS)],
			"number": NUMBERS[i * 7 % len(NUMBERS)],
			"check": CHECKS[i * 3 % len(CHECKS)],
		}
		yield {"doc": {key: value for key, value in values.items() if value is not ABSENT}}


def form(raw):
	"""The form of a condition, as condition_forms tells it and in the editor's words."""
	if is_always(raw):
		return "always"
	if isinstance(raw, dict):
		return form_of(raw)
	return "unknown"


def test_rows_and_the_jsonlogic_made_of_them_hold_for_the_same_documents(node):
	"""Judged by the server's evaluator, both of the JSONLogic and of the rows made of it again."""
	seed = int.from_bytes(os.urandom(4), "big")
	lines = [json.loads(line) for line in node(HERE / "converted_conditions.js", seed, 1500).splitlines()]
	converted = [line for line in lines if line["fits"] and line["logic"] is not None]
	assert len(converted) > 300 and sum(line["back"] is not None for line in converted) > 200
	for line in lines:
		assert form(line["raw"]) == line["form"], f"seed {seed}: {line}"
	for line in converted:
		for values in documents():
			wanted = evaluate(line["raw"], values).result
			assert evaluate({"logic": line["logic"]}, values).result is wanted, (
				f"seed {seed}: {line} {values}"
			)
			if line["back"] is not None:
				assert evaluate(line["back"], values).result is wanted, f"seed {seed}: {line} {values}"
