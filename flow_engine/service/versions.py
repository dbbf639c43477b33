"""The versions of a flow as every door sees them: history, retiring, rolling back.

A version is *published* while new runs start on it, *superseded* once a later one is, and *retired* when the
flow is: that follows from the template, so that no version's row ever changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from flow_engine.service import arguments as read
from flow_engine.service.templates import TemplateStore, with_problems
from flow_engine.store.dialect import read_time
from flow_engine.store.versions import VersionRuns

PAGE, LONGEST_PAGE = 20, 50
COUNTED_RUNS = 10_000
SETTINGS = ("run_as", "run_as_triggering_user", "concurrency", "recursion_limit")


def history(
	host: Any, store: TemplateStore, name: Any, limit: Any = None, start: Any = None, counts: bool = True
) -> dict[str, Any]:
	"""A flow's versions, newest first: `{versions: [{version, status: published | superseded | retired,
	published_on, published_by, note, restored_from, run_as, runs: {running, failed, completed, cancelled} |
	null}], draft: {state, settings}, more}`. Times are UTC.

	`draft.settings`: names of the settings that would change with the next publication. `counts`: whether the
	caller may know how many runs there are; each number stops at 10,000. Raises TemplateNotFound, BadInput.
	"""
	template = store.get(read.needed(name, "name"))
	limit = read.whole_number(limit, "limit", PAGE, 1, LONGEST_PAGE)
	start = read.whole_number(start, "start", 0, 0, 10_000_000)
	found = store.versions(template["name"], limit + 1, start)
	shown = found[:limit]
	numbers = [int(row["version"]) for row in shown]
	runs = VersionRuns(host.runs).count(template["name"], numbers, COUNTED_RUNS) if counts else {}
	return {
		"versions": [
			_listed(template, row, runs.get(int(row["version"])), host.clock.time_zone) for row in shown
		],
		"draft": {"state": template["draft_state"] or "", "settings": changed_settings(store, template)},
		"more": len(found) > limit,
	}


def _listed(
	template: Mapping[str, Any], row: Mapping[str, Any], runs: Mapping[str, int] | None, zone: ZoneInfo
) -> dict[str, Any]:
	published_on = read_time(row["published_on"], zone)
	number = int(row["version"])
	status = "superseded"
	if number == int(template["published_version"] or 0):
		status = "retired" if template["is_retired"] else "published"
	keys = ("published_by", "note", "restored_from", "run_as")
	return {
		"version": number,
		"status": status,
		"published_on": published_on.isoformat() if published_on else None,
		**{key: row[key] or None for key in keys},
		"runs": dict(runs) if runs is not None else None,
	}


def changed_settings(store: TemplateStore, template: Mapping[str, Any]) -> list[str]:
	"""Settings of the draft that the published version does not have yet."""
	number = int(template["published_version"] or 0)
	if not number:
		return []
	published = store.version(template["name"], number)
	return [key for key, (old, new) in settings_of(template, published).items() if old != new]


def settings_of(template: Mapping[str, Any], version: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
	"""Setting → (what the version has, what a publication now would give it). A flow that names nobody to
	run as goes on as whoever published it."""
	pairs = {}
	for key in SETTINGS:
		old, new = version[key], template[key]
		if key == "run_as":
			new = new or old
		elif key == "concurrency":
			old, new = old or "allow", new or "allow"
		else:
			old, new = int(old or 0), int(new or 0)
		pairs[key] = (old, new)
	return pairs


def roll_back(
	store: TemplateStore, name: Any, version: Any, note: Any = None, draft: Any = None, modified: Any = None
) -> dict[str, Any]:
	"""Publish an old version again, as a new one, with the settings of now. `draft`: `keep` or `replace` one
	that has changes nobody published. Raises TemplateNotFound, DraftUnpublished, TemplateRetired,
	InvalidDefinition, SaveConflict, BadInput."""
	made = store.roll_back(
		read.needed(name, "name"),
		version_number(version, "version"),
		read.text(note, "note") or "",
		read.text(draft, "draft"),
		read.text(modified, "modified"),
	)
	return {"template": with_problems(store, made)}


def retire(store: TemplateStore, name: Any, reason: Any = None) -> dict[str, Any]:
	"""No new runs by any door; those under way finish. Raises TemplateNotFound, TemplateNotPublished."""
	made = store.retire(read.needed(name, "name"), read.text(reason, "reason") or "")
	return {"template": with_problems(store, made)}


def bring_back(store: TemplateStore, name: Any, reason: Any = None) -> dict[str, Any]:
	"""A retired flow may start runs again; it comes back switched off. Raises TemplateNotFound."""
	made = store.bring_back(read.needed(name, "name"), read.text(reason, "reason") or "")
	return {"template": with_problems(store, made)}


def version_number(value: Any, name: str) -> int:
	"""The number of a version. Raises BadInput."""
	return read.whole_number(read.needed(str(value or ""), name), name, 0, 0, 10_000_000)
