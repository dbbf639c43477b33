"""Runs through real workers, from the transaction that starts them to the last step, whatever breaks."""

from __future__ import annotations

import threading
from urllib.parse import parse_qs

import pytest
from conftest import MARK, unique
from flows import definition, issue, step
from passing_time import end_lease, pass_time, tick
from processes import eventually
from site_python import SitePython


def run_about(site, doctype: str, docname: str, template: str) -> str:
	"""The run that a document started; there is exactly one."""

	def look():
		return site(
			"""
			flow = frappe.db.get_value("Flow Template", {"template_name": template}) or template
			answer = frappe.get_all("Flow Run", {"context_doctype": doctype, "context_docname": docname,
				"flow_template": flow}, pluck="name")
			""",
			doctype=doctype,
			docname=docname,
			template=template,
		)

	found = eventually(look, f"a run of {template} for {docname}")
	assert len(found) == 1
	return found[0]


def switch_on(caller, template: str) -> None:
	for active in (0, 1):
		status, body = caller.post("templates.update", name=template, is_active=active)
		assert status == 200, body


# --- the flows that ship ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("priority", "channel"), [("High", "sms"), ("Low", "email")])
def test_an_opened_issue_becomes_a_dispatch_job(
	callers, worker, settled, site, customer, gateway, email_account, priority, channel
):
	switch_on(callers["manager"], "repair_service")
	status, body = callers["user"].resource(
		"POST", "Issue", subject=unique("no internet"), customer=customer, priority=priority
	)
	assert status == 200, body
	run = run_about(site, "Issue", body["data"]["name"], "repair_service")
	view = settled(run, "completed")
	jobs = site(
		"frappe.get_all('Dispatch Job', {'flow_run': run}, ['customer', 'priority', 'status'])", run=run
	)
	assert [(j["customer"], j["status"]) for j in jobs] == [(customer, "Open")]
	sent = [r for r in gateway.requests if r.path == "/sms"]
	if channel == "sms":
		assert jobs[0]["priority"] == "Urgent"
		assert [parse_qs(r.body)["to"] for r in sent] == [["+15145550100"]]
		assert view["by_id"]["email_customer"]["status"] == "skipped"
	else:
		assert sent == [] and view["by_id"]["text_customer"]["status"] == "skipped"
		assert view["by_id"]["email_customer"]["status"] == "done"


def test_an_issue_that_is_rolled_back_started_nothing(site):
	before = site("frappe.db.count('Flow Run')")
	site(
		"""
		frappe.get_doc({"doctype": "Issue", "subject": subject}).insert()
		frappe.db.rollback()
		""",
		subject=unique("undone"),
	)
	assert site("frappe.db.count('Flow Run')") == before


def test_a_signed_contract_is_installed_told_activated_asked_and_reminded(
	callers, worker, settled, site, customer, gateway, email_account
):
	manager = callers["manager"]
	subscription = site(SUBSCRIPTION, customer=customer, mark=MARK)
	switch_on(manager, "residential_onboarding")
	status, body = manager.resource(
		"POST",
		"Contract",
		party_type="Customer",
		party_name=customer,
		start_date="2026-11-01",
		contract_terms="A year of fibre.",
	)
	assert status == 200, body
	contract = body["data"]["name"]
	assert manager.resource("PUT", "Contract", contract, docstatus=1)[0] == 200
	assert site("frappe.db.count('Flow Run', {'context_docname': c})", c=contract) == 0
	status, body = manager.resource("PUT", "Contract", contract, is_signed=1, signee="Marie Tremblay")
	assert status == 200, body
	run = run_about(site, "Contract", contract, "residential_onboarding")
	view = settled(
		run,
		"running",
		activate_subscription="done",
		welcome_sms="done",
		survey="scheduled",
		still_in_force="scheduled",
	)
	job = view["by_id"]["dispatch_installation"]["result"]["name"]
	assert site("frappe.db.get_value('Dispatch Job', job, 'customer')", job=job) == customer
	(text,) = [r for r in gateway.requests if r.path == "/sms"]
	assert parse_qs(text.body)["to"] == ["+15145550100"] and text.headers["idempotency-key"].endswith(
		f":{run}:welcome_sms"
	)
	assert site("frappe.db.get_value('Subscription', s, 'status')", s=subscription) == "Active"
	assert mails(site, run) == []

	pass_time(site, run, hours=24)
	assert tick(site)["due"] >= 1
	settled(run, "running", survey="done", still_in_force="scheduled")
	assert len(mails(site, run)) == 1

	pass_time(site, run, days=334)
	tick(site)
	settled(run, "completed", renewal_reminder="done", billing_issue="skipped")
	assert len(mails(site, run)) == 2
	assert len([r for r in gateway.requests if r.path == "/sms"]) == 1


