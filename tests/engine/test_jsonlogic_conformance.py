"""The public JSONLogic suite, as far as it is on this machine."""

import json
import os
from pathlib import Path

import pytest

from flow_engine.engine.errors import BadCondition
from flow_engine.engine.jsonlogic import OPERATORS, evaluate_logic

SHARED = Path(os.environ.get("FLOW_ENGINE_SHARED") or Path(__file__).parents[3] / "shared")
SUITE = SHARED / "conformance" / "jsonlogic.json"


def _rows():
	if not SUITE.is_file():
		reason = f"the public suite is not at {SUITE}; set FLOW_ENGINE_SHARED to the folder that has it"
		return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id="suite")]
	rows = [row for row in json.loads(SUITE.read_text()) if isinstance(row, dict)]
	return [pytest.param(row, id=f"{i}-{row['description'][:60]}") for i, row in enumerate(rows)]


@pytest.mark.parametrize("row", _rows())
def test_the_public_suite_holds(row):
	got = evaluate_logic(row["rule"], row.get("data"))
	assert got == row["result"]
	assert isinstance(got, bool) == isinstance(row["result"], bool)


@pytest.mark.parametrize(
	("rule", "data", "result"),
	[
		({"%": [-1, 2]}, None, -1),
		({"===": [1, True]}, None, False),
		({"===": [1, 1.0]}, None, True),
		({"cat": ["a", None, True]}, None, "atrue"),
		({"log": "said"}, None, "said"),
		({"var": "items.length"}, {"items": [1, 2]}, 2),
		({"var": "a.__class__"}, {"a": {"__class__": 1}}, None),
		({"var": "when"}, {"when": __import__("datetime").date(2026, 3, 18)}, "2026-03-18"),
		({"reduce": [{"var": "none"}, {"var": "current"}, {"+": [1, 2]}]}, {}, 3),
		({"map": [[1, 2], {"map": [[1, 2], {"+": [{"var": ""}, 1]}]}]}, None, [[2, 3], [2, 3]]),
		({"a": 1, "b": 2}, None, {"a": 1, "b": 2}),
	],
)
def test_what_the_suite_leaves_open_follows_javascript(rule, data, result):
	assert evaluate_logic(rule, data) == result


def test_log_prints_nothing(capsys):
	evaluate_logic({"log": "said"}, None)
	assert capsys.readouterr().out == ""


LONG = list(range(1_000))


@pytest.mark.parametrize(
	"rule",
	[
		{"nope": [1]},
		{"var.x": [1]},
		{"@body": [1]},
		{"/": [1, 0]},
		{"%": [1, 0]},
		{"substr": ["abc", {"/": [1e308, 1e-308]}]},
		{"map": [LONG, {"map": [LONG, 1]}]},
		{"some": [LONG, {"some": [LONG, False]}]},
		{"reduce": [LONG, {"*": [{"var": "accumulator"}, {"var": "accumulator"}]}, 3]},
		{"reduce": [LONG, {"cat": [{"var": "accumulator"}, {"var": "accumulator"}]}, "xy"]},
		{"reduce": [LONG, {"merge": [{"var": "accumulator"}, {"var": "accumulator"}]}, [1]]},
		{"cat": [{"reduce": [LONG, [{"var": "accumulator"}, {"var": "accumulator"}], 1]}]},
		{"cat": [{"var": "text"}] * 5_000},
		{"*": [10**300] * 50},
	],
)
def test_what_would_not_end_or_has_no_meaning_is_a_bad_condition(rule):
	with pytest.raises(BadCondition):
		evaluate_logic(rule, {"text": "x" * 1_000_000})


def test_a_deep_rule_is_a_bad_condition():
	rule = True
	for _ in range(60):
		rule = {"!": [rule]}
	with pytest.raises(BadCondition):
		evaluate_logic(rule, {})


def test_a_condition_over_a_thousand_rows_fits_the_bounds():
	rows = [{"item_code": f"I{i}", "qty": i, "description": "x" * 200} for i in range(1_000)]
	rule = {"some": [{"var": "doc.items"}, {"and": [{"==": [{"var": "qty"}, 999]}, {"!": {"var": "free"}}]}]}
	assert evaluate_logic(rule, {"doc": {"items": rows}}) is True


def test_every_standard_operator_is_known():
	standard = "var missing missing_some if ?: == === != !== ! !! or and > >= < <= max min + - * / %"
	standard += " map reduce filter all none some merge in cat substr log"
	assert set(standard.split()) == set(OPERATORS)
