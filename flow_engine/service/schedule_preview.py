"""What a schedule would do, before it is saved: its next fires, in words, and the documents it matches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flow_engine.engine.errors import FlowError, TransientDatabaseError
from flow_engine.engine.party import customer_of
from flow_engine.engine.schedules.timing import GAP, Fire, Timing, fires_after
from flow_engine.service.events import Occurrence, judge
from flow_engine.service.schedule_firing import EVENT, MOST_LISTED
from flow_engine.service.schedule_words import words_for
from flow_engine.service.schedules import check

SHOWN_FIRES = 5
# Those passed over are told as well, but a year of holidays is not.
MOST_TOLD = 15
SHOWN_DOCUMENTS = 20
# Of so many the condition is asked; beyond, the answer is about those.
ASKED = 500
ASKED_SECONDS = 2.0


def preview(host: Any, values: Mapping[str, Any], language: str | None = None) -> dict[str, Any]:
	"""`{fires: [{at, local, skipped_because?, note?}], words, problems, matches: {count, capped, documents} |
	null}`; never raises for what is wrong with the values."""
	checked = check(host, values)
	problems = list(checked.problems)
	told: list[dict[str, Any]] = []
	words = ""
	if checked.timing is not None:
		told = _told(checked.timing, host.runs.now())
		words = words_for(checked.columns, language)
		if not told and not any(problem["path"] in ("cron", "run_at") for problem in problems):
			once = checked.timing.cron is None
			message = "This time has passed." if once else "With these days off it never fires."
			code = "past" if once else "never_fires"
			problems.append({"path": "run_at" if once else "cron", "code": code, "message": message})
	matches = None
	if checked.columns["fan_out_doctype"] and not any(p["path"].startswith("fan_out") for p in problems):
		try:
			matches = _matches(host, checked.columns)
		except TransientDatabaseError:
			raise
		except FlowError as error:
			problems.append({"path": "fan_out_doctype", "code": error.code, "message": error.message})
	return {"fires": told, "words": words, "problems": problems, "matches": matches}


def _told(timing: Timing, now: Any) -> list[dict[str, Any]]:
	told, happening = [], 0
	for fire in fires_after(timing, now):
		told.append(_fire(timing, fire))
		happening += fire.because is None
		if happening == SHOWN_FIRES or len(told) == MOST_TOLD:
			break
	return told


def _fire(timing: Timing, fire: Fire) -> dict[str, Any]:
	local = fire.local.replace(tzinfo=timing.zone) if fire.because else fire.at.astimezone(timing.zone)
	shown: dict[str, Any] = {"at": fire.at.isoformat(), "local": local.isoformat()}
	if fire.because is not None:
		shown["skipped_because"] = fire.because
	elif fire.moved_from is not None:
		day_moved = fire.moved_from.date() != fire.local.date()
		shown["note"] = "moved" if day_moved else GAP
		shown["moved_from"] = fire.moved_from.isoformat()
	elif local.fold:
		shown["note"] = "fold"
	return shown


def _matches(host: Any, columns: Mapping[str, Any]) -> dict[str, Any] | None:
	"""As the flow's user reads them now; of those that the caller may read too, the first few by name."""
	flow = columns["flow_template"]
	try:
		trigger = host.templates.trigger_of(flow)
	except TransientDatabaseError:
		raise
	except FlowError:
		return None
	doctype, sources = columns["fan_out_doctype"], host.schedules.sources
	names = sources.matching(
		trigger.run_as or "", doctype, columns["fan_out_filters"], columns["fan_out_order"], MOST_LISTED + 1
	)
	capped = len(names) > MOST_LISTED
	names = names[:MOST_LISTED]
	if columns["fan_out_condition"]:
		capped = capped or len(names) > ASKED
		names = _fitting(host, trigger, columns, names[:ASKED])
	shown: list[str] = []
	for name in names:
		if len(shown) == SHOWN_DOCUMENTS:
			break
		if sources.may_read(doctype, name):
			shown.append(name)
	most = int(columns["fan_out_limit"])
	return {"count": min(len(names), most), "capped": capped or len(names) > most, "documents": shown}


def _fitting(host: Any, trigger: Any, columns: Mapping[str, Any], names: list[str]) -> list[str]:
	until = host.clock.monotonic() + ASKED_SECONDS
	asked = replace(trigger, condition=columns["fan_out_condition"])
	found = []
	for name in names:
		if host.clock.monotonic() > until:
			break
		try:
			doc = host.documents.read_as(trigger.run_as or "", columns["fan_out_doctype"], name)
			occurrence = Occurrence(
				EVENT, columns["fan_out_doctype"], name, doc, variables=columns["payload"]
			)
			if judge(host, asked, occurrence, customer_of(occurrence.doctype, doc)).result:
				found.append(name)
		except TransientDatabaseError:
			raise
		except FlowError:
			continue
	return found
