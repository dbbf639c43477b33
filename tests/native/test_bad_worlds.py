"""What is wrong around the site: no mail server, a worker whose clock is wrong, two schedulers at once."""

from __future__ import annotations

import shutil
import subprocess
import threading

import pytest
from conftest import unique
from flows import issue, step
from passing_time import pass_time
from site_python import SitePython
from smtp_sink import SmtpSink

# --- no mail server -----------------------------------------------------------------------------------------

USE_SINK = """
name = frappe.db.get_value("Email Account", {"default_outgoing": 1, "enable_outgoing": 1})
answer = [name, frappe.db.get_value("Email Account", name, ["smtp_server", "smtp_port"])]
frappe.db.set_value("Email Account", name, {"smtp_server": "127.0.0.1", "smtp_port": port, "use_tls": 0,
	"use_ssl_for_outgoing": 0, "no_smtp_authentication": 1}, update_modified=False)
frappe.clear_cache(doctype="Email Account")
"""

# What others have left unsent would be tried too, and the framework gives a batch up that fails too often.
HOLD_BACK = """
answer = frappe.get_all("Email Queue", {"status": ("in", ["Not Sent", "Partially Sent"]),
	"send_after": ("is", "not set")}, pluck="name")
for waiting in answer:
	frappe.db.set_value("Email Queue", waiting, "send_after", "2999-01-01", update_modified=False)
"""

LET_GO = """
for waiting in held:
	frappe.db.set_value("Email Queue", waiting, "send_after", None, update_modified=False)
"""

GIVE_BACK = """
frappe.db.set_value("Email Account", name, {"smtp_server": server, "smtp_port": port}, update_modified=False)
frappe.clear_cache(doctype="Email Account")
"""

FLUSH = """
frappe.flags.mute_emails = False
frappe.conf.mute_emails = 0
from frappe.email.queue import flush
flush()
"""

ENTRY = """
answer = frappe.get_all("Email Queue", {"message": ("like", f"%{subject}%")},
	["name", "status", "retry", "error"])
"""


@pytest.fixture
def sink(site, email_account):
	found = SmtpSink()
	name, (server, port) = site(USE_SINK, port=found.port)
	held = site(HOLD_BACK)
	yield found
	site(LET_GO, held=held)
	site(GIVE_BACK, name=name, server=server, port=port)


@pytest.mark.parametrize("trouble", ["nobody listens", "it hangs up"])
def test_an_email_is_tried_again_then_fails_for_all_to_see_and_is_sent_once_when_asked_to(
	site, sink, worker, flow, start, settled, trouble
):
	subject = unique("mail")
	payload = {"channel": "email", "to": "ann@example.com", "subject": subject, "body": "Hello."}
	run = start(flow(step("tell", "notify", payload=payload)))
	settled(run, "completed", tell="done")
	sink.dying = trouble == "it hangs up"
	if sink.dying:
		sink.start()
	seen = []
	for _ in range(6):
		site(FLUSH)
		(entry,) = site(ENTRY, subject=subject)
		seen.append((entry["status"], entry["retry"]))
		if entry["status"] == "Error":
			break
	assert [status for status, _ in seen[:-1]] == ["Not Sent"] * (len(seen) - 1) and len(seen) > 2
	assert (seen[-1][0], sink.subjects.count(subject)) == ("Error", 0)
	assert "Connection" in entry["error"] or "connect" in entry["error"].lower()
	alerts = site(
		"frappe.get_all('Notification Log', {'document_name': n}, pluck='subject')", n=entry["name"]
	)
	assert len(alerts) == 1 and subject in alerts[0]
	sink.dying = False
	if trouble == "nobody listens":
		sink.start()
	try:
		site("frappe.get_doc('Email Queue', n).retry_sending()", n=entry["name"])
		for _ in range(2):
			site(FLUSH)
	finally:
		sink.stop()
	assert sink.subjects.count(subject) == 1
	assert [row["status"] for row in site(ENTRY, subject=subject)] == ["Sent"]


# --- a wrong clock ------------------------------------------------------------------------------------------

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long shift(void) {
	const char *text = getenv("CLOCK_SHIFT");
	return text ? atol(text) : 0;
}

int clock_gettime(clockid_t id, struct timespec *at) {
	static int (*real)(clockid_t, struct timespec *);
	if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	int result = real(id, at);
	if (!result && id == CLOCK_REALTIME) at->tv_sec += shift();
	return result;
}

time_t time(time_t *at) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (at) *at = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *at, void *zone) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	at->tv_sec = now.tv_sec;
	at->tv_usec = now.tv_nsec / 1000;
	return 0;
}
"""

WORK = """
from flow_engine.frappe_host.jobs import drain
from flow_engine.frappe_host.tick import reconcile_runs, tick
answer = tick()
reconcile_runs()
drain(20)
"""

# Minutes from now, by the clock that is right.
TIMES = """
from datetime import datetime
wake = frappe.db.get_value("Flow Run", run, "wake_at") - datetime.utcnow()
started = frappe.get_all("Flow Step Log", {"flow_run": run}, pluck="started")
answer = [wake.total_seconds() / 60,
	max(abs((at - frappe.utils.now_datetime()).total_seconds()) for at in started) / 60]
