"""What a session starts, makes and removes: its own web server, queue and worker, its users, its flows."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from alone import site_to_itself
from callers import Caller
from gateway import Gateway
from people import DOMAIN, make_people
from processes import Bench, eventually
from site_python import SitePython

# Everything these tests make has this in its name, so that what a broken session left can be found.
MARK = "Native"


@pytest.fixture(scope="session")
def bench(tmp_path_factory) -> Iterator[Bench]:
	root, name = os.environ.get("FRAPPE_BENCH"), os.environ.get("FRAPPE_SITE")
	if not root or not name:
		pytest.fail(
			"FRAPPE_BENCH and FRAPPE_SITE name the bench and the site; tests/run_native.py sets them."
		)
	found = Bench(Path(root).expanduser(), name, tmp_path_factory.mktemp("bench"))
	with site_to_itself(found.root, name):
		try:
			found.start_queue()
			yield found
		finally:
			found.stop()


@pytest.fixture(scope="session")
def site(bench) -> Iterator[SitePython]:
	inside = SitePython(bench.python, bench.sites, bench.site, bench.env)
	try:
		inside(REMOVE, mark=MARK, domain=DOMAIN)
		before = inside(BEFORE)
		inside(SEED)
		inside(SWITCH_OFF)
		yield inside
		inside(AFTER, before=before, domain=DOMAIN)
		inside(REMOVE, mark=MARK, domain=DOMAIN)
	finally:
		inside.stop()


@pytest.fixture(scope="session")
def url(bench, site) -> str:
	return bench.start_web()


@pytest.fixture(scope="session")
def people(site) -> dict[str, dict[str, str]]:
	return make_people(site)


@pytest.fixture(scope="session")
def callers(url, people) -> dict[str, Caller]:
	"""A caller for each of the users, by API key; `guest` has none."""
	return {
		"guest": Caller(url),
		**{short: Caller(url, Authorization=who["key"]) for short, who in people.items()},
	}


@pytest.fixture
def manager(callers) -> Caller:
	return callers["manager"]


@pytest.fixture
def draft(manager):
	"""A stored draft without steps; its values."""
	status, body = manager.post("templates.create", template_name=unique("draft"), category="other")
	assert status == 200, body
	return body["message"]["template"]


@pytest.fixture
def system_template(manager) -> dict:
	_, body = manager.get("templates.list")
	name = next(t["name"] for t in body["message"]["templates"] if t["is_system"] and not t["is_active"])
	return manager.get("templates.get", name=name)[1]["message"]["template"]


@pytest.fixture
def worker(bench, site):
	"""A worker that runs: the one there is, or a new one after a test has killed it."""
	return bench.worker()


@pytest.fixture
def gateway(site) -> Iterator[Gateway]:
	"""A receiver on this machine that flows may call, and that text messages go to."""
	receiver = Gateway()
	site(
		"""
		frappe.get_doc("Flow Engine Settings").update({"allowed_private_hosts": "127.0.0.1"}).save()
		sms = frappe.get_doc("SMS Settings")
		sms.update({"sms_gateway_url": url, "message_parameter": "text", "receiver_parameter": "to",
			"use_post": 1})
		sms.save()
		""",
		url=f"{receiver.url}/sms",
	)
	yield receiver
	receiver.stop()


@pytest.fixture
def email_account(site) -> None:
	"""Where emails leave from; in these tests they stay in the queue."""
	site(
		"""
		if not frappe.db.exists("Email Account", {"default_outgoing": 1, "enable_outgoing": 1}):
			frappe.flags.in_test = True
			frappe.get_doc({"doctype": "Email Account", "email_account_name": f"{mark} Outgoing",
				"email_id": "flows@example.com", "smtp_server": "127.0.0.1", "smtp_port": 25,
				"no_smtp_authentication": 1, "enable_outgoing": 1, "default_outgoing": 1}).insert()
		""",
		mark=MARK,
	)


@pytest.fixture
def flow(callers):
	"""A maker of published flows: `flow({"steps": […]}, trigger={…})` → the template's id."""

	def make(*steps: dict[str, Any], trigger: dict[str, Any] | None = None, **fields: Any) -> str:
		definition = {
			"version": 1,
			"trigger": trigger or {"event": "manual", "condition": ""},
			"variables": {},
			"steps": list(steps),
		}
		values = {
			"template_name": unique("flow"),
			"category": "other",
			"flow_definition": definition,
			"is_active": 1,
			**fields,
		}
		status, body = callers["manager"].post("templates.create", **values)
		assert status == 200, body
		made = body["message"]["template"]["name"]
		mine.append(made)
		return made

	mine: list[str] = []
	yield make
	for name in mine:
		callers["manager"].post("templates.update", name=name, is_active=0)