def mails(site, run: str) -> list[str]:
	"""The emails queued about the run or its document since it began: names of contracts are used again."""
	return site(
		"""
		about = frappe.db.get_value("Flow Run", run, ["name", "context_docname", "creation"])
		answer = frappe.get_all("Email Queue", {"creation": (">=", about[2]),
			"reference_name": ("in", about[:2])}, pluck="name")
		""",
		run=run,
	)


SUBSCRIPTION = """
from frappe.utils import add_days, today
company = frappe.get_all("Company", pluck="name")[0]
item = frappe.get_doc({"doctype": "Item", "item_code": f"{mark} Fibre", "item_name": f"{mark} Fibre",
	"item_group": frappe.db.get_value("Item Group", {"is_group": 0}), "stock_uom": "Nos",
	"is_stock_item": 0}).insert()
plan = frappe.get_doc({"doctype": "Subscription Plan",
	"plan_name": f"{mark} Monthly {frappe.generate_hash(length=6)}",
	"item": item.name, "price_determination": "Fixed Rate", "cost": 60,
	"currency": frappe.db.get_value("Company", company, "default_currency"),
	"billing_interval": "Month", "billing_interval_count": 1}).insert()
answer = frappe.get_doc({"doctype": "Subscription", "party_type": "Customer", "party": customer,
	"company": company,
	"trial_period_start": add_days(today(), -5), "trial_period_end": add_days(today(), 25),
	"generate_invoice_at": "End of the current subscription period",
	"plans": [{"plan": plan.name, "qty": 1}]}).insert().name
"""


# --- repair -------------------------------------------------------------------------------------------------


def test_a_failed_delayed_step_put_back_to_pending_runs_at_the_next_tick(
	callers, worker, flow, start, settled, site
):
	missing = unique("target")
	run = start(
		flow(
			step(
				"late",
				"erp_update",
				trigger={"type": "after_delay", "delay_hours": 2},
				payload={"doctype": "Issue", "docname_ref": missing, "fields_json": '{"priority": "High"}'},
			)
		)
	)
	settled(run, "running", late="scheduled")
	pass_time(site, run, hours=2)
	tick(site)
	settled(run, "failed", late="failed")
	(row,) = site(
		"frappe.get_all('Flow Step Pending', {'flow_run': run}, ['name', 'status', 'last_error'])", run=run
	)
	assert row["status"] == "failed" and row["last_error"]
	site(
		"""
		doc = frappe.get_doc({"doctype": "Issue", "subject": name}).insert()
		frappe.rename_doc("Issue", doc.name, name, force=True)
		""",
		name=missing,
	)
	for who, allowed in (("nobody", False), ("user", False), ("manager", True)):
		status, body = callers[who].resource(
			"PUT", "Flow Step Pending", row["name"], status="pending", retry_count=0
		)
		assert (status == 200) is allowed, (who, body)
	tick(site)
	settled(run, "completed", late="done")
	assert site("frappe.db.get_value('Flow Step Pending', p, 'status')", p=row["name"]) == "completed"
	assert site("frappe.db.get_value('Issue', n, 'priority')", n=missing) == "High"


def test_a_row_set_to_pending_by_sql_is_found_by_the_tick(worker, flow, start, settled, site):
	run = start(flow(step("late", trigger={"type": "after_delay", "delay_days": 30})))
	settled(run, "running", late="scheduled")
	site(
		"frappe.db.sql('update `tabFlow Step Pending` set trigger_at = now() - interval 1 day where "
		"flow_run = %s', run)",
		run=run,
	)
	assert tick(site)["repaired"] >= 1
	settled(run, "completed", late="done")


# --- what breaks --------------------------------------------------------------------------------------------


