"""Texts in the reader's language where no framework translates them: the same table that a site reads."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "translations"


def speaker(language: str | None) -> Callable[[str], str]:
	"""A function of an English text that answers it in this language (`fr`, `fr-CA`, …), in English where
	there is no translation."""
	table = _table(str(language or "en").lower().replace("_", "-").split("-")[0])
	return lambda text: table.get(text, text)


@cache
def _table(language: str) -> Mapping[str, str]:
	# By name among the files there are: what a caller sends never becomes a path.
	path = {path.stem: path for path in FOLDER.glob("*.csv")}.get(language)
	if path is None:
		return {}
	with path.open(encoding="utf-8", newline="") as lines:
		return {row[0]: row[1] for row in csv.reader(lines) if len(row) > 1 and row[1]}
