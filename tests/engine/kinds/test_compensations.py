"""How the kinds undo what their steps did, and what they leave alone."""

import pytest

from flow_engine.engine.kinds import PROJECT_KINDS
from flow_engine.engine.kinds.base import Effect
from flow_engine.engine.outcomes import Retry

UPDATE = {"doctype": "Project", "docname_ref": "P-1", "fields_json": {"status": "Done", "percent": 100}}


def test_every_kind_that_changes_something_undoes_it_or_says_why_not():
	for kind in PROJECT_KINDS.values():
		assert kind.compensate or kind.compensation or kind.effect is Effect.NONE, kind.name


# --- erp_update ---------------------------------------------------------------------------------------------


def test_updated_fields_get_back_what_they_held(world):
	world.documents.keep("Project", "P-1", status="Open", percent=40, notes="own")
	done = world.do("erp_update", UPDATE)
	assert "Open" not in str(done.result), "what was before is for nobody's eyes"
	undone = world.undo("erp_update", done)
	assert undone.result["undone"] == "all"
	assert undone.touched == (("Project", "P-1", "updated"),)
	assert world.documents.get("Project", "P-1") == {
		"doctype": "Project",
		"name": "P-1",
		"status": "Open",
		"percent": 40,
		"notes": "own",
	}


def test_a_field_that_somebody_has_changed_since_is_left_to_them(world):
	world.documents.keep("Project", "P-1", status="Open", percent=40)
	done = world.do("erp_update", UPDATE)
	world.documents.update("Project", "P-1", {"percent": 60})
	undone = world.undo("erp_update", done)
	assert (undone.result["undone"], undone.result["restored"], undone.result["left"]) == (
		"some",
		["status"],
		["percent"],
	)
	found = world.documents.get("Project", "P-1")
	assert (found["status"], found["percent"]) == ("Open", 60)


def test_when_every_field_was_changed_since_the_document_is_not_touched(world):
	world.documents.keep("Project", "P-1", status="Open", percent=40)
	done = world.do("erp_update", UPDATE)
	world.documents.update("Project", "P-1", {"percent": 60, "status": "Cancelled"})
	undone = world.undo("erp_update", done)
	assert undone.result["undone"] == "nothing"
	assert undone.touched == ()


def test_a_field_without_a_value_before_is_empty_again(world):
	world.documents.keep("Project", "P-1")
	done = world.do("erp_update", UPDATE)
	world.undo("erp_update", done)
	assert world.documents.get("Project", "P-1")["status"] is None


def test_texts_as_long_as_books_and_tables_are_not_kept_and_it_is_said(world):
	world.documents.keep("Project", "P-1", status="Open", notes="x" * 6_000, rows=[{"idx": 1}])
	fields = {"status": "Done", "notes": "short", "rows": []}
	done = world.do("erp_update", {**UPDATE, "fields_json": fields})
	assert list(done.kept["before"]) == ["status"]
	undone = world.undo("erp_update", done)
	assert (undone.result["undone"], undone.result["left"]) == ("some", ["notes", "rows"])
	assert world.documents.get("Project", "P-1")["status"] == "Open"


def test_an_update_whose_values_are_no_longer_kept_is_left_as_it_is(world):
	world.documents.keep("Project", "P-1", status="Open")
	done = world.do("erp_update", UPDATE)
	for lost in (type(done)(done.result), type(done)({})):
		assert world.undo("erp_update", lost).result["undone"] == "nothing"
	assert world.documents.get("Project", "P-1")["status"] == "Done"


# --- dispatch_job and issue ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["Open", "Scheduled", "In Progress"])
def test_an_open_job_is_cancelled(world, status):
	done = world.do("dispatch_job", {"subject": "One"})
	world.documents.update("Dispatch Job", done.result["name"], {"status": status})
	assert world.undo("dispatch_job", done).result["undone"] == "all"
	assert world.documents.get("Dispatch Job", done.result["name"])["status"] == "Cancelled"


@pytest.mark.parametrize(
	("kind", "doctype", "payload", "status"),
	[
		("dispatch_job", "Dispatch Job", {"subject": "One"}, "Completed"),
		("dispatch_job", "Dispatch Job", {"subject": "One"}, "Cancelled"),
		("issue", "Issue", {"subject": "One"}, "Resolved"),
		("issue", "Issue", {"subject": "One"}, "Closed"),
	],
)
def test_what_somebody_has_seen_to_is_left_alone(world, kind, doctype, payload, status):
	done = world.do(kind, payload)
	world.documents.update(doctype, done.result["name"], {"status": status})
	undone = world.undo(kind, done)
	assert (undone.result["undone"], undone.touched) == ("nothing", ())
	assert status in undone.result["why"]
	assert world.documents.get(doctype, done.result["name"])["status"] == status


def test_of_a_job_that_was_joined_only_the_own_request_is_taken_back(world):
	first = world.do("dispatch_job", {"subject": "One", "merge_key": "k"})
	job = first.result["name"]
	world.documents.kept["Dispatch Job", job]["status"] = "Open"
	world.run["name"] = "FR-00009"
	world.do("dispatch_job", {"subject": "Other", "merge_key": "k"})
	world.run["name"] = "FR-00001"
	second = world.do("dispatch_job", {"subject": "Two", "merge_key": "k"}, step_id="s2")
	assert second.result["merged"] is True
	assert world.undo("dispatch_job", second, "s2").result["undone"] == "all"
	found = world.documents.get("Dispatch Job", job)
	assert [row["subject"] for row in found["merged_requests"]] == ["Other"]
	assert found["status"] == "Open"
	assert world.undo("dispatch_job", second, "s2").result["undone"] == "nothing"


def test_a_job_that_others_have_joined_stays_open_for_them(world):
	first = world.do("dispatch_job", {"subject": "One", "merge_key": "k"})
	world.run["name"] = "FR-00009"
	world.do("dispatch_job", {"subject": "Other", "merge_key": "k"})
	undone = world.undo("dispatch_job", first)
	assert undone.result["undone"] == "nothing"
	assert world.documents.get("Dispatch Job", first.result["name"])["status"] == "Open"


def test_an_issue_is_closed(world):
	done = world.do("issue", {"subject": "One"})
	world.documents.update("Issue", done.result["name"], {"status": "Open"})
	assert world.undo("issue", done).result["undone"] == "all"
	assert world.documents.get("Issue", done.result["name"])["status"] == "Closed"


@pytest.mark.parametrize(
	("kind", "payload"),
	[("dispatch_job", {"subject": "One"}), ("issue", {"subject": "One"}), ("erp_update", UPDATE)],
)
def test_a_document_that_is_gone_is_nothing_to_undo(world, kind, payload):
	world.documents.keep("Project", "P-1", status="Open")
	done = world.do(kind, payload)
	world.documents.kept.clear()
	assert world.undo(kind, done).result["undone"] == "nothing"


@pytest.mark.parametrize(("kind", "doctype"), [("dispatch_job", "Dispatch Job"), ("issue", "Issue")])
def test_what_changes_while_it_is_undone_is_looked_at_again(world, kind, doctype):
	done = world.do(kind, {"subject": "One"})
	exchange = world.documents.exchange

	def meanwhile(doctype, name, values, expected=None):
		world.documents.kept[doctype, name]["status"] = "On Hold"
		return exchange(doctype, name, values, expected)

	world.documents.exchange = meanwhile
	assert isinstance(world.undo(kind, done), Retry)
	assert world.documents.get(doctype, done.result["name"])["status"] == "On Hold"
