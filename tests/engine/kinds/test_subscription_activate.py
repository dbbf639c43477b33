from zoneinfo import ZoneInfo

import pytest

from flow_engine.engine.errors import CannotActivate, DocumentNotFound


def keep(world, name, status, customer="CUST-1", **values):
	world.documents.keep("Subscription", name, status=status, party_type="Customer", party=customer, **values)


@pytest.fixture
def site(world):
	"""Subscriptions that answer to ERPNext's methods."""
	world.documents.on_call = {
		"restart_subscription": lambda doc: doc.update(status="Active"),
		"end_trial": lambda doc: doc.update(status="Active"),
	}
	return world


def test_an_active_subscription_is_left_alone(site):
	keep(site, "SUB-1", "Active")
	outcome = site.do("subscription_activate", {"subscription_ref": "SUB-1"})
	assert outcome.result == {"doctype": "Subscription", "name": "SUB-1", "status": "Active", "was": "Active"}
	assert outcome.touched == ()
	assert site.documents.calls == []


def test_a_cancelled_subscription_is_restarted(site):
	keep(site, "SUB-1", "Cancelled")
	outcome = site.do("subscription_activate", {"subscription_ref": "SUB-1"})
	assert outcome.result["status"] == "Active"
	assert outcome.touched == (("Subscription", "SUB-1", "updated"),)
	assert site.documents.calls == [("Subscription", "SUB-1", "restart_subscription")]


def test_a_trial_is_ended_by_the_document_itself(site):
	keep(site, "SUB-1", "Trialling", trial_period_start="2026-03-01", trial_period_end="2026-04-01")
	site.do("subscription_activate", {"subscription_ref": "SUB-1"}, time_zone=ZoneInfo("Pacific/Auckland"))
	assert site.documents.get("Subscription", "SUB-1")["status"] == "Active"
	assert site.documents.calls == [("Subscription", "SUB-1", "end_trial")]


def test_a_trial_that_has_not_begun_cannot_be_ended(site):
	keep(site, "SUB-1", "Trialling", trial_period_start="2026-03-19", trial_period_end="2026-04-01")
	with pytest.raises(CannotActivate):
		site.do("subscription_activate", {"subscription_ref": "SUB-1"})
	assert site.documents.get("Subscription", "SUB-1")["trial_period_end"] == "2026-04-01"


@pytest.mark.parametrize("status", ["Past Due Date", "Grace Period", "Unpaid", "Completed", "", None])
def test_what_a_person_has_to_look_at_cannot_be_activated(site, status):
	keep(site, "SUB-1", status)
	with pytest.raises(CannotActivate):
		site.do("subscription_activate", {"subscription_ref": "SUB-1"})
	assert site.documents.calls == []


CHOICES = [
	([("A", "Active"), ("B", "Trialling"), ("C", "Trialling"), ("D", "Active")], "C"),
	([("A", "Active"), ("B", "Active"), ("C", "Cancelled")], "B"),
	([("A", "Completed"), ("B", "Active")], "B"),
]


@pytest.mark.parametrize(("kept", "chosen"), CHOICES)
def test_without_a_name_the_customers_newest_that_waits_is_taken(site, kept, chosen):
	for name, status in kept:
		keep(site, name, status)
	keep(site, "Z", "Trialling", customer="CUST-2")
	assert site.do("subscription_activate", {"subscription_ref": ""}).result["name"] == chosen


def test_without_a_name_the_flows_own_subscription_is_taken(site):
	keep(site, "SUB-1", "Active", customer="CUST-2")
	keep(site, "SUB-2", "Trialling")
	site.run.update(context_doctype="Subscription", context_docname="SUB-1")
	assert site.do("subscription_activate", {}).result["name"] == "SUB-1"


@pytest.mark.parametrize("kept", [[], ["Cancelled"], ["Completed"]])
def test_one_that_was_given_up_is_not_taken_up_again_by_itself(site, kept):
	for status in kept:
		keep(site, status, status)
	with pytest.raises(DocumentNotFound):
		site.do("subscription_activate", {})


def test_neither_subscription_nor_customer_is_not_found(site):
	site.run["customer"] = None
	site.values["customer"] = None
	with pytest.raises(DocumentNotFound):
		site.do("subscription_activate", {})
