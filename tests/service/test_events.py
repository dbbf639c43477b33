"""Which triggers listen to what happened, and what becomes of one flow's trouble."""

import json
from dataclasses import replace

import pytest

from flow_engine.engine.errors import TransientDatabaseError
from flow_engine.service import events
from flow_engine.service.events import Occurrence, Trigger, matches, start_matching
from flow_engine.service.lineage import MAX_DEPTH, Cause
from flow_engine.sqlite_host.host import open_host

CHANGE = Occurrence(
	"doc_event",
	doctype="Quotation",
	docname="Q-1",
	doc_event="field_change",
	field="status",
	changed={"field": "status", "from": "Open", "to": "Ordered"},
)
WATCHES = Trigger("FT-1", 1, "doc_event", doctype="Quotation", doc_event="field_change", field="status")


@pytest.mark.parametrize(
	("trigger", "occurrence", "listens"),
	[
		(WATCHES, CHANGE, True),
		(replace(WATCHES, doctype="Issue"), CHANGE, False),
		(replace(WATCHES, doc_event="on_update"), CHANGE, False),
		(replace(WATCHES, field="valid_till"), CHANGE, False),
		(replace(WATCHES, from_="Open"), CHANGE, True),
		(replace(WATCHES, from_="Open", to="Ordered"), CHANGE, True),
		(replace(WATCHES, to="Lost"), CHANGE, False),
		(replace(WATCHES, from_=""), CHANGE, False),
		(replace(WATCHES, from_=""), replace(CHANGE, changed={"from": None, "to": "Open"}), True),
		(replace(WATCHES, to=""), replace(CHANGE, changed={"from": "Open", "to": ""}), True),
		# Values mean the same as in conditions.
		(replace(WATCHES, to="5"), replace(CHANGE, changed={"from": 4.0, "to": 5.0}), True),
		(replace(WATCHES, to=True), replace(CHANGE, changed={"from": 0, "to": 1}), True),
		(replace(WATCHES, to="0"), replace(CHANGE, changed={"from": 1, "to": 0}), True),
		(replace(WATCHES, to=""), replace(CHANGE, changed={"from": 1, "to": 0}), False),
		(WATCHES, replace(CHANGE, importing=True), False),
		(replace(WATCHES, on_import=True), replace(CHANGE, importing=True), True),
		(Trigger("FT-2", 1, "on_issue_opened"), CHANGE, False),
		(Trigger("FT-2", 1, "on_issue_opened"), Occurrence("on_issue_opened", "Issue", "I-1"), True),
	],
)
def test_a_trigger_listens_or_does_not(trigger, occurrence, listens):
	assert matches(trigger, occurrence) is listens


@pytest.fixture
def host():
	return open_host()


def started(host, *triggers, occurrence):
	return host.runs.transact(lambda: start_matching(host, triggers, occurrence))


OPENED = Occurrence("on_issue_opened", "Issue", "I-1", doc={"name": "I-1", "customer": "C-1"})


def test_one_flows_trouble_does_not_keep_the_others_from_starting(host):
	unreadable = Trigger("FT-1", 1, "on_issue_opened", condition={"field": "doc.name", "op": "resembles"})
	good = Trigger("FT-2", 1, "on_issue_opened")
	broken, fine = started(host, unreadable, good, occurrence=OPENED)
	assert (broken.run, broken.reason.split(":")[0]) == (None, "bad_condition")
	assert host.runs.read(fine.run).customer == "C-1"


def test_what_ends_the_transaction_is_raised(host, monkeypatch):
	def deadlock(*given):
		raise TransientDatabaseError

	monkeypatch.setattr(events, "start_run", deadlock)
	with pytest.raises(TransientDatabaseError):
		started(host, Trigger("FT-1", 1, "on_issue_opened"), occurrence=OPENED)


def test_a_run_descends_from_the_run_that_caused_it(host):
	trigger = Trigger("FT-1", 1, "on_issue_opened")
	caused = replace(OPENED, cause=Cause("FR-00007", "FR-00003", 4))
	record = host.runs.read(started(host, trigger, occurrence=caused)[0].run)
	assert (record.parent_run, record.root_run, record.depth) == ("FR-00007", "FR-00003", 5)


@pytest.mark.parametrize(("depth", "starts"), [(MAX_DEPTH - 1, True), (MAX_DEPTH, False)])
def test_a_chain_of_runs_ends(host, depth, starts):
	caused = replace(OPENED, cause=Cause("FR-00007", "FR-00003", depth))
	answer = started(host, Trigger("FT-1", 1, "on_issue_opened"), occurrence=caused)[0]
	assert (answer.run is not None) is starts
	assert starts or answer.reason.startswith("too_deep")


def test_runs_know_what_happened_to_their_document_before(host):
	run = started(host, Trigger("FT-1", 1, "on_issue_opened"), occurrence=OPENED)[0].run
	assert host.runs.was_started("on_issue_opened", "Issue", "I-1")
	assert not host.runs.was_started("on_ticket_resolved", "Issue", "I-1")
	assert not host.runs.was_started("on_issue_opened", "Issue", "I-2")
	before = host.runs.read(run)
	held = host.runs.transact(lambda: host.runs.keep_last_values([run, "FR-99999"], {"name": "I-1"}))
	after = host.runs.read(run)
	assert held == ["FR-99999"]
	assert after.trigger_data == {**before.trigger_data, "doc": {"name": "I-1"}}
	assert after.revision == before.revision + 1


def test_a_trigger_travels_as_data():
	trigger = replace(WATCHES, condition={"all": []}, variables={"a": [1]})
	fields = {name: getattr(trigger, name) for name in Trigger.__dataclass_fields__}
	assert Trigger(**json.loads(json.dumps(fields))) == trigger
