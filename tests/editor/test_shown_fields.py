"""What the panel hides, validation does not require: the two agree on every condition of a descriptor."""

import itertools
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from flow_engine.engine.conditions import evaluate
from flow_engine.engine.kinds import AGENT_KINDS, PROJECT_KINDS

# The panel shows what hangs on any other operator: a field too many is better than one that is missing.
READ_BY_BOTH = ("==", "!=", "in", "not_in", "empty", "not_empty")
HERE = Path(__file__).parent
VALUES = (
	"",
	" ",
	"email",
	"sms",
	"email, sms",
	"1",
	"1.0",
	"0",
	"true",
	"False",
	0,
	1,
	2.5,
	True,
	False,
	None,
)
LISTS = ([], ["email"], [1, "sms"], {}, {"a": 1})


def shown(pairs):
	asked = [
		{"field": {"name": "it", "depends_on": condition}, "payload": payload} for condition, payload in pairs
	]
	node = shutil.which("node")
	assert node, "These tests need Node."
	done = subprocess.run(
		[node, HERE / "shown_fields.js"], input=json.dumps(asked), capture_output=True, text=True, check=True
	)
	return json.loads(done.stdout)


def predicates():
	for op in READ_BY_BOTH:
		for value, found in itertools.product((*VALUES, *LISTS), (*VALUES, *LISTS)):
			yield {"field": "x", "op": op, "value": value}, {"x": found}


def of_the_kinds():
	for kind in (*PROJECT_KINDS.values(), *AGENT_KINDS.values()):
		for field in kind.fields:
			if field.depends_on:
				for value in VALUES:
					yield (
						field.depends_on,
						{"channel": value, "op": value, "method": value, "template_id": value},
					)


def groups():
	one, other = ({"field": name, "op": "not_empty"} for name in "xy")
	for x, y in itertools.product(("", 1), repeat=2):
		for group in (
			{"all": [one, other]},
			{"any": [one, other]},
			{"not": one},
			{"all": [{"not": other}, one]},
		):
			yield group, {"x": x, "y": y}


@pytest.mark.parametrize("pairs", [predicates, of_the_kinds, groups])
def test_the_panel_shows_what_validation_would_require(pairs):
	asked = list(pairs())
	wrong = [
		(condition, payload, seen)
		for (condition, payload), seen in zip(asked, shown(asked), strict=True)
		if seen != evaluate(condition, payload).result
	]
	assert not wrong, (len(wrong), len(asked), wrong[:10])
