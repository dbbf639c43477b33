"""What conditions mean, in each of their forms, and what they report about themselves."""

import json
from zoneinfo import ZoneInfo

import pytest

from flow_engine.engine.conditions import condition_problems, evaluate, paths_read
from flow_engine.engine.errors import BadCondition

M = object()  # missing

TABLE = [
	# value, op, other, result
	("Open", "==", "Open", True),
	("Open", "==", "open", False),
	("Open", "!=", "Closed", True),
	(5, "==", "5", True),
	("5.0", "==", 5, True),
	(0.1, "==", "0.1", True),
	("10", ">", "9", True),
	("10", ">", "9a", False),
	(2, "<", 10, True),
	("abc", "<", "abd", True),
	(5, "<=", 5, True),
	(5, ">=", "5.01", False),
	(True, "==", True, True),
	(True, "==", 1, True),
	(1, "==", True, True),
	(False, "==", 0, True),
	(True, "==", "true", True),
	("False", "==", False, True),
	("true", "==", 1, False),
	("2026-03-18", "==", "2026-03-18T00:00:00", True),
	("2026-03-18T10:00", ">", "2026-03-18", True),
	("2026-03-18 10:00:00.5", "<", "2026-03-18T10:00:01", True),
	("2026-03-18T10:00Z", "==", "2026-03-18T06:00-04:00", True),
	("2026-03-18T10:00Z", "==", "2026-03-18T06:00", True),  # a naive time is the site's: Toronto
	("2026-13-45", "<", "2026-2", True),  # no date: text
	(M, "==", "", True),
	(M, "==", None, True),
	("", "==", None, True),
	(M, "==", 0, False),
	(M, "!=", "x", True),
	(0, "==", "", False),
	(False, "==", "", False),
	(M, "<", 5, False),
	(M, ">=", 5, False),
	(None, "<=", None, False),
	("", "<", "a", False),
	(5, ">", "", False),
	([1, 2], "==", [1, 2], True),
	({"a": 1}, "==", {"a": 2}, False),
	("b", "in", ["a", "b"], True),
	("b", "in", "a, b ,c", True),
	(5, "in", "4,5", True),
	(5, "in", [4, "5"], True),
	("a", "in", "abc", False),
	("a", "in", "", False),
	(M, "in", "a,b", False),
	(M, "in", ["", "a"], True),
	(5, "in", 5, True),
	("z", "not_in", "a,b", True),
	(M, "not_in", "a,b", True),
	("a", "not_in", "a,b", False),
	(M, "empty", M, True),
	("", "empty", M, True),
	("  ", "empty", M, True),
	([], "empty", M, True),
	({}, "empty", M, True),
	(0, "empty", M, False),
	(False, "empty", M, False),
	("x", "not_empty", M, True),
	(0, "not_empty", M, True),
	(M, "not_empty", M, False),
	("hello world", "contains", "lo w", True),
	("hello", "contains", "", False),
	(M, "contains", "x", False),
	([1, "b"], "contains", "1", True),
	(["abc"], "contains", "b", False),
	({"key": 1}, "contains", "key", True),
	(12345, "contains", 34, True),
	("SO-001", "starts_with", "SO-", True),
	("SO-001", "starts_with", "so-", False),
	("SO-001", "ends_with", 1, True),
	(M, "starts_with", "x", False),
	("x", "ends_with", "", False),
	(10**400, "==", 10**400, True),
	(float("nan"), ">", 1, False),
]


@pytest.mark.parametrize(("value", "op", "other", "result"), TABLE)
def test_every_operator_means_what_the_table_says(value, op, other, result):
	values = {"doc": {} if value is M else {"x": value}}
	condition = {"field": "doc.x", "op": op}
	if other is not M:
		condition["value"] = other
	verdict = evaluate(condition, values, zone=ZoneInfo("America/Toronto"))
	assert verdict.result is result
	assert set(verdict.read) == {"doc.x"}
	assert condition_problems(condition) == []


VALUES = {
	"doc": {"status": "Open", "total": 50, "date": "2026-03-18", "items": [{"qty": 1}, {"qty": 3}]},
	"variables": {"limit": 10, "groups": ["A", "B"], "group": "B"},
}
OPEN = {"field": "doc.status", "op": "==", "value": "Open"}
CLOSED = {"field": "doc.status", "op": "==", "value": "Closed"}


