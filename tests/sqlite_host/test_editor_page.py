"""The page's addresses are answered by the one built document, its files by their names and nothing else."""

import re

import pytest
from werkzeug.test import Client

from flow_engine.sqlite_host import editor_page
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.server import Application
from flow_engine.sqlite_host.worker import Worker

PAGES = ["/", "/new", "/runs", "/runs/FR-00001", "/templates/FT-00001", "/templates/a%20name"]
OTHERS = ["/templates", "/nowhere", "/new/x", "/runs/a/b", "/assets/editor/nothing.js"]


@pytest.fixture
def client(tmp_path):
	host = open_host(str(tmp_path / "flows.sqlite3"))
	return Client(Application(host, Worker(host), hosts=None))


@pytest.fixture
def built(tmp_path, monkeypatch):
	folder = tmp_path / "built"
	folder.mkdir()
	(folder / "index.html").write_text("<!doctype html><title>the page</title>")
	(folder / "main-1234.js").write_text("export {}")
	(folder / "notes.txt").write_text("not of the page")
	monkeypatch.setattr(editor_page, "BUILT", folder)
	return folder


@pytest.mark.parametrize("path", PAGES)
def test_every_address_of_the_page_is_answered_by_the_one_document(client, built, path):
	answer = client.get(path)
	assert answer.status_code == 200 and "the page" in answer.text
	assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
	assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", OTHERS)
def test_other_addresses_are_not(client, built, path):
	assert client.get(path).status_code == 404


def test_a_built_file_may_be_kept_by_browsers(client, built):
	answer = client.get("/assets/editor/main-1234.js")
	assert answer.status_code == 200 and answer.mimetype == "text/javascript"
	assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
	"name", ["notes.txt", "index.html", "../icon.svg", "..%2ficon.svg", "%2e%2e/icon.svg"]
)
def test_nothing_but_the_built_files_is_given_out(client, built, name):
	assert client.get(f"/assets/editor/{name}").status_code == 404


def test_without_a_build_the_page_says_which_command_makes_it(client, built):
	(built / "index.html").unlink()
	answer = client.get("/", headers={"Accept": "text/html"})
	assert answer.status_code == 503
	assert re.search(r"make page", answer.text) and "Traceback" not in answer.text


def test_nothing_is_posted_to_a_page(client, built):
	assert client.post("/templates/FT-00001").status_code == 404
