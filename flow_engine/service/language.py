"""Texts in the reader's language where no framework translates them: the same table that a site reads.

The engine speaks English and knows no reader. A sentence that has values in it is recognised by the table's
own template and said again; a test holds the templates to what validation says.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "translations"
_PLACE = re.compile(r"(?<!\{)\{(\d)\}(?!\})|(?<=\{\{)\{(\d)\}")
# Beside its places a template needs some words of its own to be recognised by.
_FEWEST_LETTERS = 6
_LONGEST = 2_000


def speaker(language: str | None) -> Callable[[str], str]:
	"""A function of an English text that answers it in this language (`fr`, `fr-CA`, …), in English where
	there is no translation."""
	table = _table(_main(language))
	return lambda text: table.get(text, text)


def said_again(sentence: str, language: str | None) -> str:
	"""A sentence with values in it, in this language; in English where the table has no such sentence."""
	return _said_again(sentence, _main(language)) if len(sentence) <= _LONGEST else sentence


def with_problems_in(answer: Any, language: str | None) -> Any:
	"""An answer of a door whose problems, a template's and a schedule's too, and what went wrong in a run are
	said in this language."""
	if not isinstance(answer, Mapping) or not _table(_main(language)):
		return answer
	told = dict(answer)
	if isinstance(told.get("template"), Mapping):
		told["template"] = with_problems_in(told["template"], language)
	if isinstance(told.get("schedule"), Mapping):
		told["schedule"] = with_problems_in(told["schedule"], language)
	if isinstance(told.get("schedules"), list):
		told["schedules"] = [with_problems_in(row, language) for row in told["schedules"]]
	if isinstance(told.get("last_error"), str):
		told["last_error"] = said_again(told["last_error"], language)
	if isinstance(told.get("run"), Mapping):
		told["run"] = _run_in(told["run"], language)
	if isinstance(told.get("attempts"), list):
		told["attempts"] = [_attempt_in(attempt, language) for attempt in told["attempts"]]
	if isinstance(told.get("problems"), Sequence):
		told["problems"] = [
			{**problem, "message": said_again(str(problem.get("message") or ""), language)}
			if isinstance(problem, Mapping)
			else problem
			for problem in told["problems"]
		]
	return told


def _run_in(run: Mapping[str, Any], language: str | None) -> dict[str, Any]:
	"""A run's view: errors are kept in English, whoever will read them."""
	told = _error_in(run, language)
	if isinstance(told.get("steps"), list):
		told["steps"] = [
			_error_in(step, language) if isinstance(step, Mapping) else step for step in told["steps"]
		]
	return told


def _error_in(entry: Mapping[str, Any], language: str | None) -> dict[str, Any]:
	error = entry.get("error")
	if not isinstance(error, Mapping) or not error.get("message"):
		return dict(entry)
	return {**entry, "error": {**error, "message": said_again(str(error["message"]), language)}}


def _attempt_in(attempt: Any, language: str | None) -> Any:
	if not isinstance(attempt, Mapping) or not attempt.get("error_message"):
		return attempt
	return {**attempt, "error_message": said_again(str(attempt["error_message"]), language)}


def _main(language: str | None) -> str:
	return str(language or "en").lower().replace("_", "-").split("-")[0]


@cache
def _table(language: str) -> Mapping[str, str]:
	# By name among the files there are: what a caller sends never becomes a path.
	path = {path.stem: path for path in FOLDER.glob("*.csv")}.get(language)
	if path is None:
		return {}
	with path.open(encoding="utf-8", newline="") as lines:
		return {row[0]: row[1] for row in csv.reader(lines) if len(row) > 1 and row[1]}


@cache
def _templates(language: str) -> Sequence[tuple[re.Pattern[str], str]]:
	"""Patterns of the sentences that have places, those with most words of their own first."""
	found = []
	for source in _table(language):
		letters = sum(character.isalpha() for character in _PLACE.sub("", source))
		if _PLACE.search(source) and letters >= _FEWEST_LETTERS:
			found.append((letters, source))
	return [(_pattern(source), source) for _, source in sorted(found, reverse=True)]


def _pattern(source: str) -> re.Pattern[str]:
	at, parts = 0, []
	for place in _PLACE.finditer(source):
		# Where two values meet, the first is one in quotes: nothing else would tell them apart.
		value = "“.*?”" if _PLACE.match(source, place.end()) else ".*?"
		parts += [re.escape(source[at : place.start()]), f"(?P<p{place[1] or place[2]}>{value})"]
		at = place.end()
	return re.compile("".join([*parts, re.escape(source[at:])]), re.DOTALL)


@lru_cache(maxsize=2_000)
def _said_again(sentence: str, language: str) -> str:
	table = _table(language)
	if sentence in table or not table:
		return table.get(sentence, sentence)
	for pattern, source in _templates(language):
		found = pattern.fullmatch(sentence)
		if found is not None:
			# A value may be a sentence of its own: why a step is never done.
			values = {name: _said_again(value, language) for name, value in found.groupdict().items()}
			return _filled(table[source], values)
	return sentence


def _filled(template: str, values: Mapping[str, str]) -> str:
	return _PLACE.sub(lambda place: values[f"p{place[1] or place[2]}"], template)
