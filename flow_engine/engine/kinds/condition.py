"""condition: decides which of two branches a run takes, and keeps the values it read."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from typing import Any

from flow_engine.engine.kinds.base import Effect, Field, Kind, Result, StepContext
from flow_engine.engine.outcomes import Done

OPERATORS = (
	"==",
	"!=",
	"<",
	">",
	"<=",
	">=",
	"in",
	"not_in",
	"empty",
	"not_empty",
	"contains",
	"starts_with",
	"ends_with",
)
WITHOUT_VALUE = ("empty", "not_empty")
FORMS = ("all", "any", "not", "logic")

# Where a rendered value is handed to the evaluator, which would otherwise render it a second time.
_VALUE_ROOT = "compared_value"


def decide(ctx: StepContext) -> Done:
	"""Evaluate the one form the payload has. Raises BadCondition."""
	# Here and not above: conditions render templates, and templates know the kinds' fields.
	from flow_engine.engine.conditions import evaluate

	payload = ctx.payload
	values: Mapping[str, Any] = ctx.values
	form = next((form for form in FORMS if _given(payload.get(form))), None)
	if form:
		condition: Mapping[str, Any] = {form: payload[form]}
	else:
		condition = {"field": payload.get("field"), "op": payload.get("op") or "=="}
		if condition["op"] not in WITHOUT_VALUE:
			# In front of the context, not a copy of it: copying would load every document.
			values = ChainMap({_VALUE_ROOT: payload.get("value")}, ctx.values)
			condition["value"] = f"{{{{{_VALUE_ROOT}}}}}"
	verdict = evaluate(condition, values, zone=ctx.time_zone)
	read = {path: value for path, value in verdict.read.items() if not path.startswith(_VALUE_ROOT)}
	return Done({"branch": "yes" if verdict.result else "no", "read": read})


def check(payload: Mapping[str, Any]) -> list[tuple[str, str, str]]:
	"""Exactly one form: a comparison, a group, or JSONLogic."""
	forms = [form for form in FORMS if _given(payload.get(form))]
	compares = [name for name in ("field", "op", "value") if _given(payload.get(name))]
	if len(forms) + bool(compares) > 1:
		extra = (forms if compares else forms[1:])[0]
		message = "A condition is one of: a comparison (field, op, value), all, any, not, or logic."
		return [(extra, "bad_value", message)]
	if forms:
		return []
	problems = []
	if not _given(payload.get("field")):
		problems.append(("field", "missing_field", "Choose the value to look at."))
	if not _given(payload.get("op")):
		problems.append(("op", "missing_field", "Choose how to compare it."))
	elif payload["op"] not in WITHOUT_VALUE and payload.get("value") is None:
		problems.append(("value", "missing_field", "Say what to compare it with."))
	return problems


def _given(value: Any) -> bool:
	return value is not None and value != "" and value != [] and value != {}


KIND = Kind(
	name="condition",
	label="Condition",
	icon="branch",
	colour="#d97706",
	effect=Effect.NONE,
	branches=("yes", "no"),
	handle=decide,
	check=check,
	results=(Result("branch", "Branch"),),
	help=(
		"Chooses between the branches yes and no. Compare one value, combine several with all or any, or "
		"write JSONLogic; the values it read are kept with the run."
	),
	fields=(
		Field(
			"field",
			"Field",
			"variable",
			help="What to look at, e.g. doc.status or steps.survey.result.score.",
		),
		Field("op", "Operator", "select", options=OPERATORS, help="How to compare it."),
		Field(
			"value",
			"Value",
			"template",
			depends_on={"field": "op", "op": "not_in", "value": "empty, not_empty"},
			help="What to compare it with. For in and not in: a list, or values separated by commas.",
		),
		Field("all", "All of", "condition", help="A list of conditions that must all hold."),
		Field("any", "Any of", "condition", help="A list of conditions of which one must hold."),
		Field("not", "Not", "condition", help="A condition that must not hold."),
		Field(
			"logic", "JSONLogic", "condition", help="A JSONLogic rule; it holds when its result is truthy."
		),
	),
)
