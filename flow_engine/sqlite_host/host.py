"""The standalone host, composed: one SQLite file, the engine's ports around it."""

from __future__ import annotations

import hashlib
import hmac
import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flow_engine.clock import SystemClock
from flow_engine.engine.errors import StorageFailed
from flow_engine.engine.kinds import register
from flow_engine.engine.ports import Clock, Host, HttpClient
from flow_engine.service.deliveries import enqueue
from flow_engine.service.dispatch_webhooks import job_deliveries
from flow_engine.service.events import BUSINESS_EVENTS
from flow_engine.service.inbound_hooks import Inbound
from flow_engine.service.publishing import after_publish
from flow_engine.service.schedule_host import Schedules
from flow_engine.sqlite_host.business_hours import stored_hours
from flow_engine.sqlite_host.documents import SqliteDocuments
from flow_engine.sqlite_host.inbound_hooks import SqliteHookRecords
from flow_engine.sqlite_host.messages import Outbox, RecordedHttp
from flow_engine.sqlite_host.schedules import SqliteScheduleRecords, StoredSources
from flow_engine.sqlite_host.signing_key import SigningKey, kept_key
from flow_engine.sqlite_host.store import SITE, Database, SqliteRuns
from flow_engine.sqlite_host.templates import SqliteTemplates
from flow_engine.sqlite_host.webhooks import SqliteEndpointStore
from flow_engine.store.date_scans import SqlDateScans
from flow_engine.store.deliveries import SqlDeliveries
from flow_engine.store.inbound import SqlInbound
from flow_engine.store.schedules import SqlSchedules
from flow_engine.store.webhooks import SqlEndpoints

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
		self.base_url = base_url.rstrip("/")
		# Now, not when first asked for: a step's transaction that is rolled back would take a new key with
		# it, and the links sent out would be signed with a key that nobody has.
		self.key = bytes.fromhex(kept_key(database, "link_key"))

	def token(self, run: str, step_id: str) -> str:
		return hmac.new(self.key, f"{run}\n{step_id}".encode(), hashlib.sha256).hexdigest()

	def url(self, run: str, step_id: str) -> str:
		query = urlencode({"run": run, "step": step_id, "token": self.token(run, step_id)})
		return f"{self.base_url}/flow-link?{query}"


@dataclass(frozen=True)
class StandaloneHost(Host):
	"""A `Host` that also gives its doors the template store, the outbox, the deliveries and the database."""

	templates: SqliteTemplates = field(kw_only=True)
	outbox: Outbox = field(kw_only=True)
	database: Database = field(kw_only=True)
	deliveries: SqlDeliveries = field(kw_only=True)
	delivery_client: Callable[[], HttpClient] = field(kw_only=True)
	signing_secret: Callable[[], str] = field(kw_only=True)
	schedules: Schedules = field(kw_only=True)
	signing_secrets: Callable[[], Sequence[str]] = field(kw_only=True)
	endpoints: SqlEndpoints = field(kw_only=True)
	endpoint_store: SqliteEndpointStore = field(kw_only=True)
	inbound: Inbound = field(kw_only=True)


def open_host(
	path: str = ":memory:",
	*,
	clock: Clock | None = None,
	make_http: Callable[[Outbox], HttpClient] | None = None,
	base_url: str = "http://127.0.0.1:8765",
	kinds: Mapping[str, Any] | None = None,
	events: Mapping[str, Any] = BUSINESS_EVENTS,
	allowed_private_hosts: tuple[str, ...] = (),
) -> StandaloneHost:
	"""Open (or make) a database and compose a host around it. Raises StorageFailed.

	make_http: gives the client for calls of flows, and deliveries are only recorded; without it, real calls
	are made under the address guard.
	"""
	clock = clock or SystemClock()
	try:
		database = Database(path)
	except (sqlite3.Error, ValueError) as error:
		# ValueError: a path with a NUL in it.
		raise StorageFailed(f"The database file {path!r} cannot be used: {error}") from None
	documents = SqliteDocuments(database, clock)
	outbox = Outbox(database, clock)
	kinds = kinds if kinds is not None else register()

	def user() -> str:
		return documents.user

	runs = SqliteRuns(database, clock, user)
	templates = SqliteTemplates(database, clock, kinds, events, user, runs.audit)
	signing_key = SigningKey(database, clock)

	def delivery_client() -> HttpClient:
		# A client that answers from prepared replies has none to spare for deliveries.
		return RecordedHttp(outbox) if make_http else _guarded(allowed_private_hosts, max_redirects=0)

	schedules = SqlSchedules(runs)
	records = SqliteScheduleRecords(schedules)
	hook_records = SqliteHookRecords(runs, base_url)
	host = StandaloneHost(
		site=SITE,
		runs=runs,
		documents=documents,
		messages=outbox,
		http=make_http(outbox) if make_http else _guarded(allowed_private_hosts),
		clock=clock,
		jobs=WorkerHint(database),
		links=SignedLinks(database, base_url),
		definitions=templates,
		kinds=kinds,
		report=_report,
		business_hours=lambda name: stored_hours(documents, name, clock.time_zone),
		templates=templates,
		outbox=outbox,
		database=database,
		deliveries=SqlDeliveries(runs),
		delivery_client=delivery_client,
		signing_secret=lambda: signing_key.secrets()[0],
		signing_secrets=signing_key.secrets,
		endpoints=SqlEndpoints(runs),
		inbound=Inbound(SqlInbound(runs), hook_records),
		endpoint_store=SqliteEndpointStore(runs, signing_key, _tell_paused),
		schedules=Schedules(
			schedules, SqlDateScans(runs), records, StoredSources(documents, templates, clock.time_zone)
		),
	)
	records.host = host
	hook_records.host = host
	runs.hint = host.jobs.hint
	documents.after_job = partial(tell_about_job, host)
	templates.after_publish = partial(after_publish, host)
	return host


def tell_about_job(host: StandaloneHost, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> None:
	for new in job_deliveries(before, after, host.clock.now()):
		enqueue(host, new)


def _guarded(allowed_private_hosts: tuple[str, ...], max_redirects: int = 5) -> HttpClient:
	# Imported here: half of the time that a simulation takes would go into loading what it does not use.
	from flow_engine.outbound.http import GuardedHttpClient

	return GuardedHttpClient(allowed_private_hosts=allowed_private_hosts, max_redirects=max_redirects)


def _tell_paused(name: str, reason: str) -> None:
	log.warning("webhook endpoint %s: %s", name, reason)


def _report(error: BaseException, where: str) -> None:
	if isinstance(error, StorageFailed):
		# The disk's trouble, not the code's.
		log.error("%s: %s: %s", where, error.code, error)
		return
	log.error("%s: %s", where, error, exc_info=error)
