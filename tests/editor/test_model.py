"""The editor's model, tested where it runs: in Node, against the catalog that the server gives."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

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
	assert min(counts["made"].values()) > 20 and len(counts["made"]) == 13, counts
	assert len(counts["refused"]) > 5, counts
	kinds = {**PROJECT_KINDS, **AGENT_KINDS}
	for line in flows:
		problems = validate_definition(line, kinds, events=BUSINESS_EVENTS)
		errors = [problem for problem in problems if problem.severity == "error"]
		wrong = [p for p in errors if p.code in STRUCTURAL and ".payload" not in p.path]
		assert not wrong, f"seed {seed}: {wrong} in {line}"
