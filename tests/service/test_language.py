"""The French table: everything the server says to operators, each text with the places for values it has in
English."""

import ast
import csv
import re
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest
from said_by_validation import sentences

import flow_engine
from flow_engine.engine import errors
from flow_engine.engine.kinds import register
from flow_engine.engine.validation import validate_definition
from flow_engine.service.catalog import catalog
from flow_engine.service.events import BUSINESS_EVENTS
from flow_engine.service.language import FOLDER, said_again, speaker, with_problems_in

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
		return sorted(re.findall(r"\{\d+\}|\{\{[\w.]+\}\}", text))

	assert {text: french for text, french in FRENCH.items() if places(text) != places(french)} == {}


def test_the_reader_gets_their_language_and_english_where_there_is_none():
	assert speaker("fr")("is created") == speaker("fr_CA")("is created") == "est créé"
	for language in (None, "", "en", "xx", "../fr", "fr.csv"):
		assert speaker(language)("is created") == "is created"
	assert speaker("fr")("never said by anybody") == "never said by anybody"


def test_everything_that_validation_says_has_a_french_text():
	assert len(sentences()) > 100
	assert sentences() - FRENCH.keys() == set()


SAID = [
	("There is no kind of step “x”.", "Il n'y a pas de type d'étape “x”."),
	("“doc.a” is not a number that is zero or more.", "“doc.a” n'est pas un nombre positif ou nul."),
	(
		"“A” is never done when this step runs: this step runs only when “B” fails.",
		"« A » n'est jamais faite quand cette étape s'exécute : cette étape ne s'exécute que si "
		"« B » échoue.",
	),
	(
		"Another step has the id “s”, which differs from “S” only by case.",
		"Une autre étape a l'identifiant “s”, qui ne diffère de “S” que par les majuscules.",
	),
	("Another step has the id “s”.", "Une autre étape a l'identifiant “s”."),
	("Nobody has ever said this.", "Nobody has ever said this."),
	("", ""),
]


@pytest.mark.parametrize(("english", "french"), SAID)
def test_a_sentence_with_values_is_said_again_with_the_same_values(english, french):
	assert said_again(english, "fr") == french
	assert said_again(english, "en") == said_again(english, "xx") == english


def error_classes(of=errors.FlowError):
	yield of
	for one in of.__subclasses__():
		if one.__module__.startswith("flow_engine"):
			yield from error_classes(one)


def test_every_kind_of_refusal_has_a_french_sentence():
	# A class is known once its module is: those of commands and of the standalone server too.
	for module in walk_packages(flow_engine.__path__, "flow_engine."):
		if module.name.split(".")[1] in ("cli", "engine", "outbound", "service", "sqlite_host", "store"):
			if module.name != "flow_engine.cli.__main__":
				import_module(module.name)
	assert {one().message for one in error_classes()} - FRENCH.keys() == set()


def test_what_went_wrong_in_a_run_is_said_in_the_readers_language():
	kept = {"code": "document_not_found", "message": "Gadget G-1 does not exist."}
	view = {"run": {"name": "FR-1", "steps": [{"id": "a", "error": kept}, {"id": "b", "error": None}]}}
	heard = with_problems_in(view, "fr")["run"]["steps"]
	assert heard[0]["error"] == {"code": "document_not_found", "message": "Gadget G-1 n'existe pas."}
	assert heard[1] == {"id": "b", "error": None}
	assert with_problems_in(view, "en") == view
	attempts = {"attempts": [{"attempt": 1, "error_message": "The step failed."}, {"attempt": 2}], "more": 0}
	assert with_problems_in(attempts, "fr")["attempts"][0]["error_message"] == "L'étape a échoué."
	assert with_problems_in({"run": "FR-1", "attempts": "x"}, "fr") == {"run": "FR-1", "attempts": "x"}
	error = {"code": "state_unreadable", "message": "The stored state of the flow run cannot be read."}
	unreadable = with_problems_in({"run": {"steps": [], "error": error}}, "fr")
	assert unreadable["run"]["error"]["message"].startswith("L'état")


def test_problems_are_said_in_the_readers_language_wherever_they_stand():
	flow = {"version": 1, "trigger": {"event": "nothing"}, "steps": [{"id": "a b", "kind": "nothing"}]}
	problems = [
		problem.as_dict() for problem in validate_definition(flow, register(), events=BUSINESS_EVENTS)
	]
	assert problems
	told = with_problems_in({"problems": problems, "template": {"problems": problems}}, "fr")
	for heard in (told["problems"], told["template"]["problems"]):
		assert all(a["message"] != b["message"] for a, b in zip(heard, problems, strict=True))
		assert [entry["code"] for entry in heard] == [entry["code"] for entry in problems]
	assert with_problems_in({"problems": problems}, "en") == {"problems": problems}
	assert with_problems_in([1], "fr") == [1]
