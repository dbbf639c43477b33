"""What a flow asks of its payload: which schemas are accepted, what is wrong with a payload and where."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from flow_engine.engine.definition import dump_definition, parse_definition
from flow_engine.engine.payload_schema import (
	MAX_PAYLOAD_BYTES,
	MAX_SCHEMA_BYTES,
	InvalidPayload,
	check_payload,
	payload_problems,
	schema_problems,
)
from flow_engine.engine.payload_values import MAX_PROBLEMS
from flow_engine.engine.problems import has_errors
from flow_engine.engine.validation import validate_definition
from flow_engine.testing.builders import flow, step


def schema(properties=None, **keys):
	return {"type": "object", "properties": properties or {}, **keys}


def one(field, **keys):
	return schema({"x": field}, **keys)


def told(problems):
	return [(p["path"], p["code"]) for p in problems]


def places(found):
	return [(p.path.removeprefix("payload_schema").lstrip("."), p.code) for p in found]


ORDER = schema(
	{
		"customer": {"type": "string", "minLength": 1},
		"email": {"type": "string", "format": "email"},
		"lines": {"type": "array", "items": {"$ref": "#/$defs/line"}, "minItems": 1},
	},
	required=["customer", "lines"],
	additionalProperties=False,
	**{"$defs": {"line": schema({"price": {"type": "number", "minimum": 0}}, required=["price"])}},
)


def test_a_good_payload_has_no_problem():
	assert payload_problems(ORDER, {"customer": "Ann", "lines": [{"price": 3}]}) == []
	check_payload(ORDER, {"customer": "Ann", "lines": [{"price": 3}]})


def test_every_problem_is_named_by_its_path_at_once():
	payload = {"email": "ann", "lines": [{"price": 1}, {"price": -1}, {}], "extra": 1}
	assert sorted(told(payload_problems(ORDER, payload))) == [
		("customer", "missing_field"),
		("email", "bad_value"),
		("extra", "unknown_key"),
		("lines[1].price", "bad_value"),
		("lines[2].price", "missing_field"),
	]


def test_the_refusal_carries_the_problems():
	with pytest.raises(InvalidPayload) as refused:
		check_payload(ORDER, {"lines": [{"price": 1}]})
	assert (refused.value.code, refused.value.http_status) == ("invalid_payload", 422)
	assert told(refused.value.as_dict()["problems"]) == [("customer", "missing_field")]


@pytest.mark.parametrize(
	("field", "good", "bad", "code"),
	[
		({"type": "string"}, "a", 1, "wrong_type"),
		({"type": "integer"}, 2.0, 2.5, "wrong_type"),
		({"type": "number"}, 2, True, "wrong_type"),
		({"type": "boolean"}, False, 0, "wrong_type"),
		({"type": ["string", "null"]}, None, 3, "wrong_type"),
		({"enum": ["a", 1]}, 1, "1", "bad_value"),
		({"const": {"a": 1}}, {"a": 1.0}, {"a": 2}, "bad_value"),
		({"maximum": 3}, 3, 3.5, "bad_value"),
		({"exclusiveMinimum": 3}, 4, 3, "bad_value"),
		({"multipleOf": 5}, 15, 16, "bad_value"),
		({"maxLength": 2}, "éé", "ééé", "bad_value"),
		({"uniqueItems": True}, [1, True, "1"], [1, 1.0], "bad_value"),
		({"uniqueItems": True}, [{"a": 1}, {"a": 2}], [{"a": 1, "b": 2}, {"b": 2, "a": 1}], "bad_value"),
		({"maxItems": 1}, [1], [1, 2], "bad_value"),
		({"minProperties": 1}, {"a": 1}, {}, "bad_value"),
		({"pattern": "^[A-Z]+$"}, "AB", "ab", "bad_value"),
		({"format": "date"}, "2028-02-29", "2027-02-29", "bad_value"),
		({"format": "date"}, "2026-01-31", "2026-01-31T10:00", "bad_value"),
		({"format": "date-time"}, "2026-01-31T10:00", "2026-01-31", "bad_value"),
		({"format": "date-time"}, "2026-01-31T10:00:00Z", "2026-01-31T25:00", "bad_value"),
		({"format": "email"}, "ann@example.com", "ann@exa mple.com", "bad_value"),
		({"format": "uri"}, "https://example.com/a?b", "example.com", "bad_value"),
		({"anyOf": [{"type": "string"}, {"minimum": 4}]}, 4, 3, "bad_value"),
		({"not": {"type": "string"}}, 1, "a", "bad_value"),
	],
)
def test_a_rule_accepts_what_it_should_and_nothing_else(field, good, bad, code):
	assert schema_problems(one(field)) == []
	assert payload_problems(one(field), {"x": good}) == []
	assert told(payload_problems(one(field), {"x": bad})) == [("x", code)]


def test_a_default_stands_in_for_what_is_left_out():
	asked = one({"type": "integer", "default": 3}, required=["x"])
	assert payload_problems(asked, {}) == []
	definition = parse_definition({**flow(variables={"y": 1}), "payload_schema": asked})
	assert definition.values_before == {"x": 3, "y": 1}


def test_a_default_that_the_schema_itself_refuses_is_a_problem():
	assert places(schema_problems(one({"type": "integer", "default": "3"}))) == [
		("properties.x.default", "bad_value")
	]


@pytest.mark.parametrize("payload", [None, [], "text", 3])
def test_a_payload_is_an_object(payload):
	assert told(payload_problems(None, payload)) == [("", "wrong_type")]


@pytest.mark.parametrize("asked", [None, ORDER])
@pytest.mark.parametrize("size", [MAX_PAYLOAD_BYTES, 5_000_000])
def test_a_payload_that_is_too_large_is_refused_by_its_size_alone(asked, size):
	assert told(payload_problems(asked, {"note": "x" * size})) == [("", "too_large")]


@pytest.mark.parametrize("value", [float("nan"), "\ud800", 2**2000, {1: 2}, {1, 2}])
def test_what_is_no_json_is_a_problem_with_a_place(value):
	found = payload_problems(schema(), {"x": value})
	assert found and all(problem["code"] in ("bad_value", "bad_json") for problem in found)


def test_no_more_problems_are_told_than_somebody_reads():
	asked = one({"type": "array", "items": {"type": "string"}})
	assert len(payload_problems(asked, {"x": [1] * 10_000})) == MAX_PROBLEMS


# --- schemas ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	("wrong", "place", "code"),
	[
		([], "", "bad_value"),
		("text", "", "bad_value"),
		({}, "type", "bad_value"),
		({"type": "array"}, "type", "bad_value"),
		(schema(requird=["a"]), "requird", "unknown_key"),
		(schema(required="a"), "required", "bad_value"),
		(schema(required=["a", "a"]), "required", "bad_value"),
		(schema({"x": 3}), "properties.x", "bad_value"),
		(one({"type": "text"}), "properties.x.type", "bad_value"),
		(one({"type": []}), "properties.x.type", "bad_value"),
		(one({"minLength": -1}), "properties.x.minLength", "bad_value"),
		(one({"minimum": "3"}), "properties.x.minimum", "bad_value"),
		(one({"multipleOf": 0}), "properties.x.multipleOf", "bad_value"),
		(one({"enum": []}), "properties.x.enum", "bad_value"),
		(one({"anyOf": []}), "properties.x.anyOf", "bad_value"),
		(one({"anyOf": [{}, 3]}), "properties.x.anyOf[1]", "bad_value"),
		(one({"pattern": "("}), "properties.x.pattern", "bad_pattern"),
		(one({"pattern": "(a+)+$"}), "properties.x.pattern", "bad_pattern"),
		(schema(patternProperties={"(a+)+$": {}}), "patternProperties.(a+)+$", "bad_pattern"),
		(one({"format": "phone"}), "properties.x.format", "unknown_format"),
		(one({"$ref": "https://example.com/schema"}), "properties.x.$ref", "bad_value"),
		(one({"$ref": "file:///etc/passwd"}), "properties.x.$ref", "bad_value"),
		(one({"$ref": "other.json"}), "properties.x.$ref", "bad_value"),
		(one({"$ref": "#/$defs/none"}), "properties.x.$ref", "bad_value"),
		(one({"$id": "https://example.com"}), "properties.x.$id", "unknown_key"),
		(one({"$dynamicRef": "#x"}), "properties.x.$dynamicRef", "unknown_key"),
		(one({"$schema": "http://json-schema.org/draft-07/schema#"}), "properties.x.$schema", "bad_value"),
		(schema(**{"$schema": "http://json-schema.org/draft-04/schema#"}), "$schema", "bad_value"),
		(schema(allOf=[{"$ref": "#"}]), "", "cycle"),
	],
)
def test_what_is_wrong_with_a_schema_has_a_place_and_a_code(wrong, place, code):
	assert (place, code) in places(schema_problems(wrong))


def test_a_format_that_is_not_checked_is_said_and_does_not_keep_the_flow_from_being_published():
	found = schema_problems(one({"format": "uuid"}))
	assert [p.code for p in found] == ["unknown_format"] and not has_errors(found)


def _doubling(levels):
	"""Each level tries the next one twice."""
	parts = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(levels)}
	return one({"$ref": "#/$defs/a0"}, **{"$defs": {**parts, f"a{levels}": {"type": "string"}}})


def _deep(levels):
	inner = {"type": "string"}
	for _ in range(levels):
		inner = {"type": "array", "items": inner}
	return one(inner)


@pytest.mark.parametrize(
	"bomb",
	[
		_doubling(40),
		_deep(60),
		_deep(5_000),
		schema({f"x{n}": {} for n in range(3_000)}),
		schema(description="x" * MAX_SCHEMA_BYTES),
		schema(description="x" * 5_000_000),
		one({"anyOf": [{"anyOf": [{"anyOf": [{"type": "null"}] * 13}] * 13}] * 13}),
	],
	ids=["doubling", "deep", "very deep", "wide", "large", "5 MB", "alternatives"],
)
def test_a_schema_bomb_is_refused_in_a_moment(bomb):
	assert has_errors(schema_problems(bomb))
	assert payload_problems(bomb, {"x": "a"}) != []


def test_a_schema_may_refer_to_itself_on_a_smaller_value():
	tree = schema({"label": {"type": "string"}, "parts": {"type": "array", "items": {"$ref": "#"}}})
	assert schema_problems(tree) == []
	assert told(payload_problems(tree, {"parts": [{"parts": [{"label": 3}]}]})) == [
		("parts[0].parts[0].label", "wrong_type")
	]


def test_a_payload_that_follows_a_schema_for_too_long_is_told_so():
	tree = schema({"x": {"$ref": "#"}})
	value = {}
	for _ in range(150):
		value = {"x": value}
	assert told(payload_problems(tree, value)) == [("", "too_complex")]


def test_what_many_alternatives_cost_on_many_values_is_bounded():
	asked = one({"type": "array", "items": {"anyOf": [{"minimum": 10 + n} for n in range(200)] + [{}]}})
	assert told(payload_problems(asked, {"x": [1] * 20_000})) == [("", "too_complex")]


def test_what_a_pattern_costs_on_many_long_texts_is_bounded():
	asked = one({"type": "array", "items": {"pattern": "[ab]*[ac]*[ad]*x"}})
	assert told(payload_problems(asked, {"x": ["a" * 600] * 100})) == [("", "too_complex")]


def test_the_names_that_are_left_over_are_searched_within_the_same_bounds():
	asked = schema(patternProperties={"[ab]*[ac]*[ad]*x": {}}, additionalProperties=False)
	assert told(payload_problems(asked, {"a" * 30_000: 1})) == [("", "too_complex")]


# --- in the definition --------------------------------------------------------------------------------------


def test_the_schema_is_part_of_the_definition_and_travels_with_it():
	data = {**flow(step("a")), "payload_schema": ORDER}
	assert validate_definition(data, _kinds()) == []
	assert dump_definition(parse_definition(data))["payload_schema"] == ORDER
	assert "payload_schema" not in dump_definition(parse_definition(flow(step("a"))))


def test_validation_reports_the_schemas_problems_with_all_others():
	data = {**flow(step("a", "nothing")), "payload_schema": one({"type": "text"})}
	found = {(p.path, p.code) for p in validate_definition(data, _kinds())}
	assert found == {("payload_schema.properties.x.type", "bad_value"), ("steps[0].kind", "unknown_kind")}


def test_a_field_of_the_schema_is_a_variable_that_is_declared():
	reading = step(
		"a", "notify", payload={"channel": "sms", "to": "{{variables.x}}", "body": "{{variables.y}}"}
	)
	data = {**flow(reading), "payload_schema": one({"type": "string"})}
	data["trigger"] = {"event": "doc_event", "doctype": "Issue", "doc_event": "on_update"}
	unknown = [p.message for p in validate_definition(data, _kinds()) if p.code == "unknown_variable"]
	assert len(unknown) == 1 and "variables.y" in unknown[0]


def _kinds():
	from flow_engine.engine.kinds import register

	return register()


# --- by chance ----------------------------------------------------------------------------------------------

_keyword = st.sampled_from(
	(
		"type properties items required enum minimum pattern anyOf not format $ref minLength default title "
		"additionalProperties uniqueItems const prefixItems if"
	).split()
)
_value = st.recursive(
	st.one_of(
		st.none(),
		st.booleans(),
		st.integers(-5, 5),
		st.floats(allow_nan=False, allow_infinity=False),
		st.sampled_from(["string", "object", "a", "#", "#/properties/a", "^a+$", "(a+)+", "email"]),
	),
	lambda inner: st.one_of(
		st.lists(inner, max_size=4),
		st.dictionaries(_keyword, inner, max_size=4),
		st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
	),
	max_leaves=25,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(_keyword, _value, max_size=6), st.dictionaries(st.sampled_from("abc"), _value))
def test_what_is_accepted_is_a_schema_and_what_it_says_of_a_payload_is_what_the_library_says(extra, payload):
	asked = {**extra, "type": "object"}
	if has_errors(schema_problems(asked)):
		assert payload_problems(asked, payload) != []
		return
	Draft202012Validator.check_schema(asked)
	found = payload_problems(asked, payload)
	if all(problem["code"] != "too_complex" for problem in found) and "format" not in json.dumps(asked):
		given = {**{k: v["default"] for k, v in _fields(asked).items() if "default" in v}, **payload}
		assert (not found) == Draft202012Validator(asked).is_valid(given)


def _fields(asked):
	return {k: v for k, v in (asked.get("properties") or {}).items() if isinstance(v, dict)}
