"""What flows have to do with a DocType: those that watch it, and those that can be started on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Find = Callable[[Mapping[str, Any]], list[dict[str, Any]]]

SHOWN = (
	"name",
	"template_name",
	"category",
	"icon",
	"description",
	"is_active",
	"trigger_event",
	"published_version",
)
_RUN = ("name", "status", "flow_template", "template_name", "failed_steps", "started_at", "completed_at")


def flows_about(
	find: Find,
	doctype: str,
	runs: Sequence[Mapping[str, Any]],
	may_start: Callable[[str], bool] = lambda flow: True,
) -> dict[str, Any]:
	"""`{watching, runs, startable}`: flows whose trigger is about the DocType, active or not; the runs given,
	with the names of their flows; active flows that a person may start on such a document.

	find: the flows that the caller may see, by equal columns. may_start: may they start the flow of this name
	by hand?
	"""
	about = find({"applies_to": doctype})
	by_hand = [
		flow
		for flow in find({"trigger_event": "manual", "is_active": 1})
		if flow["published_version"] and flow["applies_to"] in (None, "", doctype)
	]
	titles = {flow["name"]: flow["template_name"] for flow in find({})} if runs else {}
	return {
		"watching": [_shown(flow) for flow in about if flow["trigger_event"] != "manual"],
		"runs": [{key: value for key, value in _named(run, titles).items() if key in _RUN} for run in runs],
		"startable": [_shown(flow) for flow in by_hand if may_start(flow["name"])],
	}


def _named(run: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
	return {**run, "template_name": titles.get(run["flow_template"], run["flow_template"])}


def _shown(flow: Mapping[str, Any]) -> dict[str, Any]:
	return {key: flow.get(key) for key in SHOWN}
