"""Killed at every named place of the protocol, workers and requests of a bench lose and repeat nothing."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import unique
from flows import issue, step
from passing_time import become_late, end_lease, pass_time, tick
from processes import REPO, eventually

from flow_engine.engine.crash_points import CRASH_POINTS

CRASHING = "flow_engine.testing.crashing"
# Reached in the process of whoever asks, not in a worker.
ASKED = {
	"start.inserted": "start",
	"outsider.locked": "complete",
	"outsider.changed": "complete",
	"outsider.flushed": "complete",
	"outsider.written": "complete",
	"cancel.flushed": "cancel",
	"compensation.started": "undo",
	"sla.found": "late",
	"sla.marked": "late",
	"tick.found": "repair",
	"tick.repaired": "repair",
}
# A drain whose time is up, after two minutes; what is found only after another crash; and in
# test_inbound_hooks.py what somebody outside asks.
ELSEWHERE = ("drain.giving_back", "lost_call.settled", "hook.locked", "hook.started")
# Where runs share a transaction: it takes several.
SHARED = [name for name in CRASH_POINTS if name.startswith("batch.")]
# Where the clock starts flows: in test_schedules.py.
BY_THE_CLOCK = [name for name in CRASH_POINTS if name.startswith(("schedule.", "fan_out.", "dates."))]
IN_WORKERS = [name for name in CRASH_POINTS if name not in (*ASKED, *ELSEWHERE, *SHARED, *BY_THE_CLOCK)]


@pytest.fixture(scope="module")
def armed(bench, site, tmp_path_factory):
	"""A worker that dies where the file says, once; the file."""
	if bench._worker is not None and bench._worker.poll() is None:
		bench.kill(bench._worker)
	order = tmp_path_factory.mktemp("armed") / "order"
	bench.env["FLOW_ENGINE_CRASH_AT"] = f"@{order}"
	try:
		command = [str(bench.python), "-m", CRASHING, "frappe.utils.bench_helper", "frappe"]
		worker = bench._start("armed", [*command, "worker", "--queue", "short,default"])
	finally:
		del bench.env["FLOW_ENGINE_CRASH_AT"]
	yield order
	bench.kill(worker)


@pytest.fixture
def template(flow, gateway):
	"""`(flow, marker of its documents)`: a document, a call, a wait, another document."""
	mark = unique("crash")
	call = {"url": f"{gateway.url}/call", "method": "PUT", "body_template": {"a": 1}}
	return flow(
		issue("one", f"{mark} one"),
		step("call", "webhook", payload=call, after=["one"]),
		step("later", trigger={"type": "after_delay", "delay_hours": 1}, after=["call"]),
		issue("two", f"{mark} two", after=["later"]),
		step("never", "wait", after=["two"]),
		concurrency="skip",
	), mark


@pytest.mark.parametrize("point", IN_WORKERS)
def test_a_worker_killed_there_changes_nothing_in_the_end(
	point, armed, template, start, site, gateway, customer
):
	name, mark = template
	armed.write_text(point)
	run = start(name, doctype="Customer", docname=customer)
	reached = Path(f"{armed}.reached")
	try:
		went_through(site, run, until=reached.exists)
		eventually(reached.exists, f"a worker dying at {point}")
	finally:
		reached.unlink(missing_ok=True)
		armed.unlink(missing_ok=True)
	went_through(site, run)
	assert_nothing_lost_or_twice(site, run, mark, gateway)


START_SOME = """
from flow_engine.engine.draining import start_run
from flow_engine.engine.ports import NewRun
from flow_engine.frappe_host.host import get_host
host, version = get_host(), frappe.db.get_value("Flow Template", name, "published_version")
new = NewRun(name, version, "manual", run_as="Administrator")
answer = host.runs.transact(lambda: [start_run(host, new) for _ in range(4)])
"""


@pytest.mark.parametrize("point", SHARED)
def test_a_worker_killed_where_runs_share_a_transaction_changes_nothing_in_the_end(point, armed, flow, site):
	mark = unique("shared")
	name = flow(
		step("first"),
		step("second", after=["first"]),
		issue("last", mark + " {{run.name}}", after=["second"]),
	)
	armed.write_text(point)
	runs = site(START_SOME, name=name)
	reached = Path(f"{armed}.reached")
	try:
		eventually(reached.exists, f"a worker dying at {point}")
	finally:
		reached.unlink(missing_ok=True)
		armed.unlink(missing_ok=True)
	for run in runs:
		went_through(site, run)
	subjects = site("frappe.get_all('Issue', {'subject': ('like', m + '%')}, pluck='subject')", m=mark)
	assert sorted(subjects) == [f"{mark} {run}" for run in sorted(runs)]
	logged = site(
		"frappe.db.sql('select flow_run, step_id, state, count(*) from `tabFlow Step Log` where flow_run in "
		"%s group by 1, 2, 3', (runs,))",
		runs=runs,
	)
	assert sorted(map(tuple, logged)) == [
		(run, one, "done", 1) for run in sorted(runs) for one in ("first", "last", "second")
	]


def test_a_worker_killed_again_while_it_settles_a_lost_call(armed, template, start, site, gateway, customer):
	name, mark = template
	run = None
	for point in ("call.after", "lost_call.settled"):
		armed.write_text(point)
		run = run or start(name, doctype="Customer", docname=customer)
		reached = Path(f"{armed}.reached")
		went_through(site, run, until=reached.exists)
		reached.unlink()
	went_through(site, run)
	assert_nothing_lost_or_twice(site, run, mark, gateway)


def went_through(site, run: str, until=lambda: False) -> None:
	"""Leases end, waits pass and ticks come until the run has ended, or `until`."""

	def look() -> bool:
		if until() or site("frappe.db.get_value('Flow Run', run, 'status')", run=run) != "running":
			return True
		if site(AT_REST, run=run):
			pass_time(site, run, hours=2)
		tick(site)
		return False

	def look_again() -> bool:
		if look():
			return True
		if not site(IS_WORKED_ON, site_name=site.name):
			end_lease(site, run)
		return False

	eventually(look_again, f"{run} ending")


AT_REST = """
answer = bool(frappe.db.sql("select name from `tabFlow Run` where name = %s and lease_token is null"
	" and wake_at > utc_timestamp()", run))
