"""What every host keeps about versions: when something is published, what rolls back, what retiring stops.

Mixed into a host's TestCase, which brings the methods of `ContractBase` that raise NotImplementedError.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from flow_engine.engine.errors import (
	DraftUnpublished,
	SaveConflict,
	TemplateInactive,
	TemplateNotFound,
	TemplateNotPublished,
	TemplateRetired,
)
from flow_engine.service import doors, versions
from flow_engine.service.definitions import definition_text
from flow_engine.testing.builders import flow, step
from flow_engine.testing.contract.base import ContractBase


class VersionsActs(ContractBase):
	"""What tests of versions do and look at."""

	def remember(self, template: str) -> None:
		"""A flow that the test made; for a host that has to clean up."""

	def _new_flow(self, *labels: str, **values: Any) -> str:
		text = definition_text(flow(*(step(f"s{place}", label=it) for place, it in enumerate(labels, 1))))
		made = self._do(
			"insert", {"template_name": self.named("Versions"), "flow_definition": text, **values}
		)
		self.remember(made["name"])
		return made["name"]

	def _do(self, act: str, *arguments: Any, **named: Any) -> Any:
		"""One act of the template store, committed."""
		return self.host.runs.transact(lambda: getattr(self.host.templates, act)(*arguments, **named))

	def _template(self, name: str) -> dict[str, Any]:
		return self._do("get", name)

	def _draft(self, name: str, *labels: str) -> None:
		text = definition_text(flow(*(step(f"s{place}", label=it) for place, it in enumerate(labels, 1))))
		self._do("update", name, {"flow_definition": text})

	def _labels(self, text: str) -> list[str]:
		return [one["label"] for one in json.loads(text)["steps"]]

	def _history(self, name: str) -> list[tuple[Any, ...]]:
		listed = self.host.runs.transact(lambda: versions.history(self.host, self.host.templates, name))
		return [(row["note"], row["status"], row["restored_from"]) for row in listed["versions"]]

	def _told(self, name: str) -> list[tuple[Any, ...]]:
		rows = self.rows("Flow Audit Event", flow_template=name)
		rows = [row for row in rows if row["event_type"].startswith("template.")]
		return [(row["event_type"], row["reason"], row["from_status"], row["to_status"]) for row in rows]


class VersionsContract(VersionsActs):
	# --- switching on and off -------------------------------------------------------------------------------

	def test_switching_on_publishes_what_was_never_published(self):
		name = self._new_flow("First")
		on = self._do("update", name, {"is_active": 1})
		self.assertEqual(
			(on["is_active"], bool(on["published_version"]), on["draft_state"]), (1, True, "published")
		)

	def test_switching_off_and_on_again_leaves_the_version_as_it_is(self):
		name = self._new_flow("First")
		before = self._do("update", name, {"is_active": 1})
		self._do("update", name, {"is_active": 0})
		self._draft(name, "Second")
		after = self._do("update", name, {"is_active": 1})
		for field in ("published_version", "published_by", "published_on"):
			self.assertEqual(str(after[field]), str(before[field]), field)
		self.assertEqual((after["is_active"], after["draft_state"]), (1, "changed"))
		self.assertEqual(len(self._history(name)), 1)

	def test_switching_on_publishes_the_draft_when_it_is_asked_to(self):
		name = self._new_flow("First", is_active=1)
		self._do("update", name, {"is_active": 0})
		self._draft(name, "Second")
		on = self._do("update", name, {"is_active": 1}, publish=True)
		version = self._do("version", name, on["published_version"])
		self.assertEqual((self._labels(version["definition"]), on["draft_state"]), (["Second"], "published"))
		self.assertEqual(len(self._history(name)), 2)

	# --- history and rolling back ---------------------------------------------------------------------------

	def _two_versions(self) -> tuple[str, int]:
		"""A flow with two published versions, and the number of the first."""
		name = self._new_flow("First")
		first = self._do("publish", name, "one")["published_version"]
		self._draft(name, "Second")
		self._do("publish", name, "two")
		return name, first

	def test_the_history_tells_its_times_in_one_zone_for_all(self):
		name = self._new_flow("one")
		self._do("publish", name)
		listed = self.host.runs.transact(lambda: versions.history(self.host, self.host.templates, name))
		published_on = datetime.fromisoformat(listed["versions"][0]["published_on"])
		self.assertEqual(published_on.utcoffset(), timedelta(0))
		self.assertLess(abs(published_on - self.host.clock.now()), timedelta(hours=1))

	def test_the_history_says_what_is_published_and_what_was(self):
		name, first = self._two_versions()
		self.assertEqual(self._history(name), [("two", "published", None), ("one", "superseded", None)])
		self.assertEqual(self._do("version", name, first)["note"], "one")

	def test_an_old_version_is_published_again_as_a_new_one(self):
		name, first = self._two_versions()
		back = self._do("roll_back", name, first, "two was wrong")
		self.assertGreater(back["published_version"], first + 1)
		self.assertEqual(
			(self._labels(back["flow_definition"]), back["draft_state"]), (["First"], "published")
		)
		again = self._do("version", name, back["published_version"])
		self.assertEqual(self._labels(again["definition"]), ["First"])
		self.assertEqual(
			self._history(name),
			[
				("two was wrong", "published", first),
				("two", "superseded", None),
				("one", "superseded", None),
			],
		)
		self.assertEqual(self._told(name)[-1][:2], ("template.published", "two was wrong"))

	def test_a_draft_that_nobody_published_is_not_lost_by_rolling_back(self):
		name, first = self._two_versions()
		self._draft(name, "Third")
		before = self._template(name)
		with self.assertRaises(DraftUnpublished):
			self._do("roll_back", name, first)
		self.assertEqual(self._template(name)["published_version"], before["published_version"])
		kept = self._do("roll_back", name, first, draft="keep")
		self.assertEqual((self._labels(kept["flow_definition"]), kept["draft_state"]), (["Third"], "changed"))
		self.assertEqual(
			self._labels(self._do("version", name, kept["published_version"])["definition"]), ["First"]
		)
		replaced = self._do("roll_back", name, first, draft="replace")
		self.assertEqual(
			(self._labels(replaced["flow_definition"]), replaced["draft_state"]), (["First"], "published")
		)

	def test_rolling_back_what_somebody_saved_meanwhile_is_a_conflict(self):
		name, first = self._two_versions()
		seen = self._template(name)["modified"]
		self.pass_time(1)
		self._draft(name, "Third")
		with self.assertRaises(SaveConflict):
			self._do("roll_back", name, first, draft="keep", modified=str(seen))
		with self.assertRaises(TemplateNotFound):
			self._do("roll_back", name, 999)

	def test_a_copy_is_made_of_any_version(self):
		name, first = self._two_versions()
		made = self.host.runs.transact(
			lambda: doors.duplicate_template(self.host.templates, name, self.named("Copy"), first)
		)["template"]
		self.remember(made["name"])
		self.assertEqual(made["flow_definition"]["steps"][0]["label"], "First")
		self.assertFalse(made["published_version"])

	# --- retiring -------------------------------------------------------------------------------------------

	def test_a_retired_flow_starts_no_runs_by_any_door_and_its_runs_finish(self):
		name = self._new_flow("First", is_active=1)
		text = definition_text(flow(step("w", when="manual")))
		self._do("update", name, {"flow_definition": text})
		self._do("publish", name)
		host, store = self.host, self.host.templates
		run = doors.start(host, store, name)["run"]
		self.drain(run)
		ended = doors.start(host, store, name)["run"]
		self.drain(ended)
		doors.cancel(host, ended)
		self._do("retire", name, "the product is gone")
		for door in (
			lambda: doors.start(host, store, name),
			lambda: doors.replay(host, store, ended),
			lambda: doors.replay(host, store, ended, version="latest"),
			lambda: self._do("update", name, {"is_active": 1}),
			lambda: self._do("publish", name),
			lambda: self._do("roll_back", name, self._template(name)["published_version"]),
		):
			with self.assertRaises(TemplateRetired):
				door()
		self.assertNotIn(name, [one.template for one in store.active_triggers()])
		doors.complete(host, run, "w")
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(self._history(name)[0][1], "retired")
		self.assertEqual(
			self._told(name)[-1], ("template.retired", "the product is gone", "active", "retired")
		)

	def test_a_retired_flow_comes_back_switched_off_and_with_its_version(self):
		name = self._new_flow("First", is_active=1)
		version = self._template(name)["published_version"]
		self._do("retire", name, "")
		self.assertEqual(self._do("retire", name, "again")["is_retired"], 1)
		back = self._do("bring_back", name, "after all")
		self.assertEqual((back["is_retired"], back["is_active"], back["published_version"]), (0, 0, version))
		with self.assertRaises(TemplateInactive):
			doors.start(self.host, self.host.templates, name)
		self.assertEqual(self._told(name)[-1], ("template.brought_back", "after all", "retired", "paused"))
		self._do("update", name, {"is_active": 1})
		self.assertEqual(self._template(name)["published_version"], version)

	def test_what_was_never_published_is_not_retired(self):
		with self.assertRaises(TemplateNotPublished):
			self._do("retire", self._new_flow("First"))

	# --- runs by version ------------------------------------------------------------------------------------

	def test_runs_are_counted_and_listed_by_version(self):
		name, first = self._two_versions()
		self._do("update", name, {"is_active": 1})
		host, store = self.host, self.host.templates
		second = doors.start(host, store, name)["run"]
		self._do("roll_back", name, first)
		third = doors.start(host, store, name)["run"]
		self.drain(third)
		listed = host.runs.transact(lambda: versions.history(host, store, name))["versions"]
		counts = [{status: n for status, n in row["runs"].items() if n} for row in listed]
		self.assertEqual(counts, [{"completed": 1}, {"running": 1}, {}])
		found = host.runs.transact(
			lambda: doors.list_runs(host, template=name, version=listed[1]["version"])
		)["runs"]
		self.assertEqual([run["name"] for run in found], [second])
