"""Versions on SQLite."""

from unittest import TestCase

from on_sqlite import OnSqlite

from flow_engine.testing.migration_contract import MigrationContract
from flow_engine.testing.versions_contract import VersionsContract


class TestSqliteVersions(OnSqlite, VersionsContract, MigrationContract, TestCase):
	def test_counting_the_runs_of_a_version_goes_along_its_index(self):
		plan = self.host.database.rows(
			"EXPLAIN QUERY PLAN SELECT 1 FROM `tabFlow Run` WHERE flow_template = 'x' AND "
			"template_version = 3 AND status = 'running' LIMIT 10"
		)
		self.assertIn("run_version", plan[0]["detail"])
