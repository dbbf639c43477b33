"""Webhook endpoints on the SQLite host: the contract."""

from datetime import datetime, timedelta, timezone
from unittest import TestCase

from flow_engine.clock import VirtualClock
from flow_engine.sqlite_host.host import open_host
from flow_engine.testing.webhook_contract import WebhookContract


class TestWebhooksInMemory(WebhookContract, TestCase):
	def make_host(self):
		self.clock = VirtualClock(datetime(2026, 3, 1, 12, tzinfo=timezone.utc), "America/Toronto")
		return open_host(clock=self.clock, allowed_private_hosts=("127.0.0.1",))

	def pass_time(self, seconds):
		self.clock.move_to(self.clock.now() + timedelta(seconds=seconds))

	def rows(self, doctype, **filters):
		where = "".join(f" AND `{column}` = %s" for column in filters)
		return self.host.database.rows(
			f"SELECT * FROM `tab{doctype}` WHERE 1 = 1{where} ORDER BY creation, name", list(filters.values())
		)

	def a_flow(self):
		return "FT-00001"
