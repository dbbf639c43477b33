"""The flow-engine command as a process: what it prints, and what its exit code says."""

import json
import os
import subprocess
import sys

import pytest

from flow_engine.service.templates import LIBRARY
from flow_engine.testing.builders import flow, issue, step

DOC = {"doctype": "Contract", "name": "C-1", "party_type": "Customer", "party_name": "Ann"}
ANN = {"doctype": "Customer", "name": "Ann", "customer_name": "Ann", "email_id": "a@example.com"}


@pytest.fixture
def folder(tmp_path):
	"""A folder with the files that the tests name."""

	def write(name, data):
		(tmp_path / name).write_text(data if isinstance(data, str) else json.dumps(data))

	write("valid.json", flow(issue("a")))
	write(
		"waits.json", flow(step("ask", when="manual"), step("later", when=("after_delay", {"delay_days": 2})))
	)
	write(
		"fails.json",
		flow(
			step("a", "erp_update", payload={"doctype": "X", "docname_ref": "x", "fields_json": '{"a": 1}'})
		),
	)
	write("exported.json", {"template_name": "x", "category": "other", "definition": flow(issue("a"))})
	write("exported_bad.json", {"template_name": "x", "definition": flow(step("a", "nope"))})
	write("warns.json", flow(issue("a", "{{nothing.there}}")))
	write("problems.json", flow(step("a", "nope"), step("a", after=["z"])))
	write("calls.json", flow(step("a", "webhook", payload={"url": "https://example.com", "method": "POST"})))
	write("replies.json", [{"url": "example.com", "status": 400, "body": {"no": 1}}])
	write("list.json", [1])
	write("number.json", "5")
	write("broken.json", "{")
	write("deep.json", "[" * 100_000)
	write("nan.json", '{"version": NaN}')
	write("digits.json", '{"version": ' + "9" * 5000 + "}")
	write("empty.json", "")
	write("doc.json", DOC)
	write("docs.json", [ANN])
	write("no_doctype.json", {"name": "x"})
	write("no_name.json", {"doctype": "x"})
	write("steering.json", flow({**step("a", "nope"), "label": "\x1b[31m\ud800"}))
	(tmp_path / "latin.json").write_bytes(b'{"a": "\xe9"}')
	(tmp_path / "marked.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(flow(issue("a"))).encode())
	(tmp_path / "folder.json").mkdir()
	return tmp_path


def command(folder, *arguments, **environment):
	return subprocess.run(
		[sys.executable, "-m", "flow_engine.cli", *arguments],
		cwd=folder,
		capture_output=True,
		encoding="utf-8",
		timeout=120,
		env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
	)


def one_coded_line(done):
	lines = done.stderr.splitlines()
	assert "Traceback" not in done.stderr + done.stdout
	assert lines, done
	code, _, message = lines[-1].partition(": ")
	assert code.isidentifier() and message, lines
	return code


# --- validate -----------------------------------------------------------------------------------------------

VALIDATED = [
	("valid.json", 0, set()),
	("exported.json", 0, set()),
	("marked.json", 0, set()),
	("warns.json", 0, {"unknown_variable"}),
	("problems.json", 1, {"unknown_kind", "duplicate_id", "unknown_dependency"}),
	("exported_bad.json", 1, {"unknown_kind"}),
	("list.json", 1, {"bad_value"}),
	("number.json", 1, {"bad_value"}),
	("steering.json", 1, {"unknown_kind", "bad_value"}),
	("broken.json", 2, {"bad_json"}),
	("deep.json", 2, {"bad_json"}),
	("nan.json", 2, {"bad_json"}),
	("digits.json", 2, {"bad_json"}),
	("empty.json", 2, {"bad_json"}),
	("latin.json", 2, {"unreadable"}),
	("folder.json", 2, {"unreadable"}),
	("missing.json", 2, {"unreadable"}),
]


@pytest.mark.parametrize(("file", "code", "codes"), VALIDATED, ids=[row[0] for row in VALIDATED])
def test_validate_lists_every_problem_and_its_exit_code_says_how_bad(folder, file, code, codes):
	done = command(folder, "validate", file, "--json")
	problems = json.loads(done.stdout)
	assert (done.returncode, {p["code"] for p in problems}) == (code, codes)
	assert all({"path", "step", "code", "message"} <= set(problem) for problem in problems)
	if code == 2:
		assert {one_coded_line(done)} == codes
	else:
		assert done.stderr == ""


def test_validate_says_it_to_people_too(folder):
	done = command(folder, "validate", "problems.json")
	assert "unknown_kind" in done.stdout and done.stdout.endswith("errors.\n")
	steering = command(folder, "validate", "steering.json", PYTHONIOENCODING="ascii")
	assert (steering.returncode, "\x1b" in steering.stdout) == (1, False)


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.json")), ids=lambda path: path.stem)
def test_the_shipped_flows_are_valid(folder, path):
	assert command(folder, "validate", str(path)).returncode == 0


# --- diff ---------------------------------------------------------------------------------------------------

COMPARED = [
	(("valid.json", "valid.json"), 0, None),
	(("valid.json", "exported.json"), 0, None),
	(("valid.json", "problems.json"), 1, None),
	(("valid.json", "missing.json"), 2, "unreadable"),
	(("broken.json", "valid.json"), 2, "bad_json"),
	(("valid.json", "list.json"), 2, "invalid_definition"),
	(("number.json", "valid.json"), 2, "invalid_definition"),
]


@pytest.mark.parametrize(("files", "code", "refusal"), COMPARED, ids=[" ".join(row[0]) for row in COMPARED])
def test_diff_says_by_its_exit_code_whether_something_differs(folder, files, code, refusal):
	done = command(folder, "diff", *files, "--json")
	assert done.returncode == code
	if refusal:
		assert one_coded_line(done) == refusal
	else:
		assert bool(json.loads(done.stdout)["changes"]) == bool(code)
		assert command(folder, "diff", *files).stdout.splitlines()


# --- simulate -----------------------------------------------------------------------------------------------


def simulated(folder, *arguments):
	done = command(folder, "simulate", *arguments, "--json")
	return done.returncode, json.loads(done.stdout)


def test_simulate_prints_the_outcome_as_json(folder):
	code, outcome = simulated(
		folder, "valid.json", "--doc", "doc.json", "--docs", "docs.json", "--now", "2026-03-02"
	)
	assert code == 0
	assert set(outcome) == {"run", "steps", "compensation", "timeline", "documents", "messages"}
	assert outcome["run"]["started_at"] == "2026-03-02T00:00:00+00:00"


OUTCOMES = [
	(["valid.json"], 0, "completed"),
	(["exported.json"], 0, "completed"),
	(["waits.json"], 0, "running"),
	(["waits.json", "--complete", "ask"], 0, "completed"),
	(["waits.json", "--complete", 'ask={"a": 1}', "--until", "1d"], 0, "running"),
	(["fails.json"], 1, "failed"),
	(["calls.json"], 0, "completed"),
	(["calls.json", "--replies", "replies.json"], 1, "failed"),
]


@pytest.mark.parametrize(("arguments", "code", "status"), OUTCOMES)
def test_simulate_exits_with_how_the_run_ended(folder, arguments, code, status):
	found, outcome = simulated(folder, *arguments, "--doc", "doc.json")
	assert (found, outcome["run"]["status"]) == (code, status)


def test_simulate_undoes_what_was_done_when_asked_to(folder):
	steps = [
		{"id": "report", "kind": "issue", "payload": {"subject": "About it"}},
		{"id": "ask", "kind": "wait", "depends_on": ["report"], "trigger": {"type": "manual"}},
	]
	definition = {"version": 1, "trigger": {"event": "manual"}, "variables": {}, "steps": steps}
	(folder / "undone.json").write_text(json.dumps(definition))
	arguments = ["undone.json", "--doc", "doc.json"]
	assert simulated(folder, *arguments)[1]["compensation"] is None
	code, outcome = simulated(folder, *arguments, "--undo")
	assert (code, outcome["run"]["status"]) == (0, "cancelled")
	assert outcome["compensation"]["status"] == "completed"
	assert [one["step"] for one in outcome["compensation"]["timeline"]] == ["report"]
	told = command(folder, "simulate", *arguments, "--undo").stdout
	assert "What it had done is undone:" in told
	assert told.rstrip().endswith("The run is cancelled. What undoes it is completed.")


def test_a_naive_start_is_in_the_time_zone_given(folder):
	arguments = [
		"valid.json",
		"--doc",
		"doc.json",
		"--now",
		"2026-07-01T08:00",
		"--timezone",
		"America/Toronto",
	]
	assert simulated(folder, *arguments)[1]["run"]["started_at"] == "2026-07-01T12:00:00+00:00"


def test_simulate_tells_people_what_happened_when(folder):
	done = command(
		folder, "simulate", "waits.json", "--doc", "doc.json", "--now", "2026-03-02", "--complete", "ask"
	)
	assert "2026-03-04" in done.stdout and done.stdout.endswith("The run is completed.\n")


SIMULATE = ["simulate", "valid.json", "--doc", "doc.json"]
BAD = [
	(["simulate", "valid.json"], "bad_input"),
	(["simulate", "missing.json", "--doc", "doc.json"], "unreadable"),
	(["simulate", "broken.json", "--doc", "doc.json"], "bad_json"),
	(["simulate", "problems.json", "--doc", "doc.json"], "invalid_definition"),
	(["simulate", "list.json", "--doc", "doc.json"], "invalid_definition"),
	(["simulate", "valid.json", "--doc", "missing.json"], "unreadable"),
	(["simulate", "valid.json", "--doc", "folder.json"], "unreadable"),
	(["simulate", "valid.json", "--doc", "latin.json"], "unreadable"),
	(["simulate", "valid.json", "--doc", "deep.json"], "bad_json"),
	(["simulate", "valid.json", "--doc", "list.json"], "bad_input"),
	(["simulate", "valid.json", "--doc", "no_doctype.json"], "bad_input"),
	(["simulate", "valid.json", "--doc", "no_name.json"], "bad_input"),
	([*SIMULATE, "--docs", "no_doctype.json"], "bad_input"),
	([*SIMULATE, "--now", "yesterday"], "bad_input"),
	([*SIMULATE, "--now", ""], "bad_input"),
	([*SIMULATE, "--now", "9999-12-31T23:59:59"], "bad_input"),
	([*SIMULATE, "--until", "soon"], "bad_input"),
	([*SIMULATE, "--until", "2001-01-01"], "bad_input"),
	([*SIMULATE, "--complete", "zz"], "bad_input"),
	([*SIMULATE, "--complete", "a={"], "bad_json"),
	([*SIMULATE, "--complete", ""], "bad_input"),
	([*SIMULATE, "--variables", "{"], "bad_json"),
	([*SIMULATE, "--variables", "[1]"], "bad_input"),
	([*SIMULATE, "--replies", "doc.json"], "bad_input"),
	([*SIMULATE, "--timezone", "Mars"], "bad_input"),
	([*SIMULATE, "--nonsense"], "bad_input"),
	(["seed", "--db", "folder.json"], "storage_failed"),
	(["seed", "--db", "nowhere/flows.sqlite3"], "storage_failed"),
	(["seed", "--db", "valid.json"], "storage_failed"),
	(["seed"], "bad_input"),
	(["demo", "--db", "folder.json"], "storage_failed"),
	(["serve", "--db", "folder.json", "--port", "0"], "storage_failed"),
	(["serve", "--db", "x.sqlite3", "--port", "many"], "bad_input"),
	(["serve", "--db", "x.sqlite3", "--port", "70000"], "bad_input"),
	(["serve", "--db", "x.sqlite3", "--host", "no..name"], "bad_input"),
	(["serve", "--db", "x.sqlite3", "--timezone", "Mars"], "bad_input"),
	(["tick", "--db", "nowhere.sqlite3"], "bad_input"),
	(["tick", "--db", "nowhere.sqlite3", "--forever"], "bad_input"),
	(["tick", "--db", "folder.json"], "storage_failed"),
	(["tick", "--db", "valid.json"], "storage_failed"),
	(["tick", "--db", "valid.json", "--seconds", "0"], "bad_input"),
	(["tick", "--db", "valid.json", "--timezone", "Mars"], "bad_input"),
	(["settings", "--db", "nowhere.sqlite3"], "bad_input"),
	(["settings", "--db", "valid.json"], "storage_failed"),
	(["settings", "--db", "valid.json", "strict"], "bad_input"),
	(["nonsense"], "bad_input"),
	([], "bad_input"),
]


@pytest.mark.parametrize(("arguments", "code"), BAD, ids=[" ".join(row[0]) for row in BAD])
def test_bad_input_is_one_coded_line_and_exit_code_2(folder, arguments, code):
	done = command(folder, *arguments)
	assert (done.returncode, one_coded_line(done)) == (2, code)
	if code != "invalid_definition":
		assert len(done.stderr.splitlines()) == 1


def test_an_invalid_definition_is_refused_with_its_problems(folder):
	done = command(folder, "simulate", "problems.json", "--doc", "doc.json", "--json")
	problems = json.loads(done.stdout)["problems"]
	assert {"unknown_kind", "duplicate_id", "unknown_dependency"} <= {p["code"] for p in problems}


# --- seed and demo ------------------------------------------------------------------------------------------


def test_seeding_twice_changes_nothing(folder):
	outcomes = [
		[row["outcome"] for row in json.loads(command(folder, "seed", "--db", "x.sqlite3", "--json").stdout)]
		for _ in range(2)
	]
	assert outcomes == [["created"] * 7, ["unchanged"] * 7]


def test_settings_are_shown_changed_and_refused(folder):
	command(folder, "seed", "--db", "x.sqlite3")

	def settings(*changes):
		return command(folder, "settings", "--db", "x.sqlite3", *changes)

	assert settings().stdout == "condition_strategy=strict\n"
	assert settings("condition_strategy=compatible").returncode == 0
	assert json.loads(settings("--json").stdout) == {"condition_strategy": "compatible"}
	for change in ("condition_strategy=lax", "link_key=x"):
		assert one_coded_line(settings(change)) == "bad_input"
	assert settings().stdout == "condition_strategy=compatible\n"


def test_the_demo_shows_the_whole_story_as_plain_text_where_there_is_no_terminal(folder):
	done = command(folder, "demo")
	assert (done.returncode, done.stderr) == (0, "")
	assert "\x1b" not in done.stdout
	told = (
		"7 flows seeded",
		"signs contract",
		"Dispatch Job",
		"Text to",
		"24 hours later",
		"11 months later",
	)
	for part in (*told, "Renewal reminder", "completed"):
		assert part in done.stdout


def test_the_demo_is_coloured_on_a_terminal(folder):
	import pty

	reader, writer = pty.openpty()
	process = subprocess.Popen(
		[sys.executable, "-m", "flow_engine.cli", "demo", "--fast"],
		stdout=writer,
		stderr=subprocess.STDOUT,
		env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"},
	)
	os.close(writer)
	shown = b""
	while True:
		try:
			piece = os.read(reader, 65_536)
		except OSError:
			break
		if not piece:
			break
		shown += piece
	os.close(reader)
	assert process.wait(timeout=60) == 0
	assert b"\x1b[" in shown and "completed" in shown.decode()


def test_a_reader_that_goes_away_is_no_error(folder):
	line = f"{sys.executable} -m flow_engine.cli demo | head -1"
	done = subprocess.run(["sh", "-c", line], cwd=folder, capture_output=True, text=True, timeout=120)
	assert (done.stdout.count("\n"), done.stderr) == (1, "")
