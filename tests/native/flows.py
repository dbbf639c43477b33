"""Small builders for the definitions of these tests: a test says what matters and nothing else."""

from __future__ import annotations

from typing import Any


def step(step_id: str, kind: str = "wait", trigger: Any = "on_prev_complete", **keys: Any) -> dict[str, Any]:
	"""One step as JSON; `trigger` is a type, or the whole of it. `after` is short for `depends_on`."""
	return {
		"id": step_id,
		"kind": kind,
		"label": keys.pop("label", step_id),
		"parent_id": keys.pop("parent", None),
		"branch": keys.pop("branch", None),
		"depends_on": list(keys.pop("after", ())),
		"trigger": {"type": trigger} if isinstance(trigger, str) else trigger,
		"payload": keys.pop("payload", {}),
		**keys,
	}


def issue(step_id: str, subject: str, **keys: Any) -> dict[str, Any]:
	"""A step that opens an Issue: an effect that can be counted."""
	return step(step_id, "issue", payload={"subject": subject}, **keys)


def definition(*steps: dict[str, Any], trigger: dict[str, Any] | None = None) -> dict[str, Any]:
	return {
		"version": 1,
		"trigger": trigger or {"event": "manual", "condition": ""},
		"variables": {},
		"steps": list(steps),
	}


BROKEN = definition(step("a", "no_such_kind"), step("a", parent="nobody"), step("c", "webhook", payload={}))