@pytest.fixture
def start(callers):
	"""Start a flow over HTTP; the run's name."""

	def begin(template: str, by: str = "manager", **arguments: Any) -> str:
		status, body = callers[by].post("runs.start", template=template, **arguments)
		assert status == 200, body
		return body["message"]["run"]

	return begin


@pytest.fixture
def settled(callers):
	"""Wait until a run looks as it should; the run as the manager sees it, its steps by id."""

	def wait(run: str, status: str | None = None, **steps: str) -> dict[str, Any]:
		def look() -> dict[str, Any] | None:
			code, body = callers["manager"].get("runs.get", run=run)
			assert code == 200, body
			view = body["message"]["run"]
			seen.update(status=view["status"], **{s["id"]: s["status"] for s in view["steps"]})
			seen["errors"] = [step["error"] for step in view["steps"] if step["error"]]
			view["by_id"] = {step["id"]: step for step in view["steps"]}
			fits = status in (None, view["status"])
			return view if fits and all(seen.get(k) == v for k, v in steps.items()) else None

		seen: dict[str, Any] = {}
		try:
			return eventually(look, f"{run} becoming {status or ''} {steps}")
		except AssertionError as error:
			raise AssertionError(f"{error}; its state: {seen}") from None

	return wait


@pytest.fixture(scope="session")
def customer(site) -> str:
	"""A customer with a telephone and an email address."""
	return site(
		"""
		doc = frappe.get_doc({"doctype": "Customer", "customer_name": name, "customer_type": "Individual",
			"customer_group": frappe.db.get_value("Customer Group", {"is_group": 0}),
			"territory": frappe.db.get_value("Territory", {"is_group": 0})}).insert()
		contact = frappe.get_doc({"doctype": "Contact", "first_name": name,
			"email_ids": [{"email_id": "marie@example.com", "is_primary": 1}],
			"phone_nos": [{"phone": "+15145550100", "is_primary_mobile_no": 1}],
			"links": [{"link_doctype": "Customer", "link_name": doc.name}]}).insert()
		doc.reload()
		doc.customer_primary_contact = contact.name
		doc.save()
		frappe.db.set_value("Customer", doc.name,
			{"mobile_no": "+15145550100", "email_id": "marie@example.com"})
		answer = doc.name
		""",
		name=f"{MARK} Marie Tremblay",
	)


def unique(word: str) -> str:
	return f"{MARK} {word} {uuid.uuid4().hex[:8]}"


SEED = """
from flow_engine.frappe_host.host import get_host
from flow_engine.service.templates import seed
answer = seed(get_host().templates)
"""

BEFORE = """
answer = {
	"templates": dict(
		frappe.get_all("Flow Template", fields=["name", "is_active"], as_list=True)
	),
	"sms": frappe.db.sql("select field, value from tabSingles where doctype='SMS Settings'"),
	"hosts": frappe.db.get_single_value("Flow Engine Settings", "allowed_private_hosts"),
	"disabled": frappe.db.get_single_value("Flow Engine Settings", "disabled"),
}
"""

# A flow that somebody left switched on would answer to what these tests do.
SWITCH_OFF = """
from flow_engine.frappe_host.trigger_cache import forget_triggers
frappe.db.set_value("Flow Template", {"is_active": 1}, "is_active", 0, update_modified=False)
forget_triggers()
"""

AFTER = """
from flow_engine.frappe_host.trigger_cache import forget_triggers
for name, active in before["templates"].items():
	if not frappe.db.exists("Flow Template", name):
		continue
	doc = frappe.get_doc("Flow Template", name)
	# What these tests published runs as a user who is about to go.
	active = active and not (doc.published_by or "").endswith(domain)
	if bool(active) != bool(doc.is_active):
		doc.db_set("is_active", int(bool(active)), update_modified=False)
forget_triggers()
for field, value in before["sms"]:
	frappe.db.set_single_value("SMS Settings", field, value, update_modified=False)
settings = frappe.get_doc("Flow Engine Settings")
settings.update({"allowed_private_hosts": before["hosts"], "disabled": before["disabled"]})
settings.save()
frappe.clear_cache()
"""

