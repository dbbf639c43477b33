import pytest

from flow_engine.engine.errors import Conflict, PermissionDenied
from flow_engine.engine.kinds.dispatch_job import dispatch
from flow_engine.engine.outcomes import Done, Retry

PAYLOAD = {
	"subject": "Installation {{customer.customer_name}}",
	"job_type": "Installation",
	"priority": "high",
	"duration_h": "2.5",
	"assigned_group": "Installers",
}


def only_job(world):
	((_, job),) = [(key, doc) for key, doc in world.documents.kept.items() if key[0] == "Dispatch Job"]
	return job


def test_a_job_is_linked_to_customer_document_and_run(world):
	outcome = world.do("dispatch_job", PAYLOAD)
	job = only_job(world)
	assert outcome == Done(
		{"doctype": "Dispatch Job", "name": job["name"], "merged": False},
		(("Dispatch Job", job["name"], "created"),),
	)
	assert job == {
		"doctype": "Dispatch Job",
		"name": job["name"],
		"subject": "Installation Zoé <b>Roy</b> & fils",
		"job_type": "Installation",
		"priority": "High",
		"duration_h": 2.5,
		"assigned_group": "Installers",
		"status": "Open",
		"customer": "CUST-1",
		"flow_run": "FR-00001",
		"flow_step": "s1",
		"reference_doctype": "Issue",
		"reference_name": "ISS-1",
	}


@pytest.mark.parametrize(
	("given", "label"), [(None, "Medium"), ("low", "Low"), ("medium", "Medium"), ("urgent", "Urgent")]
)
def test_priorities_are_written_as_the_doctype_names_them(world, given, label):
	world.do("dispatch_job", {"subject": "x", "priority": given})
	assert only_job(world)["priority"] == label


ADDRESSES = [
	({"shipping_address_name": "ADR-S", "customer_address": "ADR-C"}, {}, "ADR-S"),
	({"customer_address": "ADR-C"}, {"customer_primary_address": "ADR-P"}, "ADR-C"),
	({}, {"customer_primary_address": "ADR-P"}, "ADR-P"),
	({}, {}, None),
]


@pytest.mark.parametrize(("doc", "customer", "expected"), ADDRESSES)
def test_the_address_is_the_documents_else_the_customers(world, doc, customer, expected):
	world.values["doc"].update(doc)
	world.values["customer"].update(customer)
	world.do("dispatch_job", {"subject": "x"})
	assert only_job(world).get("address") == expected


def test_an_address_that_is_named_wins(world):
	world.values["customer"]["customer_primary_address"] = "ADR-P"
	world.do("dispatch_job", {"subject": "x", "address": "ADR-N"})
	assert only_job(world)["address"] == "ADR-N"


def test_a_run_without_document_and_customer_still_makes_a_job(world):
	world.run.update(context_doctype=None, context_docname=None, customer=None)
	world.values.update(doc=None, customer=None)
	world.do("dispatch_job", {"subject": "Meter reading"})
	assert not {"customer", "reference_doctype", "address"} & only_job(world).keys()


def test_a_customer_nobody_may_read_is_linked_all_the_same(world):
	class Guarded(dict):
		def get(self, key, default=None):
			raise PermissionDenied()

	ctx = world.context("dispatch_job", {"subject": "x"}, values=Guarded())
	dispatch(ctx)
	assert only_job(world)["customer"] == "CUST-1"


@pytest.mark.parametrize("status", ["Open", "Scheduled", "In Progress"])
def test_a_second_request_with_the_same_merge_key_joins_the_open_job(world, status):
	first = world.do("dispatch_job", {"subject": "One", "merge_key": " zone-7 "})
	only_job(world)["status"] = status
	second = world.do("dispatch_job", {"subject": "Two", "merge_key": "zone-7"})
	job = only_job(world)
	assert second.result == {**first.result, "merged": True}
	assert second.touched == (("Dispatch Job", job["name"], "updated"),)
	assert job["merged_requests"] == [
		{
			"flow_run": "FR-00001",
			"flow_step": "s1",
			"subject": "Two",
			"customer": "CUST-1",
			"reference_doctype": "Issue",
			"reference_name": "ISS-1",
			"requested_on": "2026-03-18T13:00:00+00:00",
		}
	]


def test_a_request_that_joins_a_job_brings_its_own_webhooks(world):
	world.do("dispatch_job", {"subject": "One", "merge_key": "k"})
	urls = {"on_open_webhook": "https://a.example", "on_close_webhook": "https://b.example"}
	world.do("dispatch_job", {"subject": "Two", "merge_key": "k", **urls})
	job = only_job(world)
	assert {name: job["merged_requests"][0][name] for name in urls} == urls
	assert not urls.keys() & job.keys()


def test_other_merge_keys_and_no_merge_key_make_jobs_of_their_own(world):
	for key in ("a", "b", "", None, "  "):
		assert world.do("dispatch_job", {"subject": "x", "merge_key": key}).result["merged"] is False
	assert len(world.documents.kept) == 5


def test_a_job_closed_since_lets_the_next_request_make_a_new_one(world):
	world.do("dispatch_job", {"subject": "One", "merge_key": "k"})
	only_job(world).update(status="Completed", open_merge_key=None)
	assert world.do("dispatch_job", {"subject": "Two", "merge_key": "k"}).result["merged"] is False


def test_a_job_made_by_another_at_the_same_moment_is_tried_again(world):
	world.documents.refuse = Conflict("The merge key is taken.")
	outcome = world.do("dispatch_job", {"subject": "x", "merge_key": "k"})
	assert isinstance(outcome, Retry) and outcome.code == "conflict"


def test_a_job_closed_under_our_hands_is_tried_again(world):
	world.do("dispatch_job", {"subject": "One", "merge_key": "k"})
	only_job(world)["status"] = "Cancelled"
	outcome = world.do("dispatch_job", {"subject": "Two", "merge_key": "k"})
	assert isinstance(outcome, Retry) and outcome.code == "conflict"


def test_a_long_subject_fits_its_column(world):
	world.do("dispatch_job", {"subject": "é\n" * 200})
	assert len(only_job(world)["subject"]) == 140
	assert "\n" not in only_job(world)["subject"]
