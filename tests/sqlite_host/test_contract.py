"""The host contract on SQLite, in memory and in a file."""

import tempfile
from pathlib import Path
from unittest import TestCase

from on_sqlite import OnSqlite

from flow_engine.testing.host_contract import HostContract


class TestSqliteHost(OnSqlite, HostContract, TestCase):
	"""In memory."""


class TestSqliteFile(TestSqliteHost):
	"""In a file, as it is served."""

	def setUp(self):
		folder = tempfile.TemporaryDirectory()
		self.addCleanup(folder.cleanup)
		self.path = str(Path(folder.name) / "flows.sqlite")
		super().setUp()