"""

# A worker that is gone has no connection: whoever holds the lease then is dead.
IS_WORKED_ON = """
answer = frappe.db.sql("select count(*) from information_schema.processlist where db = database()"
	" and id != connection_id() and (command != 'Sleep' or time_ms < 500)")[0][0]
"""

EFFECTS = """
log = frappe.get_all("Flow Step Log", {"flow_run": run}, ["step_id", "state", "acting_user"])
answer = {
	"status": frappe.db.get_value("Flow Run", run, ["status", "wake_at", "lease_token"]),
	"documents": sorted(frappe.get_all("Issue", {"subject": ("like", mark + "%")}, pluck="subject")),
	"running": [row.step_id for row in log if row.state == "running"],
	"done": sorted(row.step_id for row in log if row.state == "done"),
	"calls": len([row for row in log if row.step_id == "call"]),
	"open": frappe.db.count("Flow Step Pending", {"flow_run": run, "status": "pending"}),
	"told": sorted(frappe.get_all("Flow Audit Event", {"flow_run": run, "event_type": ("in",
		("run.started", "run.completed", "run.failed", "run.reopened"))}, pluck="event_type")),
}
"""


def assert_nothing_lost_or_twice(site, run: str, mark: str, gateway) -> None:
	found = site(EFFECTS, run=run, mark=mark)
	calls = found.pop("calls")
	assert found == {
		"status": ["completed", None, None],
		"documents": [f"{mark} one", f"{mark} two"],
		"running": [],
		"done": ["call", "later", "never", "one", "two"],
		"open": 0,
		"told": ["run.completed", "run.started"],
	}
	keys = [r.headers["idempotency-key"] for r in gateway.requests if r.path == "/call"]
	assert len(set(keys)) == 1 and len(keys) <= calls


# --- whoever asks -------------------------------------------------------------------------------------------

ASKING = {
	"start": """
from flow_engine.frappe_host.host import get_host
from flow_engine.service.doors import start
answer = start(get_host(), get_host().templates, name, key=mark)["run"]
""",
	"complete": """
from flow_engine.engine.interventions import complete_step
from flow_engine.frappe_host.host import get_host
complete_step(get_host(), run, "person", {"answer": 1})
""",
	"cancel": """
