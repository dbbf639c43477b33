import pytest

from flow_engine.engine.errors import BadCondition
from flow_engine.engine.kinds import PROJECT_KINDS

CONDITION = PROJECT_KINDS["condition"]
PREDICATE = {"field": "doc.subject", "op": "==", "value": "No signal"}

DECISIONS = [
	(PREDICATE, "yes"),
	({"field": "{{doc.subject}}", "op": "==", "value": "No signal"}, "yes"),
	({"field": "doc.subject", "op": "==", "value": "{{doc.subject}}"}, "yes"),
	({"field": "doc.subject", "op": "in", "value": "Other, No signal"}, "yes"),
	({"field": "doc.subject", "op": "in", "value": ["Other", "No signal"]}, "yes"),
	({"field": "doc.subject", "op": "not_in", "value": "Other, No signal"}, "no"),
	({"field": "doc.nothing", "op": "empty"}, "yes"),
	({"field": "doc.subject", "op": "empty"}, "no"),
	({"all": [PREDICATE, {"field": "doc.name", "op": "starts_with", "value": "ISS"}]}, "yes"),
	({"all": [PREDICATE, {"field": "doc.name", "op": "starts_with", "value": "XYZ"}]}, "no"),
	({"any": [{"field": "doc.name", "op": "empty"}, PREDICATE]}, "yes"),
	({"not": PREDICATE}, "no"),
	({"logic": {"==": [{"var": "doc.subject"}, "No signal"]}}, "yes"),
	({"logic": {"==": [{"var": "doc.subject"}, "Other"]}}, "no"),
]


@pytest.mark.parametrize(("payload", "branch"), DECISIONS)
def test_every_form_takes_the_branch_its_answer_names(world, payload, branch):
	assert CONDITION.check(payload) == []
	assert world.do("condition", payload).result["branch"] == branch


def test_the_values_read_are_kept(world):
	assert world.do("condition", PREDICATE).result["read"] == {"doc.subject": "No signal"}


def test_a_value_that_looks_like_a_template_is_compared_as_it_is(world):
	world.values["doc"]["subject"] = "{{customer.name}}"
	payload = {"field": "doc.subject", "op": "==", "value": "{{doc.subject}}"}
	assert world.do("condition", payload).result["branch"] == "yes"


def test_a_comparison_reads_no_document_it_does_not_name(world):
	class Loud(dict):
		def __getitem__(self, key):
			assert key == "doc"
			return super().__getitem__(key)

	ctx = world.context("condition", PREDICATE, values=Loud(world.values))
	assert CONDITION.handle(ctx).result["branch"] == "yes"


def test_a_condition_that_cannot_be_evaluated_is_an_error_with_a_code(world):
	with pytest.raises(BadCondition):
		world.do("condition", {"logic": {"no_such_operator": [1]}})


PROBLEMS = [
	({}, [("field", "missing_field"), ("op", "missing_field")]),
	({"all": []}, [("field", "missing_field"), ("op", "missing_field")]),
	({"field": "doc.a"}, [("op", "missing_field")]),
	({"field": "doc.a", "op": "=="}, [("value", "missing_field")]),
	({"field": "doc.a", "op": "==", "value": ""}, []),
	({"field": "doc.a", "op": "not_empty"}, []),
	({"op": "empty"}, [("field", "missing_field")]),
	({**PREDICATE, "all": [PREDICATE]}, [("all", "bad_value")]),
	({"all": [PREDICATE], "logic": {"!": [1]}}, [("logic", "bad_value")]),
	({"all": [PREDICATE], "any": None, "logic": ""}, []),
]


@pytest.mark.parametrize(("payload", "expected"), PROBLEMS)
def test_a_condition_has_exactly_one_complete_form(payload, expected):
	assert [(field, code) for field, code, _ in CONDITION.check(payload)] == expected
