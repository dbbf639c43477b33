"""The SQLite host as contract tests drive it."""

from datetime import datetime, timedelta, timezone

from flow_engine.clock import VirtualClock
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.templates import store_definition

START = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


class OnSqlite:
	"""In memory, in Toronto: site time is not UTC, as on most sites."""

	user = "operator@example.com"
	path = ":memory:"

	def make_host(self, kinds):
		self.clock = VirtualClock(START, "America/Toronto")
		host = open_host(self.path, clock=self.clock, kinds=kinds)
		self.addCleanup(host.database.close)
		return host

	def publish(self, definition, title):
		trigger = store_definition(self.host.templates, definition, title)
		return trigger.template, trigger.version

	def pass_time(self, seconds):
		self.clock.move_to(self.clock.now() + timedelta(seconds=seconds))

	def rows(self, doctype, **filters):
		where = "".join(f" AND `{column}` = %s" for column in filters)
		return self.host.database.rows(
			f"SELECT * FROM `tab{doctype}` WHERE 1 = 1{where} ORDER BY rowid", list(filters.values())
		)

	def set_row(self, doctype, name, **columns):
		sets = ", ".join(f"`{column}` = %s" for column in columns)
		self.host.database.execute(
			f"UPDATE `tab{doctype}` SET {sets} WHERE name = %s", [*columns.values(), name]
		)
