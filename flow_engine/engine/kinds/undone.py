"""How a kind says what undoing one of its steps came to: the result of a compensation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flow_engine.engine.outcomes import Done

ALL, SOME, NOTHING = "all", "some", "nothing"


def undone(doctype: str, name: str, much: str = ALL, why: str = "", **more: Any) -> Done:
	"""It is as if the step had not been, or as much as could be of it. why: a sentence, where that is not all
	of it."""
	result: dict[str, Any] = {"doctype": doctype, "name": name, "undone": much, **more}
	if why:
		result["why"] = why
	touched = ((doctype, name, "updated"),) if much != NOTHING else ()
	return Done(result, touched)


def nothing_to_undo(result: Mapping[str, Any], why: str) -> Done:
	"""There is nothing (left) to undo, and that is no failure."""
	about = {key: result[key] for key in ("doctype", "name") if key in result}
	return Done({**about, "undone": NOTHING, "why": why})
