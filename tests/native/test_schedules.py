"""Schedules on a site: over HTTP, by several schedulers at once, killed in the middle, as whom they act."""

from __future__ import annotations

import signal
import threading

import pytest
from conftest import unique
from flows import definition, issue
from processes import eventually
from site_python import SitePython
from test_crash_points import BY_THE_CLOCK, killed_while_asking

SCHEMA = {"type": "object", "properties": {"team": {"type": "string"}}, "required": ["team"]}

# As if the schedules' next time had just come.
BECOME_DUE = """
frappe.db.sql("update `tabFlow Schedule` set wake_at = utc_timestamp() - interval 1 minute,"
	" fire_at = date_format(utc_timestamp() - interval 1 minute, '%%Y-%%m-%%d %%H:%%i:00')"
	" where flow_template = %s", template)
"""
FIRE = """
from flow_engine.frappe_host.host import get_host
from flow_engine.service.date_triggers import start_dated
from flow_engine.service.schedule_firing import fire_due
start_dated(get_host(), 60)
answer = fire_due(get_host(), 60)
"""
RUNS = """
frappe.get_all("Flow Run", {"flow_template": template}, ["name", "trigger_key", "status", "context_docname"])
"""


@pytest.fixture
def scheduled(callers):
	"""A flow that wants a team, switched on; its id. Its schedules are deleted afterwards."""
	values = definition(issue("made", "{{variables.team}} {{doc.name}}")) | {"payload_schema": SCHEMA}
	status, body = callers["manager"].post(
		"templates.create", template_name=unique("scheduled"), flow_definition=values, is_active=1
	)
	assert status == 200, body
	name = body["message"]["template"]["name"]
	yield name
	for row in callers["manager"].get("schedules.list", template=name)[1]["message"]["schedules"]:
		callers["manager"].post("schedules.delete", name=row["name"])
	callers["manager"].post("templates.update", name=name, is_active=0)


def make(caller, template, **more):
	values = {"schedule_name": unique("schedule"), "flow_template": template, "cron": "0 9 * * *"}
	status, body = caller.post("schedules.create", values={**values, "payload": {"team": "Ops"}, **more})
	assert status == 200, body
	return body["message"]["schedule"]["name"]


def test_a_schedule_is_made_over_http_fires_on_the_tick_and_a_worker_runs_it(
	manager, scheduled, site, worker, settled
):
	team = unique("team")
	name = make(manager, scheduled, payload={"team": team})
	site(BECOME_DUE, template=scheduled)
	site("__import__('flow_engine.frappe_host.tick', fromlist=['tick']).tick()")
	(run,) = site(RUNS, template=scheduled)
	settled(run["name"], "completed", made="done")
	assert site("frappe.db.count('Issue', {'subject': ('like', team + '%')})", team=team) == 1
	(fire,) = manager.get("schedules.fires", name=name)[1]["message"]["fires"]
	assert (fire["run"], fire["status"]) == (run["name"], "completed")
	listed = manager.get("schedules.list", template=scheduled)[1]["message"]["schedules"]
	assert [(row["name"], row["status"]) for row in listed] == [(name, "enabled")]
	assert listed[0]["last_fire_at"] is not None


def test_who_may_do_what_with_schedules(callers, scheduled):
	name = make(callers["manager"], scheduled)
	status, body = callers["user"].get("schedules.get", name=name)
	seen = body["message"]["schedule"]
	assert status == 200 and "payload" not in seen and seen["may"] == {"edit": False, "fire": False}
	assert callers["user"].get("schedules.list", template=scheduled)[0] == 200
	writes = [
		("schedules.create", {"values": {"schedule_name": "x"}}),
		("schedules.update", {"name": name, "values": {"schedule_name": "x"}}),
		("schedules.pause", {"name": name}),
		("schedules.resume", {"name": name}),
		("schedules.fire_now", {"name": name}),
		("schedules.preview", {"values": {}}),
		("schedules.delete", {"name": name}),
	]
	for caller in ("user", "nobody", "guest"):
		for path, given in writes:
			status, body = callers[caller].post(path, **given)
			assert status == 403, (caller, path, body)
	for caller in ("nobody", "guest"):
		assert callers[caller].get("schedules.get", name=name)[0] == 403
	rest = callers["user"].resource("GET", "Flow Schedule", name)
	assert rest[0] == 200 and not rest[1]["data"].get("payload")
	assert callers["manager"].get("schedules.get", name=name)[1]["message"]["schedule"]["status"] == "enabled"


def test_whom_a_flow_keeps_from_starting_it_cannot_have_the_clock_do_it(callers, people, scheduled, site):
	caller = callers["manager"]
	name = make(caller, scheduled)
	found = caller.get("templates.get", name=scheduled)[1]["message"]["template"]["flow_definition"]
	others = found | {"starters": {"users": [people["admin"]["email"]], "roles": []}}
	assert caller.post("templates.update", name=scheduled, flow_definition=others)[0] == 200
	assert caller.post("templates.publish", name=scheduled)[0] == 200
	values = {"schedule_name": "x", "flow_template": scheduled, "cron": "* * * * *", "payload": {"team": "a"}}
	refused = [
		caller.post("schedules.create", values=values),
		caller.post("schedules.update", name=name, values={"cron": "* * * * *"}),
		caller.post("schedules.fire_now", name=name),
		caller.resource("PUT", "Flow Schedule", name, cron="* * * * *"),
	]
	assert [status for status, _body in refused] == [403, 403, 403, 403], refused
	assert {body["code"] for _status, body in refused[:3]} == {"not_on_allow_list"}
	assert caller.post("schedules.pause", name=name)[0] == 200
	assert callers["admin"].post("schedules.resume", name=name)[0] == 200
	assert callers["admin"].post("schedules.fire_now", name=name)[0] == 200


