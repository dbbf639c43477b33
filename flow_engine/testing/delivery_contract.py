"""What deliveries keep on every host, as tests against a real receiver: mixed into a host's TestCase.

The class brings `make_host`, `pass_time` and `rows` as in `ContractBase`; its host may call 127.0.0.1.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from unittest import mock

from flow_engine.engine.delivery_rules import POLICY
from flow_engine.engine.errors import DeliveryFinal, DeliveryNotFound
from flow_engine.outbound.http import GuardedHttpClient
from flow_engine.service import deliveries
from flow_engine.service.deliveries import SENDING_SECONDS, SILENCE_SECONDS, cancel, redeliver, send_due
from flow_engine.testing.receiver import Answer, Receiver

HOURS = 3600.0
LONGEST_WAIT = POLICY.max_delay_seconds + 60


class Killed(BaseException):
	"""The worker is gone: nothing may catch this."""


class Undone(Exception):
	"""Ends a transaction that was not to be."""


class MeddlingClient:
	"""Sends for real; `after` happens before the sender hears of the answer."""

	def __init__(self, client: Any, after: Callable[[], Any]):
		self.client, self.after = client, after

	def request(self, *arguments: Any, **options: Any) -> Any:
		reply = self.client.request(*arguments, **options)
		self.after()
		return reply


class DeliveryContract:
	"""No TestCase, so that importing it collects nothing."""

	host: Any
	user = "Administrator"

	def make_host(self) -> Any:
		raise NotImplementedError

	def pass_time(self, seconds: float) -> None:
		raise NotImplementedError

	def rows(self, doctype: str, **filters: Any) -> list[Mapping[str, Any]]:
		raise NotImplementedError

	def setUp(self) -> None:
		super().setUp()
		self.receiver = Receiver()
		self.addCleanup(self.receiver.close)
		self.made: list[str] = []
		self.host = self.make_host()

	# --- words --------------------------------------------------------------------------------------------

	def in_transaction(self, work: Callable[[Any], Any]) -> Any:
		def acting() -> Any:
			with self.host.documents.acting_as(self.user):
				return work(self.host.documents)

		return self.host.runs.transact(acting)

	def job(self, **values: Any) -> str:
		"""A new job that tells the receiver when it is opened, unless said otherwise."""
		values = {"subject": "Lay the fibre", "on_open_webhook": self.receiver.url(), **values}
		name = self.in_transaction(lambda documents: documents.insert("Dispatch Job", values)["name"])
		self.made.append(name)
		return name

	def update(self, job: str, **values: Any) -> None:
		self.in_transaction(lambda documents: documents.update("Dispatch Job", job, values))

	def join(self, job: str, **values: Any) -> None:
		"""Another request joins the job."""
		row = {"subject": "The neighbour", **values}
		self.in_transaction(lambda documents: documents.add_row("Dispatch Job", job, "merged_requests", row))

	def of(self, job: str) -> list[Mapping[str, Any]]:
		return self.rows("Flow Delivery", reference_name=job)

	def one(self, job: str) -> Mapping[str, Any]:
		(delivery,) = self.of(job)
		return delivery

	def send(self) -> int:
		return send_due(self.host, 60)

	def seen(self, job: str) -> list[Any]:
		"""What arrived about this job: on a site others' deliveries may go out at the same time."""
		return [request for request in self.receiver.seen if json.loads(request.body)["job"]["name"] == job]

	def keys(self, job: str) -> list[str]:
		return [request.headers["idempotency-key"] for request in self.seen(job)]

	def meddling(self, after: Callable[[], Any]) -> Any:
		"""The host with a client behind whose answers something else happens first."""
		client = self.host.delivery_client
		return replace(self.host, delivery_client=lambda: MeddlingClient(client(), after))

	# --- written with its cause ---------------------------------------------------------------------------

	def test_a_delivery_is_undone_with_what_caused_it(self):
		made: list[str] = []

		def work(documents: Any) -> None:
			values = {"subject": "Never", "on_open_webhook": self.receiver.url()}
			made.append(documents.insert("Dispatch Job", values)["name"])
			raise Undone

		with self.assertRaises(Undone):
			self.in_transaction(work)
		self.send()
		self.assertEqual((self.of(made[0]), self.seen(made[0])), ([], []))

	def test_a_job_that_tells_nobody_writes_nothing(self):
		job = self.job(on_open_webhook=None)
		self.update(job, status="Completed")
		self.assertEqual(self.of(job), [])

	def test_it_is_delivered_once(self):
		job = self.job()
		self.assertEqual(self.one(job)["status"], "pending")
		for _turn in range(3):
			self.send()
			self.pass_time(LONGEST_WAIT)
		delivery = self.one(job)
		self.assertEqual(
			(delivery["status"], delivery["attempts"], delivery["last_status"]), ("delivered", 1, 200)
		)
		self.assertIsNone(delivery["wake_at"])
		self.assertEqual(len(self.seen(job)), 1)

	def test_a_receiver_can_verify_it_with_nothing_but_the_secret(self):
		job = self.job(subject="Poser la fibre – « été » 🛠")
		self.send()
		(request,) = self.seen(job)
		timestamp, name = request.headers["x-flow-timestamp"], self.one(job)["name"]
		expected = hmac.new(
			self.host.signing_secret().encode(), timestamp.encode() + b"." + request.body, hashlib.sha256
		).hexdigest()
		self.assertEqual(request.headers["x-flow-signature"], f"sha256={expected}")
		self.assertLessEqual(int(timestamp), self.host.clock.now().timestamp())
		self.assertEqual(request.headers["idempotency-key"], f"{self.host.site}:delivery:{name}")
		body = json.loads(request.body)
		self.assertEqual((body["event"], body["merged"]), ("dispatch_job.opened", False))
		self.assertEqual(body["job"]["subject"], "Poser la fibre – « été » 🛠")
		self.assertNotIn("on_open_webhook", body["job"])

	def test_closing_a_job_tells_whoever_asked_for_it(self):
		for status in ("Completed", "Cancelled"):
			job = self.job(on_open_webhook=None, on_close_webhook=self.receiver.url("/closed"))
			self.assertEqual(self.of(job), [])
			self.update(job, status=status)
			self.update(job, assigned_group="Nobody")
			self.send()
			(request,) = self.seen(job)
			body = json.loads(request.body)
			self.assertEqual(
				(request.path, body["event"], body["job"]["status"]),
				("/closed", "dispatch_job.closed", status),
			)

	def test_a_request_that_joins_a_job_keeps_its_webhooks(self):
		job = self.job(on_open_webhook=None, on_close_webhook=self.receiver.url("/first"))
		self.join(job, on_open_webhook=self.receiver.url("/joined"))
		self.join(job, on_close_webhook=self.receiver.url("/second"))
		self.update(job, assigned_group="North")
		self.update(job, status="Completed")
		self.send()
		told = [(r.path, json.loads(r.body)["event"], json.loads(r.body)["merged"]) for r in self.seen(job)]
		self.assertEqual(
			sorted(told),
			[
				("/first", "dispatch_job.closed", False),
				("/joined", "dispatch_job.opened", True),
				("/second", "dispatch_job.closed", True),
			],
		)

	# --- what did not work the first time -----------------------------------------------------------------

	def test_a_server_error_is_tried_again_with_the_same_key_and_body(self):
		answers = iter([Answer(500), Answer(503)])
		self.receiver.answer = lambda request: next(answers, Answer())
		job = self.job()
		for _turn in range(4):
			self.send()
			self.send()
			self.pass_time(LONGEST_WAIT)
		self.assertEqual((self.one(job)["status"], self.one(job)["attempts"]), ("delivered", 3))
		self.assertEqual(len(self.seen(job)), 3)
		self.assertEqual(len({(r.body, r.headers["idempotency-key"]) for r in self.seen(job)}), 1)

	def test_answers_decide_whether_there_is_a_next_time(self):
		for status, then in (
			(201, "delivered"),
			(204, "delivered"),
			(301, "failed"),
			(307, "failed"),
			(400, "failed"),
			(401, "failed"),
			(404, "failed"),
			(410, "failed"),
			(422, "failed"),
			(408, "pending"),
			(429, "pending"),
			(500, "pending"),
			(503, "pending"),
		):
			with self.subTest(status=status):
				self.receiver.always(status, ("Location", self.receiver.url("/elsewhere")))
				job = self.job()
				self.send()
				delivery = self.one(job)
				self.assertEqual((delivery["status"], delivery["last_status"]), (then, status))
				self.assertEqual(bool(delivery["wake_at"]), then == "pending")
				self.assertEqual(bool(delivery["last_error"]), then != "delivered")
				self.assertEqual(len(self.seen(job)), 1)

	def test_a_receiver_that_asks_for_time_gets_it(self):
		self.receiver.always(429, ("Retry-After", "7200"))
		job = self.job()
		self.send()
		self.pass_time(1.9 * HOURS)
		self.send()
		self.assertEqual(len(self.seen(job)), 1)
		self.pass_time(0.2 * HOURS)
		self.send()
		self.assertEqual(len(self.seen(job)), 2)

	def test_it_is_given_up_after_its_attempts(self):
		self.receiver.always(500)
		job = self.job()
		for _turn in range(POLICY.max_attempts + 3):
			self.send()
			self.pass_time(LONGEST_WAIT)
		delivery = self.one(job)
		self.assertEqual((delivery["status"], delivery["attempts"]), ("failed", POLICY.max_attempts))
		self.assertEqual(len(self.seen(job)), POLICY.max_attempts)

	def test_a_receiver_that_hangs_is_left_alone_and_told_again_with_the_same_key(self):
		self.receiver.always(0)
		hanging, behind = self.job(), self.job()
		with mock.patch.object(deliveries, "TIMEOUT_SECONDS", 0.5):
			self.send()
		first, second = self.one(hanging), self.one(behind)
		self.assertEqual((first["status"], first["attempts"]), ("pending", 1))
		self.assertEqual((second["status"], second["attempts"]), ("pending", 0))
		self.receiver.always(200)
		self.pass_time(max(SILENCE_SECONDS, POLICY.backoff_seconds) + 5)
		self.send()
		self.assertEqual(
			(self.one(hanging)["status"], self.one(behind)["status"]), ("delivered", "delivered")
		)
		self.assertEqual(len(self.keys(hanging)), 2)
		self.assertEqual(len(set(self.keys(hanging))), 1)

	def test_nobody_there_is_tried_again(self):
		job = self.job(on_open_webhook="http://127.0.0.1:1/hook")
		self.send()
		delivery = self.one(job)
		self.assertEqual((delivery["status"], delivery["last_status"]), ("pending", 0))
		self.assertTrue(delivery["last_error"])

	def test_addresses_nobody_allowed_are_not_called(self):
		self.host = replace(self.host, delivery_client=lambda: GuardedHttpClient(max_redirects=0))
		job = self.job()
		self.send()
		self.assertEqual((self.one(job)["status"], self.seen(job)), ("failed", []))

	# --- workers ------------------------------------------------------------------------------------------

	def test_a_worker_lost_between_sending_and_recording_sends_again_with_the_same_key(self):
		def die() -> None:
			raise Killed

		job = self.job()
		with self.assertRaises(Killed):
			send_due(self.meddling(die), 60)
		self.assertEqual(self.one(job)["status"], "sending")
		self.send()
		self.assertEqual(len(self.seen(job)), 1, "its lease still runs")
		self.pass_time(SENDING_SECONDS + 5)
		self.send()
		self.assertEqual((self.one(job)["status"], self.one(job)["attempts"]), ("delivered", 2))
		self.assertEqual((len(self.keys(job)), len(set(self.keys(job)))), (2, 1))

	def test_one_that_takes_every_worker_down_is_given_up(self):
		def die() -> None:
			raise Killed

		job = self.job()
		for _turn in range(POLICY.max_attempts):
			with self.assertRaises(Killed):
				send_due(self.meddling(die), 60)
			self.pass_time(SENDING_SECONDS + 5)
		self.send()
		self.assertEqual(self.one(job)["status"], "failed")
		self.assertEqual(len(self.seen(job)), POLICY.max_attempts)

	def test_a_worker_that_lost_its_lease_records_nothing(self):
		answers = iter([Answer(404)])
		self.receiver.answer = lambda request: next(answers, Answer())
		job = self.job()

		def another_delivers() -> None:
			self.pass_time(SENDING_SECONDS + 5)
			self.send()

		send_due(self.meddling(another_delivers), 60)
		self.assertEqual(len(self.seen(job)), 2)
		delivery = self.one(job)
		self.assertEqual((delivery["status"], delivery["attempts"]), ("delivered", 2))
		self.assertFalse(delivery["last_error"])

	def test_what_one_worker_holds_no_other_claims(self):
		name = self.one(self.job())["name"]
		first = {claim.name for claim in self.host.deliveries.claim(1000, 60)}
		second = {claim.name for claim in self.host.deliveries.claim(1000, 60)}
		self.assertIn(name, first)
		self.assertNotIn(name, second)

	# --- operators ----------------------------------------------------------------------------------------

	def test_an_operator_sends_again_what_was_delivered_or_failed(self):
		for status in (200, 404):
			self.receiver.always(status)
			job = self.job()
			self.send()
			self.receiver.always(200)
			redeliver(self.host, self.one(job)["name"])
			self.send()
			self.assertEqual((self.one(job)["status"], self.one(job)["attempts"]), ("delivered", 1))
			self.assertEqual((len(self.keys(job)), len(set(self.keys(job)))), (2, 1))

	def test_what_is_cancelled_is_sent_no_more(self):
		job = self.job()
		cancel(self.host, self.one(job)["name"])
		self.send()
		self.assertEqual((self.one(job)["status"], self.seen(job)), ("cancelled", []))

	def test_what_is_cancelled_while_it_is_sent_stays_cancelled(self):
		job = self.job()
		name = self.one(job)["name"]
		send_due(self.meddling(lambda: cancel(self.host, name)), 60)
		self.assertEqual((self.one(job)["status"], len(self.seen(job))), ("cancelled", 1))

	def test_what_has_ended_is_not_cancelled(self):
		job = self.job()
		self.send()
		with self.assertRaises(DeliveryFinal):
			cancel(self.host, self.one(job)["name"])

	def test_what_does_not_exist_is_said_so(self):
		for act in (redeliver, cancel):
			with self.assertRaises(DeliveryNotFound):
				act(self.host, f"FD-{uuid.uuid4().hex[:8]}")

	def test_operators_acts_leave_an_audit_event(self):
		job = self.job()
		name = self.one(job)["name"]
		redeliver(self.host, name)
		cancel(self.host, name)
		done = [
			row["event_type"]
			for row in self.rows("Flow Audit Event")
			if json.loads(row["details"] or "{}").get("delivery") == name
		]
		self.assertEqual(sorted(done), ["delivery.cancelled", "delivery.redelivered"])
