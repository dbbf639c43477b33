"""A run of 2,000 steps: what is kept of each stays small, whatever the steps answer."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from flow_engine.engine.definition import MAX_STEPS
from flow_engine.engine.draining import drain, start_run
from flow_engine.engine.kinds import register
from flow_engine.engine.outcomes import Done
from flow_engine.engine.ports import NewRun
from flow_engine.engine.state import INLINE_RESULT_BYTES, MAX_RESULT_BYTES
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.templates import store_definition

# A step's id, status and times, as JSON.
BESIDE_THE_RESULT = 250


def chain(steps: int) -> dict:
	"""Each step after the one before; the last one reads what the first one answered."""
	listed = [
		{"id": f"s{i}", "kind": "noted", "payload": {}, "depends_on": [f"s{i - 1}"] if i else []}
		for i in range(steps - 1)
	]
	asked = {"field": "steps.s0.result.text", "op": "contains", "value": "x"}
	listed.append({"id": "last", "kind": "condition", "payload": asked, "depends_on": [f"s{steps - 2}"]})
	return {"version": 1, "trigger": {"event": "manual"}, "variables": {}, "steps": listed}


def ended(text: str):
	"""A host and the name of a run of MAX_STEPS steps that each answered `{"text": text}`."""
	kinds = register()
	noted = replace(kinds["wait"], name="noted", handle=lambda ctx: Done({"text": text}))
	host = open_host(kinds={**kinds, "noted": noted})
	trigger = store_definition(host.templates, chain(MAX_STEPS))
	new = NewRun(trigger.template, trigger.version, "manual", run_as=trigger.run_as)
	run = host.runs.transact(lambda: start_run(host, new))
	drain(host, 600, only=run)
	assert host.runs.read(run).status == "completed"
	return host, run


@pytest.mark.parametrize(
	"length,most",
	[
		(0, BESIDE_THE_RESULT),
		(INLINE_RESULT_BYTES - 100, BESIDE_THE_RESULT + INLINE_RESULT_BYTES),
		(INLINE_RESULT_BYTES + 1, BESIDE_THE_RESULT),
		(20_000, BESIDE_THE_RESULT),
	],
)
def test_the_state_of_a_run_grows_by_a_bounded_piece_with_each_step(length, most):
	host, run = ended("x" * length)
	(row,) = host.database.rows("SELECT step_state FROM `tabFlow Run` WHERE name = %s", [run])
	assert len(row["step_state"].encode()) <= MAX_STEPS * most


def test_results_above_a_kilobyte_are_in_the_log_alone_and_still_read():
	host, run = ended("x" * 20_000)
	state = host.runs.read(run).step_state
	assert state["s0"]["result"] == {"$log": True}
	assert state["last"]["result"]["branch"] == "yes"
	rows = host.database.rows("SELECT result FROM `tabFlow Step Log` WHERE flow_run = %s ORDER BY seq", [run])
	assert len(rows) == MAX_STEPS
	assert json.loads(rows[0]["result"]) == {"text": "x" * 20_000}


def test_the_log_keeps_the_beginning_of_a_result_that_is_too_large():
	host, run = ended("x" * (MAX_RESULT_BYTES + 1))
	rows = host.database.rows("SELECT result FROM `tabFlow Step Log` WHERE flow_run = %s", [run])
	assert max(len(row["result"]) for row in rows) <= MAX_RESULT_BYTES
	assert json.loads(rows[0]["result"])["$cut"] is True
