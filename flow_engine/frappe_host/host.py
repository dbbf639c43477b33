"""The host of an ERPNext site, composed once for a request or job."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import frappe
from frappe.utils import get_system_timezone, get_url
from frappe.utils.password import get_encryption_key

from flow_engine.clock import SystemClock
from flow_engine.engine.ports import Host, HttpClient, HttpReply
from flow_engine.frappe_host.agreements import agreement_of
from flow_engine.frappe_host.business_hours import business_hours
from flow_engine.frappe_host.delivering import delivery_client
from flow_engine.frappe_host.documents import FrappeDocuments
from flow_engine.frappe_host.extensions import context_providers, kinds
from flow_engine.frappe_host.inbound_hooks import SiteHookRecords
from flow_engine.frappe_host.jobs import DrainHints
from flow_engine.frappe_host.messages import FrappeMessages
from flow_engine.frappe_host.schedules import SiteScheduleRecords, SiteSources
from flow_engine.frappe_host.secrets import resolve_secret
from flow_engine.frappe_host.signing_key import signing_secrets
from flow_engine.frappe_host.store import FrappeRuns
from flow_engine.frappe_host.templates import FrappeTemplates
from flow_engine.frappe_host.webhooks import SiteEndpointStore
from flow_engine.service.inbound_hooks import Inbound
from flow_engine.service.schedule_host import Schedules
from flow_engine.store.date_scans import SqlDateScans
from flow_engine.store.deliveries import SqlDeliveries
from flow_engine.store.inbound import SqlInbound
from flow_engine.store.schedules import SqlSchedules
from flow_engine.store.webhooks import SqlEndpoints


class SiteLinks:
	"""`ports.Links`: tokens signed with a key derived from the site's own encryption key."""

	def token(self, run: str, step_id: str) -> str:
		key = hashlib.sha256(b"flow_engine links\n" + get_encryption_key().encode()).digest()
		return hmac.new(key, f"{run}\n{step_id}".encode(), hashlib.sha256).hexdigest()

	def url(self, run: str, step_id: str) -> str:
		return get_url(f"/flow-link?run={run}&step={step_id}&token={self.token(run, step_id)}")


class SiteHttp:
	"""`ports.HttpClient` that reads the site's settings, and loads what speaks HTTP, when the first call is
	made: a save that starts a run makes none, nor do most jobs."""

	def __init__(self) -> None:
		self._client: HttpClient | None = None

	def request(self, method: str, url: str, **options: Any) -> HttpReply:
		if self._client is None:
			from flow_engine.outbound.http import GuardedHttpClient

			self._client = GuardedHttpClient(allowed_private_hosts=allowed_private_hosts())
		return self._client.request(method, url, **options)


@dataclass(frozen=True)
class SiteHost(Host):
	"""A `Host` that also gives its doors the template store, and its workers the deliveries."""

	templates: FrappeTemplates = field(kw_only=True)
	deliveries: SqlDeliveries = field(kw_only=True)
	delivery_client: Callable[[], HttpClient] = field(kw_only=True)
	signing_secret: Callable[[], str] = field(kw_only=True)
	schedules: Schedules = field(kw_only=True)
	signing_secrets: Callable[[], Sequence[str]] = field(kw_only=True)
	endpoints: SqlEndpoints = field(kw_only=True)
	endpoint_store: SiteEndpointStore = field(kw_only=True)
	inbound: Inbound = field(kw_only=True)


def get_host() -> SiteHost:
	"""The host of the current site; kept for the request or job, so settings are read once in it."""
	host = getattr(frappe.local, "flow_engine_host", None)
	if host is None:
		host = frappe.local.flow_engine_host = compose_host()
	return host


def compose_host() -> SiteHost:
	clock = SystemClock(get_system_timezone())
	registry = kinds()
	templates = FrappeTemplates(registry)
	http = SiteHttp()
	runs = FrappeRuns(clock.time_zone, patient=not getattr(frappe.local, "request", None))
	return SiteHost(
		site=frappe.local.site,
		runs=runs,
		documents=FrappeDocuments(),
		messages=FrappeMessages(http),
		http=http,
		clock=clock,
		jobs=DrainHints(),
		links=SiteLinks(),
		definitions=templates,
		kinds=registry,
		secret=resolve_secret,
		extra_context=context_providers(),
		report=report,
		business_hours=lambda name: business_hours(name, clock.time_zone),
		agreement=lambda doctype, name: agreement_of(doctype, name, clock.time_zone),
		templates=templates,
		deliveries=SqlDeliveries(runs),
		delivery_client=delivery_client,
		signing_secret=lambda: signing_secrets()[0],
		signing_secrets=signing_secrets,
		endpoints=SqlEndpoints(runs),
		endpoint_store=SiteEndpointStore(runs),
		inbound=Inbound(SqlInbound(runs), SiteHookRecords(runs)),
		schedules=Schedules(SqlSchedules(runs), SqlDateScans(runs), SiteScheduleRecords(), SiteSources()),
	)


def allowed_private_hosts() -> tuple[str, ...]:
	text = frappe.db.get_single_value("Flow Engine Settings", "allowed_private_hosts") or ""
	return tuple(line.strip() for line in text.splitlines() if line.strip())


def report(error: BaseException, where: str) -> None:
	"""An error nobody expected: into the Error Log, with its traceback, for administrators. Outside
	transactions this commits by itself, so that a later rollback does not hide it."""
	frappe.log_error(title=f"Flow Engine: {where}"[:140], message=frappe.get_traceback(), defer_insert=True)
