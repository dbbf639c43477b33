"""`flow-engine audit-export` and `flow-engine webhook-test`, as people call them."""

import csv
import io
import json

import pytest

from flow_engine.cli import main
from flow_engine.service.webhooks import create_endpoint
from flow_engine.sqlite_host.host import open_host
from flow_engine.testing.receiver import Receiver


@pytest.fixture
def receiver():
	found = Receiver()
	yield found
	found.close()


@pytest.fixture
def database(tmp_path, receiver):
	path = str(tmp_path / "flows.sqlite3")
	host = open_host(path)
	values = {"endpoint_name": "Ticketing", "url": receiver.url("/told"), "events": "run.*"}
	create_endpoint(host, values)
	host.database.close()
	return path


def test_a_test_says_whether_it_was_taken_and_so_does_the_exit_code(database, receiver, capsys):
	assert main(["webhook-test", "Ticketing", "--db", database, "--allow-host", "127.0.0.1"]) == 0
	assert "delivered, HTTP 200" in capsys.readouterr().out
	receiver.always(403)
	assert main(["webhook-test", "Ticketing", "--db", database, "--allow-host", "127.0.0.1"]) == 1
	assert "failed, HTTP 403" in capsys.readouterr().out
	assert main(["webhook-test", "Ticketing", "--db", database]) == 1
	assert len(receiver.seen) == 2, "this machine was not allowed"
	assert main(["webhook-test", "Nobody", "--db", database]) == 2
	assert capsys.readouterr().err.startswith("webhook_endpoint_not_found: ")


def test_the_trail_is_written_as_rows_or_lines(database, capsys):
	assert main(["audit-export", "--db", database]) == 0
	(row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
	assert (row["event_type"], json.loads(row["metadata"])) == ("webhook.created", {"endpoint": "Ticketing"})
	words = ["--format", "jsonl", "--run", "FR-00001"]
	assert main(["audit-export", "--db", database, *words]) == 0
	assert capsys.readouterr().out == ""


@pytest.mark.parametrize("words", [["--since", "yesterday"], ["--event", "%"], ["--timezone", "Mars/Phobos"]])
def test_what_cannot_be_read_is_one_line_and_exit_code_2(database, capsys, words):
	assert main(["audit-export", "--db", database, *words]) == 2
	assert capsys.readouterr().err.count("\n") == 1


def test_a_misspelt_path_makes_no_database(tmp_path, capsys):
	path = tmp_path / "nothing.sqlite3"
	for command in (["audit-export"], ["webhook-test", "Ticketing"]):
		assert main([*command, "--db", str(path)]) == 2
	assert not path.exists()
