"""The French table: everything the server says to operators, each text with the places for values it has in
English."""

import ast
import csv
import re
from pathlib import Path

import flow_engine
from flow_engine.engine.kinds import register
from flow_engine.service.catalog import catalog
from flow_engine.service.events import BUSINESS_EVENTS
from flow_engine.service.language import FOLDER, speaker

PACKAGE = Path(flow_engine.__file__).parent
with (FOLDER / "fr.csv").open(encoding="utf-8", newline="") as lines:
	ROWS = list(csv.reader(lines))
FRENCH = {row[0]: row[1] for row in ROWS}


def said_by_the_catalog():
	said = set()
	catalog(register(), BUSINESS_EVENTS, (), lambda text: said.add(text) or text)
	return said


def said_in_python():
	"""Every literal inside `_(…)`."""
	said = set()
	for path in PACKAGE.rglob("*.py"):
		if "tests" in path.parts or path.is_relative_to(PACKAGE / "doctype"):
			continue
		for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
			if (
				isinstance(node, ast.Call)
				and isinstance(node.func, ast.Name)
				and node.func.id == "_"
				and node.args
				and isinstance(node.args[0], ast.Constant)
			):
				said.add(node.args[0].value)
	return said


def test_everything_the_catalog_says_has_a_french_text():
	assert said_by_the_catalog() - FRENCH.keys() == set()


def test_everything_the_app_says_to_operators_in_python_has_a_french_text():
	assert {text for text in said_in_python() if isinstance(text, str)} - FRENCH.keys() == set()


def test_no_text_stands_twice_and_none_is_empty():
	assert len(FRENCH) == len(ROWS)
	assert [row for row in ROWS if len(row) != 2 or not row[0].strip() or not row[1].strip()] == []


def test_a_translation_has_the_places_for_values_that_its_text_has():
	def places(text):
		return sorted(re.findall(r"\{\d+\}|\{\{[^}]*\}\}", text))

	assert {text: french for text, french in FRENCH.items() if places(text) != places(french)} == {}


def test_the_reader_gets_their_language_and_english_where_there_is_none():
	assert speaker("fr")("is created") == speaker("fr_CA")("is created") == "est créé"
	for language in (None, "", "en", "xx", "../fr", "fr.csv"):
		assert speaker(language)("is created") == "is created"
	assert speaker("fr")("never said by anybody") == "never said by anybody"
