"""What a regular expression may cost is known before it runs; what could run for ever is refused."""

import re

import pytest

from flow_engine.engine.text_patterns import MAX_PATTERN_LENGTH, BadPattern, read_pattern


@pytest.mark.parametrize(
	"pattern",
	[
		r"^[A-Z]{2}\d{6}$",
		r"^\d{4}-\d{2}-\d{2}$",
		r"^(\d{1,3}\.){3}\d{1,3}$",
		r"^[^@ ]+@[^@ ]+\.[a-z]{2,}$",
		r"^(foo|bar|baz)$",
		r"^(\+\d{1,3} )?\d{6,12}$",
		r"^(?=.*[A-Z])(?=.*\d).{8,}$",
		r"(ab)*c",
		r".*foo.*bar.*",
		"",
	],
)
def test_patterns_that_people_write_are_accepted_and_cheap_on_short_texts(pattern):
	assert read_pattern(pattern).cost(100) < 20_000_000


@pytest.mark.parametrize(
	"pattern",
	[
		"(a+)+b",
		"(a*)*",
		"(a|a)*b",
		"(a|aa)+$",
		"(.*a){20}",
		"^(a?){64}b",
		"a?" * 64 + "b",
		"(a{1,100}){1,100}",
		"a*" * 12 + "b",
		r"(\w+\s?)*$",
		r"(a)\1",
		"(?:x+x+)+y",
		"((a{0,9}){0,9}){0,9}",
	],
)
def test_patterns_that_could_take_for_ever_are_refused(pattern):
	with pytest.raises(BadPattern):
		read_pattern(pattern)


@pytest.mark.parametrize(
	"pattern", ["(", "[", "a{2,1}", "(?P<x>a)(?P<x>b)", "\\", "(" * 400, "a{99999999999999999999}", "(?z)"]
)
def test_what_cannot_be_read_is_refused_with_a_reason(pattern):
	with pytest.raises(BadPattern, match=r"\."):
		read_pattern(pattern)


def test_a_long_pattern_is_refused_before_it_is_read():
	with pytest.raises(BadPattern, match=str(MAX_PATTERN_LENGTH)):
		read_pattern("a" * (MAX_PATTERN_LENGTH + 1))


@pytest.mark.parametrize("pattern", ["a*b", "^a*a*b", "(a|b)c", "[ab]*[ac]*x", "^x{3}", "a{2,9}b"])
def test_the_cost_grows_at_least_as_the_tries_that_are_counted(pattern):
	"""Counted by hand: every place to begin, every length of every repeat."""
	for length in (5, 20, 60):
		assert read_pattern(pattern).cost(length) >= _tries(pattern, length)


def _tries(pattern, length):
	places = 1 if pattern.startswith("^") else length
	return max(places, length ** pattern.count("*") / 6)


def test_what_is_read_is_what_pythons_own_engine_searches():
	read = read_pattern(r"^\d{2}$")
	assert read.expression == re.compile(r"^\d{2}$")
