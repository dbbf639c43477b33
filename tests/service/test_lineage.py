"""The loop guard: which chains of flows are cut, and what is said and kept about it."""

import json
from dataclasses import replace

import pytest

from flow_engine.engine.ports import NewRun
from flow_engine.service.events import Occurrence, start_matching
from flow_engine.service.lineage import ARROW, MAX_DEPTH, Cause
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.templates import store_definition

NOTHING = {"version": 1, "trigger": {"event": "on_issue_opened"}, "variables": {}, "steps": []}
OPENED = Occurrence("on_issue_opened", "Issue", "I-1", doc={"name": "I-1"})


class Chain:
	"""Flows by letter, and a chain of runs of them."""

	def __init__(self):
		self.host = open_host()
		self.flows = {}
		self.cause = None
		self.serial = 0

	def flow(self, letter):
		if letter not in self.flows:
			self.flows[letter] = store_definition(self.host.templates, NOTHING, letter)
		return self.flows[letter]

	def grow(self, letters):
		"""Runs that have started one another, written past the guard."""
		for letter in letters:
			self.add(letter)
		return self

	def add(self, letter, key=None, parent=None):
		trigger, cause = self.flow(letter), self.cause
		new = NewRun(
			trigger.template,
			1,
			"on_issue_opened",
			trigger_key=key,
			parent_run=parent or (cause and cause.run),
			root_run=cause and cause.root_run,
			depth=cause.depth + (not key) if cause else 0,
		)
		run = self.host.runs.transact(lambda: self.host.runs.insert(new))
		self.cause = Cause(run, cause.root_run if cause else run, new.depth)

	def replay(self):
		"""The last run repeated, as deep as it was."""
		self.serial += 1
		letter = next(
			name
			for name, trigger in self.flows.items()
			if trigger.template == self.host.runs.read(self.cause.run).flow_template
		)
		self.add(letter, key=f"replay:{self.cause.run}:{self.serial}")

	def start(self, letter, limit=3):
		trigger = replace(self.flow(letter), recursion_limit=limit)
		occurrence = replace(OPENED, cause=self.cause)
		return self.host.runs.transact(lambda: start_matching(self.host, [trigger], occurrence))[0]

	def cuts(self):
		return self.host.database.rows("SELECT * FROM `tabFlow Audit Event` WHERE event_type = 'run.cut'")


@pytest.mark.parametrize(
	("chain", "next_flow", "limit", "starts"),
	[
		("A", "A", 3, True),
		("AA", "A", 3, True),
		("AAA", "A", 3, False),
		("A", "A", 1, False),
		("AB", "A", 1, False),
		("AB", "C", 1, True),
		("ABAB", "A", 3, True),
		("ABABA", "B", 3, True),
		("ABABAB", "A", 3, False),
		("ABCDEFGH", "I", 1, True),
		("AAAA", "B", 3, True),
		("AAA", "A", 0, False),
	],
)
def test_a_chain_is_cut_where_a_flow_recurs_too_often(chain, next_flow, limit, starts):
	made = Chain().grow(chain)
	answer = made.start(next_flow, limit)
	assert (answer.run is not None) is starts
	assert len(made.cuts()) == (not starts)


def test_a_cut_shows_the_path_and_is_kept():
	made = Chain().grow("ABAB")
	answer = made.start("A", 2)
	path = ARROW.join("ABABA")
	assert answer.reason.startswith("recursion_cut: ")
	assert answer.reason.endswith(path)
	(cut,) = made.cuts()
	assert (cut["flow_run"], cut["flow_template"], cut["user"]) == (
		made.cause.run,
		made.flow("A").template,
		None,
	)
	assert json.loads(cut["details"]) == {
		"code": "recursion_cut",
		"root_run": made.cause.root_run,
		"path": path,
	}


def test_a_chain_that_is_too_long_is_cut_whatever_is_in_it():
	letters = "ABCDEFGHIJKLMNOPQRSTU"
	made = Chain().grow(letters)
	assert made.cause.depth == MAX_DEPTH
	answer = made.start("Z")
	assert answer.reason.startswith("too_deep: ")
	assert answer.reason.endswith(ARROW.join(letters + "Z"))
	assert json.loads(made.cuts()[0]["details"])["code"] == "too_deep"


def test_repairing_a_run_by_replaying_it_is_no_recurrence():
	made = Chain().grow("AA")
	for _ in range(5):
		made.replay()
	answer = made.start("A")
	assert answer.run is not None
	made.grow("A")
	made.replay()
	assert made.start("A").reason.endswith(ARROW.join("AAAA"))


def test_a_flow_that_is_gone_is_named_by_its_id():
	made = Chain().grow("AB")
	gone = made.flow("B").template
	made.host.templates.delete(gone)
	assert made.start("A", 1).reason.endswith(ARROW.join(["A", gone, "A"]))


def test_a_condition_that_does_not_hold_cuts_nothing():
	made = Chain().grow("AAA")
	trigger = replace(made.flow("A"), condition={"field": "doc.name", "op": "==", "value": "another"})
	occurrence = replace(OPENED, cause=made.cause)
	(answer,) = made.host.runs.transact(lambda: start_matching(made.host, [trigger], occurrence))
	assert (answer.reason, made.cuts()) == ("condition", [])
