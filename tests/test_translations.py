"""The desk's own words in French: what forms, lists and the workspace show is in the table, word for word."""

import csv
import json
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "flow_engine"
LITERAL = re.compile(r"""\b__\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
SCRIPTS = (
	*sorted((PACKAGE / "public" / "js").rglob("*.js")),
	*sorted((PACKAGE / "flow_engine").rglob("*.js")),
)


def french() -> dict[str, str]:
	with (PACKAGE / "translations" / "fr.csv").open(encoding="utf-8", newline="") as lines:
		return {row[0]: row[1] for row in csv.reader(lines)}


def said_by_scripts() -> set[str]:
	"""Every literal inside `__(…)`."""
	return {
		re.sub(r"\\(.)", r"\1", double or single)
		for path in SCRIPTS
		for double, single in LITERAL.findall(path.read_text(encoding="utf-8"))
	}


def documents(kind: str) -> list[dict]:
	"""The documents of this DocType that come with the app."""
	found = [
		json.loads(path.read_text(encoding="utf-8"))
		for path in sorted((PACKAGE / "flow_engine").rglob("*.json"))
	]
	return [one for one in found if isinstance(one, dict) and one.get("doctype") == kind]


def said_by_forms():
	for form in documents("DocType"):
		yield form["name"]
		for field in form["fields"]:
			yield field.get("label")
			yield field.get("description")
			if field["fieldtype"] == "Select":
				yield from field.get("options", "").split("\n")
		yield from (link.get("group") for link in form.get("links", []))


def said_by_the_workspace():
	for page in documents("Workspace"):
		yield page["label"]
		for part in ("links", "shortcuts", "charts", "number_cards", "quick_lists"):
			yield from (one.get("label") for one in page.get(part, []))
		yield from (one.get("format") for one in page["shortcuts"])
		yield from (block["data"].get("text") for block in json.loads(page["content"]))
	yield from (card["label"] for card in documents("Number Card"))
	yield from (chart["chart_name"] for chart in documents("Dashboard Chart"))
	yield from (report["report_name"] for report in documents("Report"))


@pytest.mark.parametrize("sayers", [said_by_scripts, said_by_forms, said_by_the_workspace])
def test_everything_the_desk_says_has_a_french_text(sayers):
	said = {text.strip() for text in sayers() if text and text.strip()}
	assert len(said) > 10, "nothing is said there any more"
	# What has no letters is the same in every language.
	assert {text for text in said if re.search("[A-Za-z]", text)} - french().keys() == set()
