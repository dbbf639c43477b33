"""Deliveries as hosts use them: written with their cause, sent by workers, settled by people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

from flow_engine.engine.deliveries import (
	ENDED,
	Deliveries,
	Delivery,
	DeliveryClaim,
	DeliveryStatus,
	NewDelivery,
)
from flow_engine.engine.delivery_rules import TIMEOUT_SECONDS, Verdict, headers_of, judge, judge_lost
from flow_engine.engine.errors import (
	DeliveryFinal,
	FlowError,
	HttpNoAnswer,
	RunNotFound,
	TransientDatabaseError,
)
from flow_engine.engine.ports import AuditEvent, Clock, HttpClient, HttpReply, Jobs, Messages, Runs
from flow_engine.engine.webhooks import TEST_EVENT, Health, endpoint_of
from flow_engine.service import arguments as read
from flow_engine.service.endpoint_health import EndpointStore, note_outcome, pause_dead, refuse_sending
from flow_engine.store.webhooks import SqlEndpoints

CLAIM_LIMIT = 20
LEASE_SECONDS = 60.0
# A call that takes its whole time is still within its lease.
SENDING_SECONDS = TIMEOUT_SECONDS + 30.0
# A receiver that did not answer is left alone for this long, so that it does not take up all of a worker's
# time with what else waits for it.
SILENCE_SECONDS = 60.0


class EnqueuingHost(Protocol):
	"""What writing a delivery needs of a host."""

	@property
	def site(self) -> str: ...
	@property
	def jobs(self) -> Jobs: ...
	@property
	def deliveries(self) -> Deliveries: ...


class DeliveringHost(EnqueuingHost, Protocol):
	"""What sending needs of a host."""

	@property
	def runs(self) -> Runs: ...
	@property
	def clock(self) -> Clock: ...
	@property
	def messages(self) -> Messages: ...
	@property
	def report(self) -> Callable[[BaseException, str], None]: ...
	@property
	def delivery_client(self) -> Callable[[], HttpClient]: ...
	@property
	def signing_secrets(self) -> Callable[[], Sequence[str]]: ...
	@property
	def endpoints(self) -> SqlEndpoints: ...
	@property
	def endpoint_store(self) -> EndpointStore: ...


def enqueue(host: EnqueuingHost, new: NewDelivery) -> str:
	"""Write a delivery in the current transaction; it is sent once that has committed. Its name."""
	name = host.deliveries.insert(new, host.site)
	host.jobs.hint()
	return name


def send_due(host: DeliveringHost, seconds: float, stopped: Callable[[], bool] = lambda: False) -> int:
	"""Send what is due until nothing is, the time is up, or somebody switched the engine off; how many
	attempts were made. One call that is under way is finished, so it may take TIMEOUT_SECONDS longer."""
	sender = _Sender(host)
	until = host.clock.monotonic() + seconds
	while not stopped():
		waiting = host.deliveries.claim(CLAIM_LIMIT, LEASE_SECONDS)
		if not waiting:
			break
		while waiting:
			sender.send(waiting.pop(0))
			if waiting and host.clock.monotonic() > until:
				host.deliveries.put_off(waiting, 0)
				host.jobs.hint()
				return sender.sent
		if host.clock.monotonic() > until:
			host.jobs.hint()
			break
	return sender.sent


def send_one(host: DeliveringHost, name: str) -> None:
	"""Send this delivery now, if it is due and nobody else is sending it."""
	for claim in host.deliveries.claim(1, LEASE_SECONDS, only=name):
		_Sender(host).send(claim)


def redeliver(host: DeliveringHost, name: str) -> dict[str, Any]:
	"""Send it now, with all its attempts again and the same key. One being sent at this moment is left
	alone. Raises DeliveryNotFound."""

	def work() -> dict[str, Any]:
		delivery = host.deliveries.lock(name)
		if delivery.status != DeliveryStatus.SENDING:
			host.deliveries.write(
				name,
				status=DeliveryStatus.PENDING.value,
				attempts=0,
				wake_at=host.runs.now(),
				delivered_at=None,
			)
			_audit(host, delivery, "delivery.redelivered", DeliveryStatus.PENDING)
			host.jobs.hint()
		return {"delivery": name}

	return host.runs.transact(work)


def cancel(host: DeliveringHost, name: str) -> dict[str, Any]:
	"""Send it no more. An attempt that is under way cannot be called back; what comes of it is not kept.
	Raises DeliveryNotFound, DeliveryFinal."""

	def work() -> dict[str, Any]:
		delivery = host.deliveries.lock(name)
		if delivery.status in ENDED:
			raise DeliveryFinal(f"The delivery is {delivery.status}.", delivery=name)
		columns: dict[str, Any] = {"status": DeliveryStatus.CANCELLED.value, "wake_at": None}
		if delivery.status == DeliveryStatus.SENDING:
			columns["last_error"] = "Cancelled while it was being sent; it may have arrived."
		host.deliveries.write(name, **columns)
		_audit(host, delivery, "delivery.cancelled", DeliveryStatus.CANCELLED)
		return {"delivery": name, "was": delivery.status}

	return host.runs.transact(work)


def _audit(host: DeliveringHost, delivery: Delivery, event: str, status: DeliveryStatus) -> None:
	host.runs.audit(
		AuditEvent(
			event,
			flow_run=delivery.flow_run,
			step_id=delivery.flow_step,
			from_status=delivery.status,
			to_status=status.value,
			details={"delivery": delivery.name},
		)
	)


def filters_of(status: Any, event: Any, doctype: Any, docname: Any) -> dict[str, str]:
	"""Arguments of a list as filters on its columns. Raises BadInput."""
	given = {
		"status": read.text(status, "status"),
		"event": read.text(event, "event"),
		"reference_doctype": read.text(doctype, "doctype"),
		"reference_name": read.text(docname, "docname"),
	}
	return {column: value for column, value in given.items() if value}


@dataclass
class _Sender:
	"""One worker's turn: the client is made when there is something to send, and silent receivers are
	remembered for as long as the turn takes."""

	host: DeliveringHost
	sent: int = 0
	silent: set[str] = field(default_factory=set)
	client: HttpClient | None = None

	def send(self, claim: DeliveryClaim) -> None:
		"""One delivery's trouble leaves the others their turn."""
		if _origin(claim.url) in self.silent:
			self.host.deliveries.put_off([claim], SILENCE_SECONDS)
			return
		try:
			delivery = self.host.deliveries.begin(claim, SENDING_SECONDS)
			if delivery is not None:
				self._attempt(claim, delivery)
		except TransientDatabaseError:
			raise
		except Exception as error:
			# Its lease runs out, and the attempt counts.
			self.host.report(error, f"delivering {claim.name}")

	def _attempt(self, claim: DeliveryClaim, delivery: Delivery) -> None:
		verdict = judge_lost(delivery) or refuse_sending(self.host, delivery)
		if verdict is None:
			self.sent += 1
			outcome = self._call(delivery)
			if isinstance(outcome, HttpNoAnswer):
				self.silent.add(_origin(delivery.url))
			verdict = judge(outcome, delivery.attempts, self.host.clock.now(), self.host.clock.random())
			if delivery.event == TEST_EVENT and verdict.status is DeliveryStatus.PENDING:
				verdict = replace(verdict, status=DeliveryStatus.FAILED, after_seconds=None)
		settled = verdict
		dead = self.host.runs.transact(lambda: self._record(claim, delivery, settled))
		if dead is not None:
			pause_dead(self.host, endpoint_of(delivery) or "", dead)

	def _call(self, delivery: Delivery) -> HttpReply | FlowError:
		"""Nothing is locked meanwhile."""
		if self.client is None:
			self.client = self.host.delivery_client()
		try:
			return self.client.request(
				"POST",
				delivery.url,
				headers=headers_of(delivery, self._secrets(delivery), self.host.clock.now()),
				body=delivery.body,
				timeout_seconds=TIMEOUT_SECONDS,
			)
		except FlowError as error:
			return error
		except Exception as error:
			self.host.report(error, f"delivering {delivery.name}")
			return HttpNoAnswer(f"The call ended with {type(error).__name__}; its outcome is unknown.")

	def _secrets(self, delivery: Delivery) -> Sequence[str]:
		endpoint = endpoint_of(delivery)
		return self.host.endpoint_store.secrets(endpoint) if endpoint else self.host.signing_secrets()

	def _record(self, claim: DeliveryClaim, delivery: Delivery, verdict: Verdict) -> Health | None:
		"""The health of the delivery's endpoint, when it should be left alone from now on."""
		now = self.host.runs.now()
		columns: dict[str, Any] = {
			"status": verdict.status.value,
			# 0: nothing was answered. Whole numbers on a site have no NULL.
			"last_status": verdict.http_status or 0,
			"last_error": verdict.error or None,
			"last_answer": verdict.answer or None,
			"wake_at": None,
		}
		if verdict.after_seconds is not None:
			columns["wake_at"] = now + timedelta(seconds=verdict.after_seconds)
		if verdict.status is DeliveryStatus.DELIVERED:
			columns["delivered_at"] = now
		if verdict.status is DeliveryStatus.HELD:
			# It was not tried.
			columns["attempts"] = delivery.attempts - 1
		if not self.host.deliveries.close(claim, **columns):
			return None
		if endpoint_of(delivery):
			return note_outcome(self.host, delivery, verdict, now)
		if verdict.status is DeliveryStatus.FAILED and delivery.flow_run:
			self._alert(delivery, verdict)
		return None

	def _alert(self, delivery: Delivery, verdict: Verdict) -> None:
		try:
			run = self.host.runs.read(delivery.flow_run or "").as_dict()
		except RunNotFound:
			return
		message = f"Delivery {delivery.name} ({delivery.event}) failed. {verdict.error}"
		self.host.messages.alert(run, delivery.flow_step, "delivery_failed", message)


def _origin(url: str) -> str:
	try:
		return urlsplit(url.strip()).netloc.lower()
	except ValueError:
		return ""
