"""Versions on SQLite."""

from unittest import TestCase

from on_sqlite import OnSqlite

from flow_engine.testing.migration_contract import MigrationContract
from flow_engine.testing.versions_contract import VersionsContract


class TestSqliteVersions(OnSqlite, VersionsContract, MigrationContract, TestCase):
	pass