"""

CLAIM = """
from flow_engine.frappe_host.host import get_host
(claim,) = get_host().runs.claim(1, 60, only=run)
answer = float(frappe.db.sql("select timestampdiff(second, utc_timestamp(), lease_until) / 60 from "
	"`tabFlow Run` where name = %s", run)[0][0])
get_host().runs.give_back([claim])
"""


@pytest.fixture
def clocks(bench, site, tmp_path):
	"""`clocks(seconds)`: Python inside the site, in a process whose clock is off by so much."""
	compiler = shutil.which("cc")
	if not compiler:
		pytest.skip("There is no C compiler here to make a clock that is wrong for a whole process.")
	source, library = tmp_path / "clock.c", tmp_path / "clock.so"
	source.write_text(SHIM)
	subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
	if bench._worker is not None and bench._worker.poll() is None:
		bench.kill(bench._worker)
	started = []

	def off_by(seconds: int) -> SitePython:
		env = {**bench.env, "LD_PRELOAD": str(library), "CLOCK_SHIFT": str(seconds)}
		started.append(SitePython(bench.python, bench.sites, bench.site, env))
		there, here = (one("import time\nanswer = time.time()") for one in (started[-1], site))
		assert abs(there - here - seconds) < 60
		return started[-1]

	yield off_by
	for one in started:
		one.stop()


@pytest.mark.parametrize("days", [2, -2])
def test_a_worker_whose_clock_is_wrong_moves_nothing(clocks, site, flow, start, days):
	first, second = unique("first"), unique("second")
	run = start(
		flow(
			issue("a", first),
			issue("b", second, trigger={"type": "after_delay", "delay_hours": 1}, after=["a"]),
		)
	)
	wrong = clocks(days * 24 * 3600)
	assert 0 < wrong(CLAIM, run=run) <= 2
	for _ in range(2):
		wrong(WORK)
	count = "frappe.db.count('Issue', {'subject': s})"
	assert (site(count, s=first), site(count, s=second)) == (1, 0)
	wake, started = site(TIMES, run=run)
	assert 50 < wake <= 61 and started < 10
	pass_time(site, run, hours=1)
	clocks(-days * 24 * 3600)(WORK)
	assert (site(count, s=first), site(count, s=second)) == (1, 1)
	assert site("frappe.db.get_value('Flow Run', run, 'status')", run=run) == "completed"


# --- two schedulers -----------------------------------------------------------------------------------------

MANY = 25


def test_two_schedulers_with_their_workers_do_everything_once(bench, site, flow, start):
	"""As when a bench was copied and both go on: ticks, reconcilers and drains at the same runs."""
	if bench._worker is not None and bench._worker.poll() is None:
		bench.kill(bench._worker)
	mark = unique("both")
	template = flow(
		issue("a", mark + " {{run.name}} a"),
		step("wait", after=["a"]),
		issue("b", mark + " {{run.name}} b", after=["wait"]),
	)
	runs = [start(template) for _ in range(MANY)]
	stray = start(flow(step("late", trigger={"type": "after_delay", "delay_days": 30})))
	site(DRAIN, run=stray)
	site(
		"frappe.db.sql('update `tabFlow Step Pending` set trigger_at = now() - interval 1 day where "
		"flow_run = %s', run)",
		run=stray,
	)
	benches = [SitePython(bench.python, bench.sites, bench.site, bench.env) for _ in range(2)]
	ticks: list[dict] = []
	failures: list[BaseException] = []
	together = threading.Barrier(2)

	def go_on(inside: SitePython) -> None:
		try:
			for _ in range(4):
				together.wait(60)
				ticks.append(inside(WORK))
		except BaseException as error:
			failures.append(error)
			together.abort()

	threads = [threading.Thread(target=go_on, args=(inside,)) for inside in benches]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join()
	for inside in benches:
		inside.stop()
	assert failures == []
	assert sum(found["repaired"] for found in ticks) == 1
	subjects = site("frappe.get_all('Issue', {'subject': ('like', m + '%')}, pluck='subject')", m=mark)
	assert sorted(subjects) == sorted(f"{mark} {run} {name}" for run in runs for name in "ab")
	states = site("frappe.get_all('Flow Run', {'name': ('in', n)}, pluck='status')", n=[*runs, stray])
	assert states == ["completed"] * (MANY + 1)


DRAIN = """
from flow_engine.engine.draining import drain
from flow_engine.frappe_host.host import get_host
drain(get_host(), 20, only=run)
"""
