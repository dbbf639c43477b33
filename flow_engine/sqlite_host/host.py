"""The standalone host, composed: one SQLite file, the engine's ports around it."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flow_engine.engine.kinds import register
from flow_engine.engine.ports import Clock, Host, HttpClient
from flow_engine.outbound.http import GuardedHttpClient
from flow_engine.service.events import BUSINESS_EVENTS
from flow_engine.clock import SystemClock
from flow_engine.sqlite_host.documents import SqliteDocuments
from flow_engine.sqlite_host.messages import Outbox
from flow_engine.sqlite_host.store import Database, SqliteRuns
from flow_engine.sqlite_host.templates import SqliteTemplates

log = logging.getLogger("flow_engine")


class WorkerHint:
	"""`ports.Jobs`: wakes the worker thread once the transaction has committed."""

	def __init__(self, database: Database):
		self.database = database
		self.event = threading.Event()

	def hint(self) -> None:
		self.database.after_commit(self.event.set)


class SignedLinks:
	"""`ports.Links`: tokens signed with a key that the database keeps."""

	def __init__(self, database: Database, base_url: str):
		self.database = database
		self.base_url = base_url.rstrip("/")
		self._key: bytes | None = None

	@property
	def key(self) -> bytes:
		if self._key is None:

			def work() -> bytes:
				self.database.execute(
					"INSERT OR IGNORE INTO setting (name, value) VALUES ('link_key', %s)",
					[secrets.token_hex(32)],
				)
				return bytes.fromhex(
					self.database.rows("SELECT value FROM setting WHERE name = 'link_key'")[0]["value"]
				)

			self._key = self.database.transact(work)
		return self._key

	def token(self, run: str, step_id: str) -> str:
		return hmac.new(self.key, f"{run}\n{step_id}".encode(), hashlib.sha256).hexdigest()

	def url(self, run: str, step_id: str) -> str:
		return f"{self.base_url}/flow-link?run={run}&step={step_id}&token={self.token(run, step_id)}"


@dataclass(frozen=True)
class StandaloneHost(Host):
	"""A `Host` that also gives its doors the template store, the outbox and the database."""

	templates: SqliteTemplates = field(kw_only=True)
	outbox: Outbox = field(kw_only=True)
	database: Database = field(kw_only=True)


def open_host(
	path: str = ":memory:",
	*,
	clock: Clock | None = None,
	http: HttpClient | None = None,
	base_url: str = "http://127.0.0.1:8765",
	kinds: Mapping[str, Any] | None = None,
	allowed_private_hosts: tuple[str, ...] = (),
) -> StandaloneHost:
	"""Open (or make) a database and compose a host around it."""
	clock = clock or SystemClock()
	database = Database(path)
	documents = SqliteDocuments(database, clock)
	outbox = Outbox(database, clock)
	kinds = kinds if kinds is not None else register()

	def user() -> str:
		return documents.user

	templates = SqliteTemplates(database, clock, kinds, BUSINESS_EVENTS, user)
	return StandaloneHost(
		site="standalone",
		runs=SqliteRuns(database, clock, user),
		documents=documents,
		messages=outbox,
		http=http or GuardedHttpClient(allowed_private_hosts=allowed_private_hosts),
		clock=clock,
		jobs=WorkerHint(database),
		links=SignedLinks(database, base_url),
		definitions=templates,
		kinds=kinds,
		report=_report,
		templates=templates,
		outbox=outbox,
		database=database,
	)


def _report(error: BaseException, where: str) -> None:
	log.error("%s: %s", where, error, exc_info=error)
