"""Schedules, fan-outs and dates on a site: the same claims as on SQLite, and whose permissions count."""

from __future__ import annotations

from dataclasses import replace

import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.frappe_host.tests.test_contract import OnSite
from flow_engine.store.date_scans import SqlDateScans
from flow_engine.store.schedules import SqlSchedules
from flow_engine.testing.contract.dates import DateContract
from flow_engine.testing.contract.fan_outs import FanOutContract
from flow_engine.testing.contract.schedules import ScheduleContract

_LOCAL = "flow_engine_host"


class OnSiteLater(OnSite):
	"""The controllers' host is the test's, whose clock moves; schedules go with their flows."""

	def make_host(self, kinds):
		host = super().make_host({})
		schedules = replace(host.schedules, store=SqlSchedules(host.runs), date_scans=SqlDateScans(host.runs))
		host = replace(host, kinds=host.templates.kinds, schedules=schedules)
		setattr(frappe.local, _LOCAL, host)
		return host

	def forget_document(self, doctype, name):
		frappe.db.delete(doctype, {"name": name})
		frappe.db.commit()  # the fire goes on in transactions of its own

	def remove_what_was_made(self):
		frappe.db.rollback()
		for doctype in ("Flow Schedule", "Flow Schedule Fire", "Flow Date Scan"):
			frappe.db.delete(doctype, {"flow_template": ("in", self.templates or [""])})
		super().remove_what_was_made()
		setattr(frappe.local, _LOCAL, None)


class TestSchedules(OnSiteLater, ScheduleContract, FrappeTestCase):
	pass


class TestFanOuts(OnSiteLater, FanOutContract, FrappeTestCase):
	pass


class TestDates(OnSiteLater, DateContract, FrappeTestCase):
	pass
