"""The host contract on a site: the same claims as on SQLite, with MariaDB's transactions and real
documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.frappe_host.host import SiteHost, compose_host
from flow_engine.frappe_host.store import FrappeRuns
from flow_engine.service.definitions import definition_text
from flow_engine.testing.builders import flow
from flow_engine.testing.host_contract import HostContract

RECORDS = ("Flow Run", "Flow Step Log", "Flow Step Pending", "Flow Run Document")


class LaterRuns(FrappeRuns):
	"""The site's run store, its clock moved on: a test cannot wait a year."""

	later = timedelta()

	@property
	def clock(self) -> str:
		return f"(UTC_TIMESTAMP(6) + INTERVAL {self.later // timedelta(microseconds=1)} MICROSECOND)"


class NoHints:
	"""Workers of the bench must not take the tests' runs, whose kinds only this process knows."""

	def hint(self) -> None:
		return None


class OnSite:
	"""Workers stand still meanwhile: the kill switch is on, which drains of this test do not ask."""

	user = "Administrator"

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.switched = frappe.db.get_single_value("Flow Engine Settings", "disabled")
		switch(True)

	@classmethod
	def tearDownClass(cls):
		switch(bool(cls.switched))
		super().tearDownClass()

	def setUp(self):
		self.templates: list[str] = []
		self.before = {
			doctype: set(frappe.get_all(doctype, pluck="name"))
			for doctype in ("Issue", "Customer", "Dispatch Job", "Contact")
		}
		super().setUp()
		self.addCleanup(self.remove_what_was_made)

	def make_host(self, kinds: Mapping[str, Any]) -> SiteHost:
		host = compose_host()
		return replace(host, kinds=kinds, runs=LaterRuns(host.clock.time_zone, patient=True), jobs=NoHints())

	def publish(self, definition: Mapping[str, Any], title: str) -> tuple[str, int]:
		"""Past the validation: the site's registry does not know the kinds of the tests."""
		template = frappe.get_doc(
			{"doctype": "Flow Template", "template_name": title, "flow_definition": definition_text(flow())}
		).insert()
		self.templates.append(template.name)
		frappe.get_doc(
			{
				"doctype": "Flow Template Version",
				"flow_template": template.name,
				"version": 1,
				"definition": definition_text(definition),
				"published_by": self.user,
				"published_on": frappe.utils.now_datetime(),
				"run_as": self.user,
			}
		).insert()
		frappe.db.commit()  # runs are advanced in transactions of their own
		return template.name, 1

	def remember(self, template: str) -> None:
		self.templates.append(template)

	def pass_time(self, seconds: float) -> None:
		runs = self.host.runs
		runs.later = runs.later + timedelta(seconds=seconds)

	def rows(self, doctype: str, **filters: Any) -> list[Mapping[str, Any]]:
		frappe.db.rollback()
		where = "".join(f" AND `{column}` = %s" for column in filters)
		return frappe.db.sql(
			f"SELECT * FROM `tab{doctype}` WHERE 1 = 1{where} ORDER BY creation, name",
			list(filters.values()),
			as_dict=True,
		)

	def set_row(self, doctype: str, name: str, **columns: Any) -> None:
		sets = ", ".join(f"`{column}` = %s" for column in columns)
		frappe.db.sql(f"UPDATE `tab{doctype}` SET {sets} WHERE name = %s", [*columns.values(), name])
		frappe.db.commit()  # what an operator with database access does, others see

	def remove_what_was_made(self) -> None:
		frappe.db.rollback()
		frappe.set_user("Administrator")
		for template in self.templates:
			runs = frappe.get_all("Flow Run", {"flow_template": template}, pluck="name")
			for doctype in ("Flow Step Log", "Flow Step Pending"):
				frappe.db.delete(doctype, {"flow_run": ("in", runs or [""])})
			frappe.db.delete("Flow Run Document", {"parent": ("in", runs or [""])})
			frappe.db.delete("ToDo", {"reference_type": "Flow Run", "reference_name": ("in", runs or [""])})
			frappe.db.delete("Notification Log", {"document_name": ("in", runs or [""])})
			frappe.db.delete("Flow Audit Event", {"flow_template": template})
			frappe.db.delete("Flow Run", {"flow_template": template})
			frappe.db.delete("Flow Template Version", {"flow_template": template})
			frappe.db.delete("Flow Template", {"name": template})
		for doctype, before in self.before.items():
			for name in set(frappe.get_all(doctype, pluck="name")) - before:
				frappe.delete_doc(doctype, name, force=True, ignore_permissions=True)
		frappe.db.commit()  # the site is left as it was found


class TestFrappeHost(OnSite, HostContract, FrappeTestCase):
	pass


def switch(disabled: bool) -> None:
	frappe.db.set_single_value("Flow Engine Settings", "disabled", int(disabled))
	frappe.db.commit()  # workers have to see it
