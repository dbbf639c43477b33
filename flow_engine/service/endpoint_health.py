"""How the deliveries of webhook endpoints fare: what is held back, and when an endpoint is left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from flow_engine.engine.deliveries import Delivery, DeliveryStatus
from flow_engine.engine.delivery_rules import Verdict
from flow_engine.engine.ports import AuditEvent, Clock, Jobs, Runs
from flow_engine.engine.webhooks import TEST_EVENT, Health, endpoint_of
from flow_engine.store.webhooks import SqlEndpoints


class EndpointStore(Protocol):
	"""How a host makes and changes endpoints, its own permissions applied. Raises WebhookEndpointNotFound,
	InvalidWebhookEndpoint, NotAllowed, SaveConflict, NameTaken."""

	def insert(self, values: Mapping[str, Any]) -> str: ...

	def update(self, name: str, values: Mapping[str, Any], modified: str | None = None) -> None: ...

	def delete(self, name: str) -> None: ...

	def changed(self) -> None:
		"""Whoever remembers which endpoints there are has to look again once this is committed."""
		...

	def tell_paused(self, name: str, owner: str | None, reason: str) -> None:
		"""An endpoint was paused by itself: tell its owner and the managers of flows."""
		...

	def secrets(self, name: str) -> Sequence[str]:
		"""What its deliveries are signed with: the present secret, and the former one while both are in
		use."""
		...

	def replace_signing_key(self, overlap_until: datetime | None) -> None:
		"""Sign what goes to no endpoint with another key from now on, and with the former one too until
		then."""
		...

	def put_secret(self, name: str, secret: str, overlap_until: datetime | None) -> None:
		"""Sign with this from now on, and with the former one too until then."""
		...


class WebhookHost(Protocol):
	"""What endpoints need of a host."""

	@property
	def site(self) -> str: ...
	@property
	def runs(self) -> Runs: ...
	@property
	def clock(self) -> Clock: ...
	@property
	def jobs(self) -> Jobs: ...
	@property
	def endpoints(self) -> SqlEndpoints: ...
	@property
	def endpoint_store(self) -> EndpointStore: ...


def refuse_sending(host: WebhookHost, delivery: Delivery) -> Verdict | None:
	"""Why this delivery is not sent now: its endpoint is paused (held), off or gone (cancelled)."""
	name = endpoint_of(delivery)
	if name is None or delivery.event == TEST_EVENT:
		return None
	state = host.endpoints.state(name)
	if state == "paused":
		return Verdict(DeliveryStatus.HELD)
	if state == "on":
		return None
	why = "Its endpoint is switched off." if state == "off" else "Its endpoint is gone."
	return Verdict(DeliveryStatus.CANCELLED, error=why)


def note_outcome(host: WebhookHost, delivery: Delivery, verdict: Verdict, now: datetime) -> Health | None:
	"""Keep how the endpoint fares, in the transaction that records the attempt; its health when it should be
	left alone from now on."""
	name = endpoint_of(delivery)
	if name is None or delivery.event == TEST_EVENT:
		return None
	if verdict.status in (DeliveryStatus.HELD, DeliveryStatus.CANCELLED):
		return None
	if verdict.status is DeliveryStatus.DELIVERED:
		if host.endpoints.is_failing(name):
			host.endpoints.put_health(name, Health())
		return None
	before = host.endpoints.health(name)
	if before is None:
		return None
	health = before.failed(verdict.status is DeliveryStatus.FAILED, now)
	host.endpoints.put_health(name, health)
	return health if health.is_dead(now) else None


def pause_dead(host: WebhookHost, name: str, health: Health) -> None:
	"""Leave an endpoint alone, in a transaction of its own, and tell whose it is."""
	reason = health.why(host.runs.now())
	if host.runs.transact(lambda: put_pause(host, name, reason, user="")):
		hold(host, name)


def put_pause(host: WebhookHost, name: str, reason: str, user: str | None) -> bool:
	"""In the current transaction; False when there is nothing to pause."""
	row = host.endpoints.lock(name)
	if row["paused_at"] or not row["enabled"]:
		return False
	host.endpoints.put_pause(name, host.runs.now(), reason)
	audit(host, row, "webhook.paused", "on", "paused", reason, user=user)
	if user == "":
		host.endpoint_store.tell_paused(name, row["owner"], reason)
	return True


def hold(host: WebhookHost, name: str) -> None:
	"""Keep back what is due already; what comes later is written so."""
	while host.runs.transact(lambda: host.endpoints.hold(name)):
		pass


def audit(
	host: WebhookHost,
	row: Mapping[str, Any],
	event: str,
	before: str | None = None,
	after: str | None = None,
	reason: str = "",
	details: Mapping[str, Any] | None = None,
	user: str | None = None,
) -> None:
	host.runs.audit(
		AuditEvent(
			event,
			flow_template=row["flow_template"] or None,
			reason=reason,
			from_status=before,
			to_status=after,
			details={"endpoint": row["name"], **(details or {})},
			user=user,
		)
	)
	host.endpoint_store.changed()
