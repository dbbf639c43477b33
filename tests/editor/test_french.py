"""The editor's own words in French: every literal that its components pass through `t(…)`."""

import csv
import re
from pathlib import Path

import pytest

import flow_engine

PACKAGE = Path(flow_engine.__file__).parent
EDITOR = PACKAGE / "public" / "js" / "flow_engine_editor"
LITERAL = re.compile(r"""\bt\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")
FOLDERS = (
	"canvas",
	"hooks",
	"host",
	"model",
	"pages",
	"panel",
	"payload",
	"run",
	"schedules",
	"standalone",
	"store",
	"versions",
)


def said(folder):
	for path in sorted((EDITOR / folder).rglob("*")):
		if path.suffix in (".js", ".vue"):
			for double, single in LITERAL.findall(path.read_text(encoding="utf-8")):
				yield (double or single).replace('\\"', '"').replace("\\'", "'")


@pytest.fixture(scope="module")
def french():
	with (PACKAGE / "translations" / "fr.csv").open(encoding="utf-8", newline="") as lines:
		return {row[0] for row in csv.reader(lines)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_word_has_a_french_one(folder, french):
	found = set(said(folder))
	assert found, "nothing is said there any more"
	assert found - french == set()
