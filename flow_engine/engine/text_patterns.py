"""Regular expressions that people write into schemas: read, weighed before they run, refused when no weight
bounds them.

Decides what a pattern may cost. Python's engine tries alternatives one by one, so a pattern with a repeat
inside a repeat can take years over thirty characters; such patterns are refused when the flow is checked, and
what the others may cost on a text of a given length is known before the text is looked at.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

try:
	from re import _constants, _parser  # type: ignore[attr-defined]
except ImportError:  # Python 3.10
	import sre_constants as _constants  # type: ignore[no-redef]
	import sre_parse as _parser  # type: ignore[no-redef]

MAX_PATTERN_LENGTH = 500
# More places that each try the whole rest of the text could not be paid for on a text of a hundred letters.
_MAX_DEGREE = 3
_MAX_CHOICES = 1e6
# A repeat of up to this many is counted as it is, a longer one as if it had no end.
_COUNTED = 1_000

_ONE_WAY = {
	_constants.LITERAL,
	_constants.NOT_LITERAL,
	_constants.ANY,
	_constants.IN,
	_constants.AT,
	_constants.CATEGORY,
	_constants.RANGE,
}
_START = {_constants.AT_BEGINNING, _constants.AT_BEGINNING_STRING}


class BadPattern(ValueError):
	"""The pattern cannot be read, or nothing bounds the time it takes."""


@dataclass(frozen=True, slots=True)
class TextPattern:
	"""A pattern that may run. `degree`: how many of its places can each be anywhere in the text. `choices`:
	the ways of everything else. `width`: how many characters it holds at least."""

	expression: re.Pattern[str]
	choices: float
	degree: int
	width: int

	def cost(self, length: int) -> float:
		"""Steps that a search in a text of this length may take."""
		placings = math.comb(length + self.degree, self.degree)
		# Ten characters in a row are compared in about the time of one choice.
		return self.choices * placings * max(1, min(self.width, length) / 10)


@lru_cache(maxsize=500)
def read_pattern(text: str) -> TextPattern:
	"""Raises BadPattern."""
	if len(text) > MAX_PATTERN_LENGTH:
		raise BadPattern(f"The pattern is longer than {MAX_PATTERN_LENGTH} characters.")
	try:
		parsed = _parser.parse(text)
		expression = re.compile(text)
	except (re.error, OverflowError, RecursionError, ValueError) as error:
		raise BadPattern(f"The pattern cannot be read: {error}.") from None
	choices, degree = _sequence(parsed)
	if not _begins_at_the_start(parsed):
		degree += 1
	if degree > _MAX_DEGREE + 1 or choices > _MAX_CHOICES:
		raise BadPattern("The pattern can match in too many ways to be tried on every text.")
	return TextPattern(expression, choices, degree, int(parsed.getwidth()[0]))


def _begins_at_the_start(parsed: Any) -> bool:
	return bool(len(parsed)) and parsed[0][0] is _constants.AT and parsed[0][1] in _START


# In how many ways a part can match n characters from one place: (choices, degree) for choices x n ** degree.
_Ways = tuple[float, int]


def _sequence(parts: Any) -> _Ways:
	choices, degree = 1.0, 0
	for operation, argument in parts:
		more, deeper = _ways(operation, argument)
		choices, degree = min(choices * more, 1e12), degree + deeper
	return choices, degree


def _ways(operation: Any, argument: Any) -> _Ways:
	if operation in _ONE_WAY:
		return 1.0, 0
	if operation is _constants.SUBPATTERN:
		return _sequence(argument[-1])
	if operation in (_constants.ASSERT, _constants.ASSERT_NOT):
		return _sequence(argument[1])
	if operation is _constants.BRANCH:
		ways = [_sequence(branch) for branch in argument[1]]
		return sum(choices for choices, _ in ways), max(degree for _, degree in ways)
	if operation in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
		return _repeated(*argument)
	raise BadPattern("The pattern refers back to what it matched, or is of a kind that is not tried here.")


def _repeated(least: Any, most: Any, part: Any) -> _Ways:
	choices, degree = _sequence(part)
	least, most = int(least), int(most)
	endless = most - least > _COUNTED
	if choices == 1 and degree == 0:
		return (1.0, 1) if endless else (most - least + 1.0, 0)
	if most <= 1:
		return choices + 1, degree
	if endless or degree or most * math.log(choices) > math.log(_MAX_CHOICES):
		raise BadPattern(
			"The pattern repeats a part that can itself match in several ways; nothing bounds how long that "
			"takes."
		)
	return choices**most * (most - least + 1), 0
