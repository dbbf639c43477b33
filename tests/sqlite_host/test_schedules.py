"""Schedules, fan-outs and dates on SQLite, in memory and in a file."""

import tempfile
from pathlib import Path
from unittest import TestCase

from on_sqlite import OnSqlite

from flow_engine.testing.date_contract import DateContract
from flow_engine.testing.fan_out_contract import FanOutContract
from flow_engine.testing.schedule_contract import ScheduleContract


class TestSchedules(OnSqlite, ScheduleContract, FanOutContract, DateContract, TestCase):
	"""In memory."""

	def forget_document(self, doctype, name):
		self.host.database.execute("DELETE FROM document WHERE doctype = %s AND name = %s", [doctype, name])


class TestSchedulesInAFile(TestSchedules):
	"""As they are served."""

	def setUp(self):
		folder = tempfile.TemporaryDirectory()
		self.addCleanup(folder.cleanup)
		self.path = str(Path(folder.name) / "flows.sqlite")
		super().setUp()