# By marks and owners, from what depends to what is depended on.
REMOVE = """
like = f"{mark} %"
templates = frappe.get_all("Flow Template", {"template_name": ("like", like)}, pluck="name")
people = frappe.get_all("User", {"name": ("like", f"%@{domain}")}, pluck="name")
customers = frappe.get_all("Customer", {"name": ("like", like)}, pluck="name")
runs = set(frappe.get_all("Flow Run", {"flow_template": ("in", templates or [""])}, pluck="name"))
runs |= set(frappe.get_all("Flow Run", {"run_as": ("in", people or [""])}, pluck="name"))
runs |= set(frappe.get_all("Flow Run", {"customer": ("in", customers or [""])}, pluck="name"))
issues = frappe.get_all("Issue", {"subject": ("like", f"%{mark} %")}, pluck="name")
runs |= set(frappe.get_all("Flow Run", {"context_docname": ("in", issues or [""])}, pluck="name"))
runs = list(runs)
jobs = frappe.get_all("Dispatch Job", or_filters=[["flow_run", "in", runs or [""]],
	["subject", "like", f"%{mark} %"],
	["customer", "in", customers or [""]]], pluck="name")
issues += frappe.get_all("Issue", {"customer": ("in", customers or [""])}, pluck="name")
todos = frappe.get_all("ToDo",
	{"reference_type": "Flow Run", "reference_name": ("in", runs or [""])}, pluck="name")

def gone(doctype, names):
	for name in set(names):
		try:
			doc = frappe.get_doc(doctype, name)
			if doc.docstatus == 1:
				doc.flags.ignore_permissions = doc.flags.ignore_links = True
				doc.cancel()
			frappe.delete_doc(doctype, name, force=True, ignore_permissions=True, delete_permanently=True)
			frappe.db.commit()
		except frappe.DoesNotExistError:
			frappe.db.rollback()

# A flow that is gone starts nothing while the rest goes.
for name in templates:
	frappe.db.set_value("Flow Template", name, {"is_active": 0, "is_system": 0})
for table in ("Flow Step Pending", "Flow Step Log"):
	frappe.db.delete(table, {"flow_run": ("in", runs or [""])})
frappe.db.delete("Flow Run Document", {"parent": ("in", runs or [""])})
frappe.db.delete("Flow Run", {"name": ("in", runs or [""])})
frappe.db.delete("Flow Template Version", {"flow_template": ("in", templates or [""])})
frappe.db.commit()
gone("ToDo", todos)
gone("Dispatch Job", jobs)
gone("Flow Template", templates)
for doctype, field in (("Contract", "party_name"), ("Subscription", "party")):
	gone(doctype, frappe.get_all(doctype, {field: ("in", customers or [""])}, pluck="name"))
gone("Issue", issues)
gone("Contact", frappe.get_all("Contact", {"first_name": ("like", like)}, pluck="name"))
gone("Customer", customers)
gone("Subscription Plan", frappe.get_all("Subscription Plan", {"name": ("like", like)}, pluck="name"))
gone("Item", frappe.get_all("Item", {"name": ("like", like)}, pluck="name"))
gone("Email Account", frappe.get_all("Email Account", {"name": ("like", like)}, pluck="name"))
mails = frappe.get_all("Email Queue", or_filters=[["reference_name", "in", runs or [""]],
	["reference_name", "like", like], ["message", "like", f"%Subject: {mark} %"]], pluck="name")
frappe.db.delete("Email Queue Recipient", {"parent": ("in", mails or [""])})
frappe.db.delete("Email Queue", {"name": ("in", mails or [""])})
frappe.db.delete("Notification Log", {"document_name": ("in", [*mails, *runs, *templates, ""])})
frappe.db.delete("Notification Log", {"for_user": ("in", people or [""])})
gone("Contact", frappe.get_all("Contact", {"user": ("in", people or [""])}, pluck="name"))
frappe.db.delete("Flow Bulk Operation", {"asked_by": ("in", people or [""])})
# The trail of flows that are no more, their removal included.
frappe.db.delete("Flow Audit Event", {"flow_template": ("in", templates or [""])})
for person in people:
	frappe.db.delete("Notification Settings", {"name": person})
gone("User", people)
frappe.db.commit()
frappe.clear_cache()
answer = len(runs)
"""