@pytest.mark.parametrize(
	("condition", "result"),
	[
		("", True),
		("  ", True),
		(None, True),
		({}, True),
		("{}", True),
		("null", True),
		(OPEN, True),
		(json.dumps(OPEN), True),
		({"all": [OPEN, CLOSED]}, False),
		({"any": [OPEN, CLOSED]}, True),
		({"not": CLOSED}, True),
		({"not": {"any": [CLOSED, {"all": [OPEN, {"not": OPEN}]}]}}, True),
		({"all": []}, True),
		({"any": []}, False),
		({"all": "[]"}, True),
		({"logic": {"==": [{"var": "doc.status"}, "Open"]}}, True),
		({"logic": '{"==": [{"var": "doc.status"}, "Closed"]}'}, False),
		({"logic": True}, True),
		({"==": [{"var": "doc.status"}, "Open"]}, True),
		('{"==": [{"var": "doc.status"}, "Open"]}', True),
		({"all": [{"==": [1, 1]}, OPEN]}, True),
		({"all": [{"var": "doc.items"}, {">": [{"var": "qty"}, 0]}]}, True),
		({"all": [{"var": "doc.items"}, {">": [{"var": "qty"}, 1]}]}, False),
		({"field": "{{doc.total}}", "op": ">", "value": "{{variables.limit}}"}, True),
		({"field": "{{doc.date|add_days:7}}", "op": "==", "value": "2026-03-25"}, True),
		({"field": "variables.group", "op": "in", "value": "{{variables.groups}}"}, True),
		({"field": "variables.group", "op": "in", "value": ["X", "{{variables.group}}"]}, True),
		({"field": "doc.status", "op": "==", "value": "{{doc.nothing}}"}, False),
		({"field": "doc.__class__", "op": "empty"}, BadCondition),
		({"field": "a b", "op": "empty"}, BadCondition),
		({"field": "doc.x"}, BadCondition),
		({"field": "doc.x", "op": "like", "value": 1}, BadCondition),
		({"field": "doc.x", "op": ["=="], "value": 1}, BadCondition),
		({"all": OPEN}, BadCondition),
		({"all": [OPEN], "any": [OPEN]}, BadCondition),
		({"all": ["status"]}, BadCondition),
		({"nope": 1}, BadCondition),
		({"a": 1, "b": 2}, BadCondition),
		({"logic": {"nope": 1}}, BadCondition),
		({"/": [1, 0]}, BadCondition),
		("not json", BadCondition),
		("true", BadCondition),
		([OPEN], BadCondition),
		(5, BadCondition),
	],
)
def test_every_form_is_evaluated_or_refused(condition, result):
	if result is BadCondition:
		with pytest.raises(BadCondition):
			evaluate(condition, VALUES)
	else:
		assert evaluate(condition, VALUES).result is result
		assert condition_problems(condition) == []


class TestRead:
	def test_holds_every_value_that_was_looked_at(self):
		condition = {
			"all": [
				{"field": "doc.total", "op": ">", "value": "{{variables.limit}}"},
				{"field": "{{doc.date|add_days:7}}", "op": "not_empty"},
				{"==": [{"var": "doc.status"}, {"var": "doc.nothing"}]},
			]
		}
		assert evaluate(condition, VALUES).read == {
			"doc.total": 50,
			"variables.limit": 10,
			"doc.date|add_days:7": "2026-03-25",
			"doc.status": "Open",
			"doc.nothing": None,
		}

	def test_leaves_out_what_a_short_cut_did_not_look_at(self):
		assert set(evaluate({"any": [OPEN, {"field": "doc.total", "op": "empty"}]}, VALUES).read) == {
			"doc.status"
		}

	def test_leaves_out_what_jsonlogic_reads_of_each_item(self):
		rule = {"some": [{"var": "doc.items"}, {">": [{"var": "qty"}, 2]}]}
		assert set(evaluate(rule, VALUES).read) == {"doc.items"}

	def test_is_small_plain_json_whatever_was_read(self):
		values = {"a": "x" * 10_000, "b": list(range(10_000)), "c": {"d": [1, 2]}, "e": 10**400}
		condition = {"any": [{"field": name, "op": "empty"} for name in "abce"]}
		read = evaluate(condition, values).read
		assert len(json.dumps(read)) < 1_000
		assert read["c"] == {"d": [1, 2]}

	def test_never_holds_a_secret(self):
		values = {"secret": {"key": "s3cret"}}
		verdict = evaluate({"field": "secret.key", "op": "==", "value": "{{secret.key}}"}, values)
		assert "s3cret" not in json.dumps(verdict.read)


