"""Lateness on a site as people meet it: a real tick, workers, the API, ToDos, and ERPNext's own promises."""

from __future__ import annotations

import threading

from conftest import unique
from flows import issue, step
from passing_time import become_late, tick
from site_python import SitePython

LEVEL = {"warn": "1d", "breach": "2d", "escalate": {"role": "Flow Manager"}}

OPEN_TODOS = """
answer = frappe.get_all("ToDo", {"reference_name": run, "status": "Open"}, pluck="allocated_to")
"""

LIST = """
answer = frappe.get_list("Flow Run", filters={"sla_status": "overdue", "name": run}, pluck="name")
"""

PROMISE = """
name = frappe.get_all("Issue", {"subject": subject}, pluck="name")[0]
agreement = frappe.new_doc("Service Level Agreement")
agreement.update({"name": subject, "document_type": "Issue"})
agreement.db_insert()
values = {"service_level_agreement": agreement.name, "agreement_status": "Resolution Due"}
values.update({"response_by": "2030-03-18 10:00:00", field: at})
frappe.db.set_value("Issue", name, values, update_modified=False)
answer = name
"""

RESOLUTION = (
	"frappe.get_meta('Issue').has_field('sla_resolution_by') and 'sla_resolution_by' or 'resolution_by'"
)


def clock_of(view, step_id):
	return next(one for one in view["steps"] if one["id"] == step_id)["sla"]


def test_a_step_that_waits_too_long_is_taken_further_while_it_waits(
	manager, flow, start, settled, worker, site, people
):
	name = flow(
		step("ask", trigger={"type": "manual", "assignee": people["user"]["email"]}, sla=LEVEL),
		issue("boss", unique("late"), parent="ask", branch="sla_breach"),
		step("end", after=["ask"]),
	)
	run = start(name)
	view = settled(run, ask="waiting")
	assert (view["sla_status"], clock_of(view, "ask")["standing"]) == ("on_time", "on_time")
	assert site(OPEN_TODOS, run=run) == [people["user"]["email"]]
	become_late(site, run, days=1)
	assert tick(site)["late"] >= 1
	assert manager.get("runs.get", run=run)[1]["message"]["run"]["sla_status"] == "at_risk"
	become_late(site, run, days=1)
	tick(site)
	view = settled(run, ask="waiting", boss="done", end="pending")
	assert (view["sla_status"], clock_of(view, "ask")["standing"]) == ("overdue", "overdue")
	assert people["manager"]["email"] in site(OPEN_TODOS, run=run)
	assert people["user"]["email"] not in site(OPEN_TODOS, run=run)
	assert site(LIST, run=run) == [run]
	listed = manager.get("runs.list", template=name, sla_status="overdue")[1]["message"]["runs"]
	assert [row["name"] for row in listed] == [run]
	status, body = manager.get("runs.list", sla_status="never")
	assert (status, body["code"]) == (400, "bad_input")
	manager.post("runs.complete", run=run, step_id="ask")
	view = settled(run, "completed", ask="done", boss="done", end="done")
	assert view["sla_status"] == "missed"
	assert site(OPEN_TODOS, run=run) == []


def test_a_promise_that_is_none_is_refused_with_its_place(manager, draft):
	definition = {
		"version": 1,
		"trigger": {"event": "manual"},
		"steps": [step("ask", trigger="manual", sla={"warn": "3d", "breach": "-1d"})],
	}
	body = manager.post("templates.validate", definition=definition)[1]
	codes = {(one["path"], one["code"]) for one in body["message"]["problems"]}
	assert ("steps[0].sla.breach", "bad_duration") in codes


def test_erpnexts_own_promise_decides_and_is_shown(manager, flow, start, settled, worker, site):
	subject = unique("gold")
	name = flow(
		issue("open", subject),
		step("solved", trigger="manual", after=["open"], sla={"from": "open"}),
		step("boss", parent="solved", branch="sla_breach"),
	)
	run = start(name)
	settled(run, open="done", solved="waiting")
	field = site(RESOLUTION)
	site(PROMISE, subject=subject, field=field, at="2020-03-19 10:00:00")
	manager.post("runs.advance", run=run)
	view = settled(run, open="done", solved="waiting", boss="done")
	shown = next(one for one in view["steps"] if one["id"] == "open")["agreement"]
	assert (shown["name"], shown["status"], shown["open"]) == (subject, "Resolution Due", True)
	assert shown["resolution_by"].startswith("2020-03-19") and shown["response_by"].startswith("2030-03-18")
	assert clock_of(view, "solved")["breached_at"] == shown["resolution_by"]


WATCH = """
from flow_engine.engine.sla.watching import watch_clocks
from flow_engine.frappe_host.host import get_host
answer = watch_clocks(get_host())
"""

TOLD = """
answer = frappe.db.sql("select event_type, flow_run, count(*) from `tabFlow Audit Event` where flow_run in %s"
	" and event_type like 'run.%%sla%%' group by 1, 2", (runs,))
"""


def test_several_ticks_at_once_tell_of_each_run_once(bench, flow, start, settled, worker, site):
	name = flow(step("ask", trigger="manual", sla={"breach": "1d"}))
	runs = [start(name) for _ in range(12)]
	for run in runs:
		settled(run, ask="waiting")
		become_late(site, run, days=2)
	ticks = [SitePython(bench.python, bench.sites, bench.site, bench.env) for _ in range(4)]
	try:
		errors: list[Exception] = []

		def go(one):
			try:
				one(WATCH)
			except Exception as error:
				errors.append(error)

		threads = [threading.Thread(target=go, args=[one]) for one in ticks]
		for thread in threads:
			thread.start()
		for thread in threads:
			thread.join()
		assert errors == []
		site(WATCH)
	finally:
		for one in ticks:
			one.stop()
	told = sorted(map(tuple, site(TOLD, runs=runs)))
	assert told == [("run.sla_breached", run, 1) for run in sorted(runs)]
