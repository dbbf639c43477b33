"""`bench --site SITE flow-engine …`: what operators and deployments type."""

from __future__ import annotations

import json
import re

import pytest
from conftest import unique
from flows import BROKEN, definition, issue, step


@pytest.fixture
def command(bench):
	def run(*arguments: str):
		done = bench.command("flow-engine", *arguments)
		assert "Traceback" not in done.stdout + done.stderr, done.stderr
		return done

	return run


@pytest.fixture
def written(tmp_path):
	def write(content) -> str:
		path = tmp_path / "flow.json"
		path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
		return str(path)

	return write


def test_seeding_again_changes_nothing(command, site):
	assert command("seed").returncode == 0
	before = site("frappe.get_all('Flow Template', {'is_system': 1}, ['name', 'version'], order_by='name')")
	again = command("seed")
	assert again.returncode == 0 and "0 created, 0 updated" in again.stdout
	after = site("frappe.get_all('Flow Template', {'is_system': 1}, ['name', 'version'], order_by='name')")
	assert after == before and len(after) == 7


@pytest.mark.parametrize(
	("content", "exit_code"),
	[
		(definition(issue("a", "Hello")), 0),
		({"template_name": "exported", "definition": definition(issue("a", "Hello"))}, 0),
		(BROKEN, 1),
		([], 1),
		("text", 2),
		("{", 2),
		("[" * 100_000, 2),
	],
	ids=["valid", "an export", "broken", "a list", "no JSON", "cut off", "deep"],
)
def test_validating_ends_with_what_it_found(command, written, content, exit_code):
	assert command("validate", written(content)).returncode == exit_code


def test_problems_are_printed_as_data(command, written):
	done = command("validate", written(BROKEN), "--json")
	problems = json.loads(done.stdout)
	assert {"unknown_kind", "duplicate_id"} <= {problem["code"] for problem in problems}
	assert all({"path", "step", "code", "message"} <= set(problem) for problem in problems)
	assert json.loads(command("validate", written(definition()), "--json").stdout) == []


def test_a_file_that_is_not_there_is_said_to_be_so(command, tmp_path):
	for name in ("validate", "import"):
		done = command(name, str(tmp_path / "nothing.json"))
		assert done.returncode == 2 and "nothing.json" in done.stderr


def test_the_tick_reports_what_is_due_and_can_do_the_work_itself(command, flow, start, site):
	run = start(flow(issue("a", unique("by command"))))
	site(
		"frappe.db.set_value('Flow Run', run, 'wake_at', frappe.db.sql('select utc_timestamp()')[0][0])",
		run=run,
	)
	done = command("tick", "--drain")
	assert done.returncode == 0 and "due" in done.stdout
	# A worker may have been faster; after the command the work is done all the same.
	assert site("frappe.db.get_value('Flow Run', run, 'status')", run=run) == "completed"


def test_runs_are_listed_and_shown_step_by_step(command, flow, start, settled, worker):
	template = flow(
		step("first", label="Look at it"), step("ask", trigger="manual", label="Agree", after=["first"])
	)
	run = start(template)
	settled(run, "running", first="done", ask="waiting")
	listed = command("runs", "--template", template, "--status", "running")
	assert listed.returncode == 0 and run in listed.stdout and "1 runs" in listed.stdout
	shown = command("runs", run)
	assert shown.returncode == 0
	assert "Look at it" in shown.stdout and "waiting" in shown.stdout
	for wrong in (("FR-00000",), ("--template", "no such flow")):
		done = command("runs", *wrong)
		assert done.returncode == 2 and "not_found" in done.stderr


def test_the_doctor_says_what_it_looked_at(command, worker):
	done = command("doctor")
	assert done.returncode in (0, 1)
	for subject in ("Kill switch", "Scheduler", "Database", "Waits", "Incidents"):
		assert subject in done.stdout
	assert re.search(r"Workers: [1-9]\d* on the queue", done.stdout), done.stdout
	assert "could not be checked" not in done.stdout


def test_what_is_exported_is_imported_unchanged_and_a_change_updates(command, callers, tmp_path):
	name = unique("travels")
	flow = definition(issue("a", "Allô – ünïcode 🛠"), step("b", after=["a"]))
	status, body = callers["manager"].post(
		"templates.create", template_name=name, category="other", flow_definition=flow
	)
	assert status == 200, body
	file = tmp_path / "export.json"
	assert command("export", name, "-o", str(file)).returncode == 0
	exported = json.loads(file.read_text(encoding="utf-8"))
	assert [entry["definition"] for entry in exported] == [flow]
	assert "0 created, 0 updated, 1 unchanged" in command("import", str(file)).stdout
	exported[0]["definition"]["steps"][0]["payload"]["subject"] = "Bonjour"
	file.write_text(json.dumps(exported), encoding="utf-8")
	assert "0 created, 1 updated" in command("import", str(file)).stdout
	callers["manager"].post("templates.delete", name=name)
	assert "1 created" in command("import", str(file)).stdout
	rows = callers["manager"].get("templates.list", category="other")[1]["message"]["templates"]
	assert [row["is_active"] for row in rows if row["template_name"] == name] == [0]


@pytest.mark.parametrize("content", ["{", "7", '"text"', '[{"definition": 1}]', "[null]"])
def test_an_import_of_anything_else_is_refused_in_a_line(command, written, content):
	done = command("import", written(content))
	assert done.returncode == 2 and done.stderr.startswith("bad_input:")


def test_an_unknown_flow_is_not_exported(command):
	done = command("export", "no such flow")
	assert done.returncode == 2 and "template_not_found" in done.stderr