def nested(depth):
	condition = OPEN
	for _ in range(depth):
		condition = {"not": condition}
	return condition


@pytest.mark.parametrize("condition", [nested(60), nested(50_000), {"all": [OPEN] * 300_000}])
def test_a_condition_beyond_its_bounds_is_a_bad_condition(condition):
	with pytest.raises(BadCondition):
		evaluate(condition, VALUES)


def test_comparing_with_huge_values_is_bounded():
	with pytest.raises(BadCondition):
		evaluate({"field": "v", "op": "in", "value": "{{v}}"}, {"v": ["x"] * 2_000_000})


@pytest.mark.parametrize(
	("condition", "problems"),
	[
		({"field": "doc.x", "op": "like", "value": 1}, {("op", "unknown_operator")}),
		({"field": "doc.x", "op": "==", "valu": 1}, {("valu", "unknown_key")}),
		({"op": "empty"}, {("field", "bad_condition")}),
		({"field": "doc.x"}, {("op", "bad_condition")}),
		({"field": "{{doc.x|nope}}", "op": "empty"}, {("field", "bad_template")}),
		({"field": "doc.__x", "op": "empty"}, {("field", "bad_condition")}),
		({"field": "secret.x", "op": "empty"}, {("field", "bad_template")}),
		({"field": "doc.x", "op": "==", "value": "{{secret.x}}"}, {("value", "bad_template")}),
		({"field": "doc.x", "op": "in", "value": ["a", "{{"]}, {("value[1]", "bad_template")}),
		({"all": [OPEN, {"any": [{"field": "a", "op": "?"}]}]}, {("all[1].any[0].op", "unknown_operator")}),
		({"all": [], "note": 1}, {("note", "unknown_key")}),
		({"all": [], "any": []}, {("any", "unknown_key")}),
		({"any": 5}, {("any", "bad_condition")}),
		({"all": ["x"]}, {("all[0]", "bad_condition")}),
		({"logic": {"nope": 1}}, {("logic", "unknown_operator")}),
		({"logic": {}, "x": 1}, {("x", "unknown_key")}),
		({"if": [{"nope": 1}, 2]}, {("if[0]", "unknown_operator")}),
		({"var": "secret.x"}, {("", "bad_template")}),
		({"nope": 1}, {("", "unknown_operator")}),
		({"a": 1, "b": 2}, {("", "bad_condition")}),
		({1: 2}, {("", "bad_condition")}),
		("{", {("", "bad_condition")}),
		([OPEN], {("", "bad_condition")}),
		(True, {("", "bad_condition")}),
	],
)
def test_problems_name_the_place_and_the_code(condition, problems):
	assert {(path, code) for path, code, _ in condition_problems(condition)} == problems


def test_a_condition_nested_too_deeply_is_one_problem():
	assert {code for _, code, _ in condition_problems(nested(1_000))} == {"bad_condition"}


def test_the_paths_a_condition_may_read_are_found_without_running_it():
	condition = {
		"any": [
			{"field": "{{doc.a|upper}}", "op": "==", "value": "{{doc.b}} {{steps.s1.result.c}}"},
			{"not": {"field": "doc.d", "op": "in", "value": ["{{doc.e}}"]}},
			{"some": [{"var": "doc.items"}, {"==": [{"var": "qty"}, 1]}]},
			{"logic": {"missing": ["doc.f", "doc.g"]}},
			{"missing_some": [1, ["doc.h"]]},
		]
	}
	assert paths_read(condition) == [
		("any[0].field", "doc.a"),
		("any[0].value", "doc.b"),
		("any[0].value", "steps.s1.result.c"),
		("any[1].not.field", "doc.d"),
		("any[1].not.value[0]", "doc.e"),
		("any[2].some[0]", "doc.items"),
		("any[3].logic", "doc.f"),
		("any[3].logic", "doc.g"),
		("any[4]", "doc.h"),
	]
	assert paths_read("{") == []