def test_a_flushed_queue_loses_nothing(bench, worker, flow, start, settled, site):
	bench.kill(worker)
	run = start(flow(issue("a", unique("found"))))
	bench.redis("FLUSHALL")
	bench.worker()
	assert tick(site)["drains"] >= 1
	settled(run, "completed", a="done")


HINTS = """
from flow_engine.frappe_host.jobs import QUEUE, _connection, execute_job
from frappe.utils.background_jobs import generate_qname
from rq import Queue
queue = Queue(generate_qname(QUEUE), connection=_connection())
job = {"site": frappe.local.site, "user": "Administrator", "method": "flow_engine.frappe_host.jobs.drain",
	"event": None, "job_name": "flow_engine.drain", "is_async": True, "kwargs": {}}
ids = [queue.enqueue_call(execute_job, timeout=600, kwargs=job).id for _ in range(6)]
answer = [queue.key, ids]
"""


def test_hints_that_come_often_and_in_any_order_do_everything_once(bench, worker, flow, start, settled, site):
	bench.kill(worker)
	mark = unique("often")
	template = flow(issue("a", mark + " {{run.name}} a"), issue("b", mark + " {{run.name}} b", after=["a"]))
	runs = [start(template) for _ in range(6)]
	key, ids = site(HINTS)
	# The same jobs twice, the last first.
	bench.redis("DEL", key)
	bench.redis("RPUSH", key, *reversed(ids), *ids)
	other = bench._frappe("other-worker", "worker", "--queue", "short")
	bench.worker()
	try:
		for run in runs:
			settled(run, "completed")
	finally:
		bench.kill(other)
	subjects = site("frappe.get_all('Issue', {'subject': ('like', m + '%')}, pluck='subject')", m=mark)
	assert sorted(subjects) == sorted(f"{mark} {run} {name}" for run in runs for name in "ab")


def test_a_dead_queue_disturbs_no_save(bench, callers, worker, site, flow, settled):
	template = flow(issue("a", unique("late")), trigger={"event": "on_customer_created", "condition": ""})
	bench.redis("CLIENT", "PAUSE", "3000", "ALL")
	run = callers["manager"].post("runs.event", event="on_customer_created")[1]["message"]["results"]
	run = next(r["run"] for r in run if r["template"] == template)

	def ended() -> bool:
		# A tick comes every minute; the first ones meet the dead queue too.
		tick(site)
		return site("frappe.db.get_value('Flow Run', run, 'status')", run=run) == "completed"

	eventually(ended, f"{run} ending")
	settled(run, "completed", a="done")


def test_a_worker_killed_in_the_middle_of_a_step_leaves_no_second_document(
	bench, worker, flow, start, settled, site, tmp_path
):
	key, subject = unique("key"), unique("job")
	release = tmp_path / "release"
	holder = SitePython(bench.python, bench.sites, bench.site, bench.env)
	# Another transaction holds the merge key: the step stands still in the middle of writing its document.
	held = threading.Thread(target=holder, args=(HOLD_MERGE_KEY,), kwargs={"key": key, "path": str(release)})
	held.start()
	try:
		eventually(lambda: (tmp_path / "release.held").exists(), "the key being held")
		template = flow(
			step("a", "dispatch_job", payload={"subject": subject, "merge_key": key, "job_type": "Repair"})
		)
		run = begun_by(bench, lambda: start(template), lambda _: site(IS_BLOCKED))
		bench.kill(worker)
	finally:
		release.touch()
		held.join()
		holder.stop()
	assert site("frappe.db.get_value('Flow Run', run, 'status')", run=run) == "running"
	end_lease(site, run)
	bench.worker()
	tick(site)
	settled(run, "completed", a="done")
	assert site("frappe.db.count('Dispatch Job', {'merge_key': key})", key=key) == 1
	assert site("frappe.db.count('Flow Step Log', {'flow_run': run, 'state': 'done'})", run=run) == 1


def begun_by(bench, begin, is_in_the_middle) -> str:
	"""A run that the session's own worker is in the middle of; others of the bench may be faster."""
	for _ in range(8):
		run = begin()
		eventually(lambda run=run: is_in_the_middle(run), "being in the middle of the step")
		if bench.is_at_work():
			return run
	raise AssertionError("Another worker took every run first.")