from flow_engine.engine.interventions import cancel_run
from flow_engine.frappe_host.host import get_host
cancel_run(get_host(), run, "Enough.")
""",
	"undo": """
from flow_engine.engine.interventions import cancel_run
from flow_engine.frappe_host.host import get_host
cancel_run(get_host(), run, "Enough.", compensate=True)
""",
	"repair": """
from flow_engine.frappe_host.tick import tick
answer = tick()
""",
	"late": """
from flow_engine.frappe_host.tick import tick
answer = tick()
""",
}

# What was told of lateness, and how often.
TOLD = """
answer = [frappe.db.sql("select event_type, count(*) from `tabFlow Audit Event` where flow_run = %s"
	" and (event_type like 'run.sla%%' or event_type = 'run.escalated') group by 1 order by 1", run),
	frappe.db.count("Notification Log", {"document_name": run, "name": ("like", "flow-sla-%")}) > 0,
	frappe.get_all("ToDo", {"reference_name": run, "status": "Open"}, pluck="allocated_to")]
"""

STATE = """
answer = [frappe.db.sql("select status, revision, step_state from `tabFlow Run` where trigger_key like %s",
	"%" + mark), frappe.db.sql("select step_id, status from `tabFlow Step Pending` where flow_run = %s"
	" order by step_id", run)]
"""


@pytest.mark.parametrize("point", ASKED)
def test_a_request_killed_there_has_changed_all_or_nothing_and_can_be_repeated(
	point, bench, site, flow, worker, settled, tmp_path
):
	act = ASKED[point]
	mark = unique("asked")
	name = flow(
		issue("made", mark),
		step("late", trigger={"type": "after_delay", "delay_days": 30}),
		step(
			"person",
			trigger={"type": "manual"},
			sla={"warn": "1d", "breach": "2d", "escalate": {"user": "Administrator"}},
		),
		step("boss", parent="person", branch="sla_breach"),
		step("end", after=["person"]),
	)
	run = "" if act == "start" else site(ASKING["start"], name=name, mark=mark)
	if run:
		settled(run, late="scheduled", person="waiting")
		if act == "repair":
			site(
				"frappe.db.sql('update `tabFlow Step Pending` set trigger_at = now() - interval 1 day where "
				"flow_run = %s', run)",
				run=run,
			)
		if act == "late":
			become_late(site, run, days=3)
	names = {"name": name, "mark": mark, "run": run}
	before = site(STATE, mark=mark, run=run)
	assert killed_while_asking(bench, point, ASKING[act], names) == -signal.SIGKILL
	assert site(STATE, mark=mark, run=run) == before
	site(ASKING[act], **names)
	run = run or site("frappe.db.get_value('Flow Run', {'trigger_key': ('like', '%' + m)})", m=mark)
	ends = {
		"complete": {"person": "done", "boss": "skipped", "end": "done"},
		"repair": {"late": "done"},
		"late": {"person": "waiting", "boss": "done"},
	}.get(act, {})
	settled(run, "cancelled" if act in ("cancel", "undo") else "running", **ends)
	if act == "undo":
		(child,) = site("frappe.get_all('Flow Run', {'parent_run': run}, pluck='name')", run=run)
		settled(child, "completed", made="done")
		assert site("frappe.get_all('Issue', {'subject': m}, pluck='status')", m=mark) == ["Closed"]
	if act == "late":
		tick(site)
		events = [["run.escalated", 1], ["run.sla_breached", 1], ["run.sla_warned", 1]]
		assert site(TOLD, run=run) == [events, True, ["Administrator"]]


def killed_while_asking(bench, point: str, code: str, names: dict) -> int:
	"""The exit code of a process inside the site that is to die at the point."""
	process = subprocess.Popen(
		[str(bench.python), "-m", CRASHING, "site_python", bench.site],
		cwd=bench.sites,
		env={
			**bench.env,
			"FLOW_ENGINE_CRASH_AT": point,
			"PYTHONPATH": f"{REPO}:{Path(__file__).parent}",
		},
		stdin=subprocess.PIPE,
		stdout=subprocess.PIPE,
		text=True,
	)
	process.communicate(
		json.dumps({"code": code, "user": "Administrator", "names": names}) + "\n", timeout=60
	)
	return process.returncode
