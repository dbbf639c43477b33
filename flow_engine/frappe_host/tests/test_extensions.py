"""What other apps add is there; what is broken in it is reported and skipped."""

from unittest.mock import patch

import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.frappe_host import extensions
from flow_engine.service.events import BUSINESS_EVENTS, Event
from flow_engine.testing.builders import make_kind

HERE = "flow_engine.frappe_host.tests.test_extensions"

ONE_KIND = make_kind("fibre_splice")
SHIPPED_NAME = make_kind("notify")
AN_EVENT = {"name": "on_fibre_cut", "label": "A fibre is cut", "doctype": "Issue", "variables": ["cable"]}
TAKEN_EVENT = {"name": "on_customer_created", "label": "Ours"}
NOT_A_KIND = "a text"


def more_kinds():
	return [make_kind("fibre_test"), make_kind("fibre_splice")]


def mapped_kinds():
	return {"anything": make_kind("fibre_pull")}


def an_event():
	return Event("on_fibre_laid", "A fibre is laid")


def failing():
	raise RuntimeError("another app's bug")


def fibre(run):
	return {"length": 12, "run": run["name"]}


class TestExtensions(FrappeTestCase):
	def test_kinds_of_other_apps_stand_beside_those_that_ship(self):
		found, reports = self._read("kinds", ["ONE_KIND", "mapped_kinds"])
		self.assertLessEqual({"notify", "fibre_splice", "fibre_pull"}, set(found))
		self.assertEqual(reports, 0)

	def test_a_broken_kind_is_reported_and_the_others_are_there(self):
		paths = ["failing", "no_such_thing", "SHIPPED_NAME", "NOT_A_KIND", "ONE_KIND", "more_kinds"]
		found, reports = self._read("kinds", paths)
		self.assertLessEqual({"fibre_splice", "fibre_test"}, set(found))
		self.assertIsNot(found["notify"], SHIPPED_NAME)
		self.assertEqual(reports, 5)  # the last is the second fibre_splice

	def test_events_of_other_apps_stand_beside_those_that_ship(self):
		found, reports = self._read(
			"events", ["AN_EVENT", "an_event", "TAKEN_EVENT", "failing", "NOT_A_KIND"]
		)
		self.assertEqual(found["on_fibre_cut"].variables, ("cable",))
		self.assertEqual(found["on_fibre_laid"].label, "A fibre is laid")
		self.assertIs(found["on_customer_created"], BUSINESS_EVENTS["on_customer_created"])
		self.assertEqual(reports, 3)

	def test_context_is_given_under_the_names_of_its_roots(self):
		declared = {"fibre": [f"{HERE}.fibre"], "doc": [f"{HERE}.fibre"], "lost": [f"{HERE}.no_such_thing"]}
		found, reports = self._read("context_providers", declared)
		self.assertEqual(list(found), ["fibre"])
		self.assertEqual(found["fibre"]({"name": "FR-1"}), {"length": 12, "run": "FR-1"})
		self.assertEqual(reports, 2)

	def test_a_hook_of_the_wrong_shape_is_reported(self):
		self.assertEqual(self._read("context_providers", ["fibre"]), ({}, 1))

	def test_a_broken_hook_is_reported_once(self):
		with (
			patch.dict(extensions._built, clear=True),
			patch.object(frappe, "get_hooks", lambda hook: ["x.y"]),
		):
			with patch.object(frappe, "log_error") as log:
				extensions.kinds()
				extensions.kinds()
		self.assertEqual(log.call_count, 1)

	def _read(self, what, declared):
		if isinstance(declared, list):
			declared = [f"{HERE}.{name}" for name in declared]
		with (
			patch.dict(extensions._built, clear=True),
			patch.object(frappe, "get_hooks", lambda hook: declared),
		):
			with patch.object(frappe, "log_error") as log:
				return getattr(extensions, what)(), log.call_count