def test_the_frameworks_own_door_is_held_to_the_same_rules(manager, scheduled):
	name = make(manager, scheduled)
	status, body = manager.resource("PUT", "Flow Schedule", name, cron="0 0 30 2 *")
	assert status == 422, body
	status, body = manager.resource("PUT", "Flow Schedule", name, wake_at="2020-01-01", fire_at="2020-01-01")
	assert status == 200
	seen = manager.get("schedules.get", name=name)[1]["message"]["schedule"]
	assert (seen["cron"], seen["next_fire_at"][:3]) == ("0 9 * * *", "202")
	assert seen["next_fire_at"] > "2021"
	fire = manager.post("schedules.fire_now", name=name)[1]["message"]["fire"]
	assert manager.resource("PUT", "Flow Schedule Fire", fire, status="queued")[0] in (403, 417)
	assert manager.resource("PUT", "Flow Schedule", name, status="paused")[0] == 200
	assert manager.get("schedules.get", name=name)[1]["message"]["schedule"]["status"] == "paused"


def test_several_schedulers_at_once_fire_each_schedule_and_document_once(bench, manager, scheduled, site):
	mark = unique("many")
	issues = site(
		"""
		answer = [frappe.get_doc({"doctype": "Issue", "subject": f"{mark} {n}"}).insert().name
			for n in range(30)]
		""",
		mark=mark,
	)
	for _ in range(12):
		make(manager, scheduled)
	filters = [["subject", "like", f"{mark}%"]]
	make(manager, scheduled, fan_out_doctype="Issue", fan_out_filters=filters, batch_size=3)
	site(BECOME_DUE, template=scheduled)
	schedulers = [SitePython(bench.python, bench.sites, bench.site, bench.env) for _ in range(4)]
	try:
		errors: list[Exception] = []

		def go(scheduler):
			try:
				scheduler(FIRE)
			except Exception as error:
				errors.append(error)

		threads = [threading.Thread(target=go, args=[one]) for one in schedulers]
		for thread in threads:
			thread.start()
		for thread in threads:
			thread.join()
		assert errors == []
		site(FIRE)
	finally:
		for one in schedulers:
			one.stop()
	runs = site(RUNS, template=scheduled)
	assert len(runs) == 12 + len(issues)
	assert sorted(run["context_docname"] for run in runs if run["context_docname"]) == sorted(issues)
	assert site("frappe.db.count('Flow Schedule Fire', {'flow_template': t})", t=scheduled) == 13


@pytest.mark.parametrize("point", BY_THE_CLOCK)
def test_a_scheduler_killed_there_fires_once_all_the_same(point, bench, manager, scheduled, site):
	mark = unique("killed")
	site(
		"""
		for n in range(3):
			frappe.get_doc({"doctype": "Issue", "subject": f"{mark} {n}"}).insert()
		""",
		mark=mark,
	)
	dated = definition(issue("one", "dated")) | {
		"trigger": {
			"event": "date",
			"doctype": "Issue",
			"field": "creation",
			"condition": {"field": "doc.subject", "op": "starts_with", "value": mark},
		}
	}
	status, body = manager.post(
		"templates.create", template_name=unique("dated"), flow_definition=dated, is_active=1
	)
	assert status == 200, body
	other = body["message"]["template"]["name"]
	make(manager, scheduled)
	make(
		manager,
		scheduled,
		fan_out_doctype="Issue",
		fan_out_filters=[["subject", "like", f"{mark}%"]],
		batch_size=2,
	)
	site(FIRE)
	# From here on the moments of those Issues, their making, lie in what has yet to be looked at.
	site(
		"""
		frappe.db.sql("update `tabFlow Date Scan` set scanned_to = utc_timestamp() - interval 1 hour,"
			" begins_at = utc_timestamp() - interval 1 hour where name = %s", other)
		""",
		other=other,
	)
	site(BECOME_DUE, template=scheduled)
	assert killed_while_asking(bench, point, FIRE, {}) == -signal.SIGKILL
	site(FIRE)
	keys = [run["trigger_key"] for run in site(RUNS, template=scheduled)]
	assert len(keys) == len(set(keys)) == 4
	assert len(site(RUNS, template=other)) == 3
	manager.post("templates.update", name=other, is_active=0)


def test_documents_that_the_flows_user_may_not_list_are_not_gone_through(manager, scheduled, site):
	name = make(manager, scheduled, fan_out_doctype="Employee")
	site(BECOME_DUE, template=scheduled)
	site(FIRE)
	(fire,) = manager.get("schedules.fires", name=name)[1]["message"]["fires"]
	assert (fire["status"], fire["error"]["code"]) == ("failed", "permission_denied")
	assert site(RUNS, template=scheduled) == []


def test_while_the_engine_is_switched_off_nothing_fires_and_nothing_is_lost(manager, scheduled, site):
	make(manager, scheduled)
	site(BECOME_DUE, template=scheduled)
	off = "frappe.db.set_single_value('Flow Engine Settings', 'disabled', on)"
	tick = "__import__('flow_engine.frappe_host.tick', fromlist=['tick']).tick()"
	site(off, on=1)
	try:
		site(tick)
		assert site(RUNS, template=scheduled) == []
	finally:
		site(off, on=0)
	eventually(lambda: site(tick) and site(RUNS, template=scheduled), "the fire after the switch")
