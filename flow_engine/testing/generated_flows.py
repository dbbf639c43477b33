"""Flows made by chance from a seed: trees with joins, branches, waits, documents and calls.

Every document and every call of such a flow carries `<run's mark>/<step id>`, so that what happened can be
counted from outside. Which branch is taken depends on the seed alone: two runs of one flow end alike.
"""

from __future__ import annotations

from itertools import count
from random import Random
from typing import Any

from flow_engine.engine.kinds import register
from flow_engine.engine.problems import has_errors
from flow_engine.engine.validation import validate_definition
from flow_engine.testing.builders import flow, step

# What a receiver does with a call, by the first part of its path; see the fault tests.
ACCEPTS, BUSY_ONCE, BROKEN_ONCE, REFUSES = "accepts", "busy_once", "broken_once", "refuses"
SUBJECT = "{{variables.mark}}/"


def generate(
	seed: int, receiver: str, *, size: int = 10, delay: dict[str, Any], operated: bool = True
) -> dict[str, Any]:
	"""A definition with about `size` steps.

	receiver: base URL of the calls. delay: the fields of its delays. operated: with steps that fail until an
	operator acts, and waits that expire. Chance may tie a step to two branches that exclude each other; then
	it is asked again, with the same answer for the same seed.
	"""
	for attempt in count():
		random = Random(seed if not attempt else f"{seed} {attempt}")
		made = _make(random, receiver, size, delay, operated)
		if not has_errors(validate_definition(made, register())):
			return made
	raise AssertionError("unreachable")


def _make(random: Random, receiver: str, size: int, delay: dict[str, Any], operated: bool) -> dict[str, Any]:
	makers = [_issue, _issue, _issue, _safe_call, _call, _busy_call, _condition, _delay, _link]
	if operated:
		makers += [_broken_call, _expiring]
	steps: list[dict[str, Any]] = []
	for place in range(size):
		# Each kind once while there is room, then by chance.
		maker = makers[place] if place < len(makers) else random.choice(makers)
		made = maker(f"s{place}", receiver, delay, random)
		_attach(made, steps, random)
		steps.append(made)
	random.shuffle(steps)
	return flow(*steps, variables={"mark": "none", "n": random.randint(0, 10)})


def _attach(made: dict[str, Any], steps: list[dict[str, Any]], random: Random) -> None:
	"""Under a parent, behind others, both, or at the root."""
	if steps and random.random() < 0.5:
		parent = random.choice(steps)
		made["parent_id"] = parent["id"]
		if parent["kind"] == "condition":
			made["branch"] = random.choice(["yes", "no"])
	if steps and random.random() < 0.4:
		others = [other["id"] for other in steps if other["id"] != made["parent_id"]]
		made["depends_on"] = random.sample(others, min(len(others), random.randint(1, 2)))


def _issue(step_id: str, receiver: str, delay: dict[str, Any], random: Random) -> dict[str, Any]:
	return step(step_id, "issue", payload={"subject": SUBJECT + step_id})


def _webhook(step_id: str, receiver: str, path: str, method: str, **keys: Any) -> dict[str, Any]:
	payload = {"url": f"{receiver}/{path}/{step_id}", "method": method, "body_template": {"step": step_id}}
	retry = {"max_attempts": 10, "backoff_seconds": 1, "backoff_rate": 1.5, "max_delay_seconds": 20}
	return step(step_id, "webhook", payload=payload, retry=retry, timeout_seconds=20, **keys)


def _call(step_id: str, receiver: str, delay: dict[str, Any], random: Random) -> dict[str, Any]:
	return _webhook(step_id, receiver, ACCEPTS, "POST")


def _safe_call(step_id: str, receiver: str, delay: dict[str, Any], random: Random) -> dict[str, Any]:
	return _webhook(step_id, receiver, ACCEPTS, "PUT")


def _busy_call(step_id: str, receiver: str, delay: dict[str, Any], random: Random) -> dict[str, Any]:
	return _webhook(step_id, receiver, BUSY_ONCE, "POST")


def _broken_call(step_id: str, receiver: str, delay: dict[str, Any], random: Random) -> dict[str, Any]:
	return _webhook(step_id, receiver, random.choice([BROKEN_ONCE, REFUSES]), "POST")


def _condition(step_id: str, receiver: str, delay: dict[str, Any], random: Random) -> dict[str, Any]:
	return step(step_id, "condition", payload={"field": "variables.n", "op": ">", "value": "4"})


def _delay(step_id: str, receiver: str, delay: dict[str, Any], random: Random) -> dict[str, Any]:
	return step(step_id, when=("after_delay", dict(delay)))


def _link(step_id: str, receiver: str, delay: dict[str, Any], random: Random) -> dict[str, Any]:
	return step(step_id, when="on_webhook")


def _expiring(step_id: str, receiver: str, delay: dict[str, Any], random: Random) -> dict[str, Any]:
	return step(step_id, when=("manual", {"timeout_hours": 3}), on_error="continue")


def steps_that_wait_for_a_call(definition: dict[str, Any]) -> list[str]:
	return [one["id"] for one in definition["steps"] if one["trigger"]["type"] == "on_webhook"]