HOLD_MERGE_KEY = """
import pathlib, time
frappe.get_doc({"doctype": "Dispatch Job", "subject": "Held", "merge_key": key}).insert()
pathlib.Path(path + ".held").touch()
until = time.monotonic() + 60
while not pathlib.Path(path).exists() and time.monotonic() < until:
	time.sleep(0.05)
frappe.db.rollback()
"""

IS_BLOCKED = """
answer = frappe.db.sql("select count(*) from information_schema.processlist where id != connection_id()"
	" and time_ms > 300 and info like 'INSERT INTO%%Dispatch Job%%'")[0][0]
"""


@pytest.mark.parametrize(
	("method", "ends", "calls"),
	[("PUT", "done", 2), ("POST", "failed", 1)],
	ids=["what may be repeated is repeated", "what may not is reported as unknown"],
)
def test_a_worker_killed_during_a_call(
	bench, worker, flow, start, settled, site, gateway, method, ends, calls
):
	gateway.hold()
	template = flow(
		step(
			"call", "webhook", payload={"url": f"{gateway.url}/hook", "method": method, "body_template": "{}"}
		)
	)

	def calls_of(run: str) -> list[str]:
		keys = [request.headers["idempotency-key"] for request in gateway.requests]
		return [key for key in keys if f":{run}:" in key]

	run = begun_by(bench, lambda: start(template), calls_of)
	bench.kill(worker)
	gateway.release()
	end_lease(site, run)
	bench.worker()
	tick(site)

	def look():
		# A repeated call has a backoff before it: it is over at once.
		if site("frappe.db.get_value('Flow Step Pending', {'flow_run': run, 'status': 'pending'})", run=run):
			pass_time(site, run, hours=1)
			tick(site)
		view = settled(run)
		return view if view["by_id"]["call"]["status"] == ends else None

	view = eventually(look, f"the call becoming {ends}")
	keys = calls_of(run)
	assert len(keys) == calls and len(set(keys)) == 1
	if ends == "failed":
		assert view["by_id"]["call"]["error"]["code"] == "outcome_unknown"


def test_switched_off_nothing_starts_and_what_is_due_waits(callers, worker, flow, start, settled, site):
	admin = callers["admin"]
	template = flow(step("ask", trigger="manual"), issue("b", unique("after"), after=["ask"]))
	listening = flow(step("a"), trigger={"event": "on_issue_opened", "condition": ""})
	run = start(template)
	settled(run, "running", ask="waiting")

	def disable(value: int) -> None:
		status, body = admin.resource("PUT", "Flow Engine Settings", "Flow Engine Settings", disabled=value)
		assert status == 200, body

	disable(1)
	try:
		status, body = callers["manager"].post("runs.start", template=template)
		assert (status, body.get("code")) == (409, "engine_disabled"), body
		status, body = admin.resource("POST", "Issue", subject=unique("quiet"))
		assert status == 200
		quiet = body["data"]["name"]
		assert site("frappe.db.count('Flow Run', {'context_docname': n})", n=quiet) == 0
		assert callers["manager"].post("runs.complete", run=run, step_id="ask")[0] == 200
		found = tick(site)
		assert found["disabled"] and found["due"] >= 1 and found["drains"] == 0
		assert settled(run)["status"] == "running"
	finally:
		disable(0)
	tick(site)
	settled(run, "completed", ask="done", b="done")
	status, body = admin.resource("POST", "Issue", subject=unique("loud"))
	assert run_about(site, "Issue", body["data"]["name"], listening)


def test_a_run_keeps_the_version_it_started_with(callers, worker, flow, start, settled, site):
	first, second = unique("first"), unique("second")
	template = flow(step("ask", trigger="manual"), issue("b", first, after=["ask"]))
	run = start(template)
	settled(run, "running", ask="waiting")
	changed = definition(issue("b", second))
	assert callers["manager"].post("templates.update", name=template, flow_definition=changed)[0] == 200
	assert callers["manager"].post("templates.publish", name=template)[0] == 200
	newer = start(template)
	settled(newer, "completed")
	assert callers["manager"].post("runs.complete", run=run, step_id="ask")[0] == 200
	settled(run, "completed", b="done")
	assert [site("frappe.db.count('Issue', {'subject': s})", s=s) for s in (first, second)] == [1, 1]
