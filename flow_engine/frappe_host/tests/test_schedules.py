"""Schedules, fan-outs and dates on a site: the same claims as on SQLite, and whose permissions count."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import frappe
from frappe.tests.utils import FrappeTestCase

from flow_engine.frappe_host.doctor import _schedules
from flow_engine.frappe_host.tests.test_contract import OnSite
from flow_engine.store.date_scans import SqlDateScans
from flow_engine.store.schedules import SqlSchedules
from flow_engine.testing.date_contract import DateContract
from flow_engine.testing.fan_out_contract import FanOutContract
from flow_engine.testing.schedule_contract import ScheduleContract, ScheduleWords

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


class TestDoctor(OnSiteLater, ScheduleWords, FrappeTestCase):
	def test_the_doctor_names_what_is_overdue_and_what_is_held_back(self):
		names = [self.schedule(self.flow_of()) for _ in range(2)]
		self.set_row("Flow Schedule", names[0], wake_at="2020-01-01 00:00:00")
		self.set_row("Flow Schedule", names[1], status="invalid", last_error=self.named("No fit"))
		said = [(found.level, found.text) for found in _schedules()]
		self.assertIn("error", [level for level, text in said if "should have fired" in text])
		self.assertTrue([text for level, text in said if level == "warning" and self.named("No fit") in text])


class TestLooking(OnSiteLater, ScheduleWords, FrappeTestCase):
	"""What the tick asks every minute goes along an index, however many schedules there are."""

	def plan(self, ask):
		"""Table → index of the statements that `ask` makes."""
		found = {}
		sql = frappe.db.sql

		def explained(query, *args, **kwargs):
			text = str(query).strip()
			if text.upper().startswith("SELECT") and "`tab" in text:
				for row in sql(f"EXPLAIN {text}", *args, as_dict=True):
					found[row["table"]] = row["key"]
			return sql(query, *args, **kwargs)

		with patch.object(frappe.db, "sql", explained):
			ask()
		return found

	def test_each_question_of_the_tick_has_its_index(self):
		template = self.flow_of()
		names = [self.schedule(template) for _ in range(40)]
		frappe.db.sql(
			"insert into `tabFlow Schedule Fire` "
			"(name, flow_schedule, flow_template, fire_utc, status) "
			"select concat(s.name, '.', t.name), s.name, s.flow_template, utc_timestamp(), 'completed' "
			"from `tabFlow Schedule` s, `tabRole` t where s.flow_template = %s",
			template,
		)
		frappe.db.sql("analyze table `tabFlow Schedule`, `tabFlow Schedule Fire`")
		store = self.host.schedules.store
		asked = {
			"tabFlow Schedule": (lambda: store.due(100), "wake_at"),
			"tabFlow Schedule Fire": (lambda: store.due_fires(100), "wake_at"),
		}
		for table, (ask, index) in asked.items():
			self.assertEqual(self.plan(ask), {table: index})
		plan = self.plan(lambda: store.fires_of(names[0], 20, 0))
		self.assertEqual(plan, {"tabFlow Schedule Fire": "schedule_fire_utc"})
		self.assertEqual(self.plan(lambda: store.of_flow(template)), {"tabFlow Schedule": "flow_template"})
		plan = self.plan(lambda: store.open_fires(names[0]))
		self.assertIn(plan["tabFlow Schedule Fire"], ("schedule_fire_utc", "wake_at"))

	def test_a_tick_that_finds_nothing_asks_two_questions(self):
		asked = []
		sql = frappe.db.sql

		def noted(query, *args, **kwargs):
			asked.append(str(query))
			return sql(query, *args, **kwargs)

		with patch.object(frappe.db, "sql", noted):
			self.fire()
		self.assertEqual(len([query for query in asked if "`tab" in query]), 2, asked)


class TestFanOuts(OnSiteLater, FanOutContract, FrappeTestCase):
	pass


class TestDates(OnSiteLater, DateContract, FrappeTestCase):
	pass
