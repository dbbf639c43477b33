"""What webhook endpoints keep on every host, as tests against a real receiver: mixed into a host's TestCase.

The class brings `make_host`, `pass_time` and `rows` as in `ContractBase`; its host may call 127.0.0.1.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flow_engine.engine.delivery_rules import POLICY
from flow_engine.engine.errors import InvalidWebhookEndpoint, NameTaken, SaveConflict, WebhookEndpointNotFound
from flow_engine.engine.ports import AuditEvent
from flow_engine.engine.webhooks import FAILING_ATTEMPTS, GIVEN_UP_LIMIT
from flow_engine.outbound.http import GuardedHttpClient
from flow_engine.service import webhooks
from flow_engine.service.deliveries import redeliver, send_due
from flow_engine.testing.receiver import Answer, Receiver

HOUR = 3_600.0
LONGEST_WAIT = POLICY.max_delay_seconds + 60
SECRET = "a secret that is long enough"


class Undone(Exception):
	"""Ends a transaction that was not to be."""


def is_signed(request: Any, secret: str) -> bool:
	"""As a receiver checks it that has read the documentation and nothing else."""
	told = request.headers["x-flow-timestamp"].encode() + b"." + request.body
	expected = "sha256=" + hmac.new(secret.encode(), told, hashlib.sha256).hexdigest()
	signatures = request.headers["x-flow-signature"].split(",")
	return any(hmac.compare_digest(one.strip(), expected) for one in signatures)


class WebhookContract:
	"""No TestCase, so that importing it collects nothing."""

	host: Any

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
		self.mark = uuid.uuid4().hex[:8]
		self.made_endpoints: list[str] = []
		self.host = self.make_host()

	# --- words --------------------------------------------------------------------------------------------

	def endpoint(self, events: str = "run.*", path: str = "/events", **values: Any) -> str:
		name = f"Endpoint {self.mark} {len(self.made_endpoints)}"
		given = {"endpoint_name": name, "url": self.receiver.url(path), "events": events, "secret": SECRET}
		webhooks.create_endpoint(self.host, {**given, **values})
		self.made_endpoints.append(name)
		return name

	def tell(self, event_type: str = "run.failed", **facts: Any) -> None:
		event = AuditEvent(event_type, **{"details": {"mark": self.mark}, **facts})
		self.host.runs.transact(lambda: self.host.runs.audit(event))

	def of(self, endpoint: str) -> list[Mapping[str, Any]]:
		return self.rows("Flow Delivery", reference_name=endpoint)

	def statuses(self, endpoint: str) -> list[str]:
		return sorted(row["status"] for row in self.of(endpoint))

	def send(self) -> int:
		return send_due(self.host, 60)

	def seen(self, path: str = "/events") -> list[Any]:
		return [request for request in self.receiver.seen if request.path == path]

	def bodies(self, path: str = "/events") -> list[dict[str, Any]]:
		return [json.loads(request.body) for request in self.seen(path)]

	def shown(self, name: str) -> dict[str, Any]:
		return webhooks.get_endpoint(self.host, name)["endpoint"]

	def audited(self, name: str) -> list[str]:
		rows = sorted(self.rows("Flow Audit Event"), key=lambda row: row["name"])
		mine = [row for row in rows if json.loads(row["details"] or "{}").get("endpoint") == name]
		return [row["event_type"] for row in mine]

	# --- who is told what ---------------------------------------------------------------------------------

	def test_an_endpoint_is_told_of_what_it_asked_for_and_of_nothing_else(self):
		name = self.endpoint("run.failed, template.*")
		for event in ("run.failed", "run.completed", "template.published", "runs.failed", "template"):
			self.tell(event)
		self.send()
		self.assertEqual([body["event_type"] for body in self.bodies()], ["run.failed", "template.published"])
		self.assertEqual(self.statuses(name), ["delivered", "delivered"])

	def test_what_is_sent_is_the_event_and_anybody_with_the_secret_can_check_it(self):
		name = self.endpoint()
		self.tell(
			"run.failed",
			reason="Poser – « été » 🛠",
			from_status="running",
			to_status="failed",
			step_id="a",
			user="",
		)
		self.send()
		((request,), (body,)) = self.seen(), self.bodies()
		row = next(row for row in self.rows("Flow Audit Event") if row["name"] == body["id"])
		self.assertEqual(
			{key: value for key, value in body.items() if key not in ("id", "created_at")},
			{
				"event_type": "run.failed",
				"actor": None,
				"template": None,
				"run": None,
				"step": "a",
				"status_from": "running",
				"status_to": "failed",
				"reason": "Poser – « été » 🛠",
				"metadata": {"mark": self.mark},
			},
		)
		self.assertEqual(row["event_type"], "run.failed")
		self.assertRegex(body["created_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\+00:00$")
		self.assertTrue(is_signed(request, SECRET))
		self.assertFalse(is_signed(request, SECRET + "!"))
		(delivery,) = self.of(name)
		self.assertEqual(request.headers["idempotency-key"], f"{self.host.site}:delivery:{delivery['name']}")
		self.assertEqual(request.headers["x-flow-event"], "run.failed")

	def test_an_endpoint_is_not_told_of_itself_but_others_are(self):
		first, second = self.endpoint("*", "/first"), self.endpoint("webhook.*", "/second")
		webhooks.update_endpoint(self.host, first, {"events": "webhook.*"}, None)
		self.send()
		told = [body["metadata"]["endpoint"] for body in self.bodies("/first")]
		self.assertEqual(set(told) & {first, second}, {second})
		told = [body["metadata"]["endpoint"] for body in self.bodies("/second")]
		self.assertEqual(set(told) & {first, second}, {first})

	def test_a_filter_by_flow_leaves_other_flows_out(self):
		self.endpoint("*", flow_template=self.a_flow())
		self.tell(flow_template=self.a_flow())
		self.tell(flow_template=None)
		self.send()
		self.assertEqual([body["template"] for body in self.bodies()], [self.a_flow()])

	def a_flow(self) -> str:
		"""The name of a flow that there is."""
		raise NotImplementedError

	def test_what_is_undone_is_not_told(self):
		name = self.endpoint()

		def work() -> None:
			self.host.runs.audit(AuditEvent("run.failed"))
			raise Undone

		with self.assertRaises(Undone):
			self.host.runs.transact(work)
		self.send()
		self.assertEqual((self.of(name), self.seen()), ([], []))

	def test_events_come_with_ids_in_the_order_they_happened(self):
		self.endpoint()
		for number in range(20):
			self.tell(details={"number": number})
		self.send()
		bodies = sorted(self.bodies(), key=lambda body: body["id"])
		self.assertEqual([body["metadata"]["number"] for body in bodies], list(range(20)))

	# --- filling in ---------------------------------------------------------------------------------------

	def test_what_cannot_be_is_refused_by_field(self):
		good = {"endpoint_name": f"E {self.mark}", "url": "https://example.com/x", "events": "*"}
		for change, path in (
			({"endpoint_name": " "}, "endpoint_name"),
			({"url": ""}, "url"),
			({"url": "ftp://example.com"}, "url"),
			({"url": "https://user:word@example.com/"}, "url"),
			({"url": "https://example.com/{{secret.key}}"}, "url"),
			({"url": "https://example.com/" + "x" * 2_000}, "url"),
			({"events": ""}, "events"),
			({"events": "run.*.x"}, "events"),
			({"events": "run*"}, "events"),
			({"events": "RUN.failed"}, "events"),
			({"events": "; drop table"}, "events"),
			({"secret": "short"}, "secret"),
		):
			with self.subTest(change=change):
				with self.assertRaises(InvalidWebhookEndpoint) as caught:
					webhooks.create_endpoint(self.host, {**good, **change})
				self.assertEqual({p["path"] for p in caught.exception.as_dict()["problems"]}, {path})
		self.assertEqual(self.rows("Flow Webhook Endpoint", name=f"E {self.mark}"), [])

	def test_a_secret_that_nobody_gives_is_made_and_shown_once(self):
		name = f"Endpoint {self.mark} own"
		self.made_endpoints.append(name)
		values = {"endpoint_name": name, "url": self.receiver.url("/own"), "events": "run.*"}
		secret = webhooks.create_endpoint(self.host, values)["secret"]
		self.assertGreaterEqual(len(secret), 32)
		self.assertNotIn(secret, json.dumps(webhooks.list_endpoints(self.host), default=str))
		self.tell()
		self.send()
		self.assertTrue(is_signed(self.seen("/own")[0], secret))

	def test_names_are_taken_once_and_a_save_is_of_what_was_read(self):
		name = self.endpoint()
		with self.assertRaises(NameTaken):
			webhooks.create_endpoint(
				self.host, {"endpoint_name": name, "url": "https://example.com", "events": "*"}
			)
		with self.assertRaises(SaveConflict):
			webhooks.update_endpoint(self.host, name, {"events": "*"}, "2001-01-01 00:00:00")
		modified = self.shown(name)["modified"]
		webhooks.update_endpoint(self.host, name, {"events": "*"}, modified)
		self.assertEqual(self.shown(name)["events"], ["*"])
		for act in (webhooks.get_endpoint, webhooks.test, webhooks.delete_endpoint, webhooks.rotate_secret):
			with self.assertRaises(WebhookEndpointNotFound):
				act(self.host, "nobody")

	def test_what_is_done_to_it_is_told_in_the_trail(self):
		name = self.endpoint()
		webhooks.update_endpoint(self.host, name, {"events": "run.failed"}, None)
		webhooks.update_endpoint(self.host, name, {"events": "run.failed"}, None)
		webhooks.pause(self.host, name, "for a while")
		webhooks.resume(self.host, name)
		webhooks.rotate_secret(self.host, name)
		webhooks.test(self.host, name)
		webhooks.delete_endpoint(self.host, name)
		done = ["created", "changed", "paused", "resumed", "secret_rotated", "tested", "deleted"]
		self.assertEqual(self.audited(name), [f"webhook.{what}" for what in done])

	# --- secrets that take each other's place -------------------------------------------------------------

	def test_while_a_secret_is_replaced_both_sign_and_then_the_new_one_alone(self):
		name = self.endpoint()
		fresh = webhooks.rotate_secret(self.host, name, overlap_hours=2)["secret"]
		self.tell()
		self.send()
		(during,) = self.seen()
		self.assertTrue(is_signed(during, SECRET) and is_signed(during, fresh))
		self.pass_time(2 * HOUR + 60)
		self.tell()
		self.send()
		after = self.seen()[1]
		self.assertEqual((is_signed(after, SECRET), is_signed(after, fresh)), (False, True))

	def test_a_secret_that_is_known_to_others_is_replaced_at_once(self):
		name = self.endpoint()
		fresh = webhooks.rotate_secret(self.host, name, overlap_hours=0)["secret"]
		self.tell()
		self.send()
		(request,) = self.seen()
		self.assertEqual((is_signed(request, SECRET), is_signed(request, fresh)), (False, True))

	def test_the_key_of_other_deliveries_is_replaced_the_same_way(self):
		before = self.host.signing_secret()
		answer = webhooks.rotate_signing_secret(self.host, 1)
		self.assertNotEqual(answer["signing_secret"], before)
		self.assertEqual(list(self.host.signing_secrets()), [answer["signing_secret"], before])
		webhooks.rotate_signing_secret(self.host, 0)
		self.assertEqual(len(self.host.signing_secrets()), 1)
		self.assertNotIn(self.host.signing_secret(), (answer["signing_secret"], before))

	# --- an endpoint that takes nothing -------------------------------------------------------------------

	def dead(self) -> str:
		"""An endpoint that was paused by itself after answering 404 to everything."""
		name = self.endpoint()
		self.receiver.always(404)
		for _number in range(GIVEN_UP_LIMIT):
			self.tell()
		self.send()
		return name

	def test_an_endpoint_that_refuses_everything_is_left_alone_and_misses_nothing(self):
		name = self.dead()
		shown = self.shown(name)
		self.assertEqual((shown["status"], bool(shown["paused_reason"])), ("paused", True))
		self.assertEqual(self.audited(name), ["webhook.created", "webhook.paused"])
		self.tell()
		self.send()
		self.assertEqual(len(self.seen()), GIVEN_UP_LIMIT)
		self.assertEqual(self.statuses(name), ["failed"] * GIVEN_UP_LIMIT + ["held"])
		self.assertEqual(self.shown(name)["held"], 1)
		before = {row["idempotency_key"] for row in self.of(name)}
		self.receiver.always(200)
		answer = webhooks.resume(self.host, name)
		self.assertEqual((answer["endpoint"]["status"], answer["missed"]), ("on", GIVEN_UP_LIMIT + 1))
		self.send()
		self.assertEqual(self.statuses(name), ["delivered"] * (GIVEN_UP_LIMIT + 1))
		self.assertEqual({request.headers["idempotency-key"] for request in self.seen()}, before)
		self.assertEqual(len({body["id"] for body in self.bodies()}), GIVEN_UP_LIMIT + 1)

	def test_what_it_missed_may_be_dropped(self):
		name = self.dead()
		self.tell()
		webhooks.resume(self.host, name, "drop")
		self.receiver.always(200)
		self.send()
		self.assertEqual(self.statuses(name), ["cancelled"] + ["failed"] * GIVEN_UP_LIMIT)
		self.tell()
		self.send()
		self.assertEqual(self.statuses(name)[1], "delivered")

	def test_one_that_answers_nothing_for_a_day_is_left_alone(self):
		name = self.endpoint()
		self.receiver.always(500)
		self.tell()
		for _hour in range(30):
			self.send()
			if self.shown(name)["status"] == "paused":
				break
			self.pass_time(HOUR)
			self.tell()
		shown = self.shown(name)
		self.assertEqual(shown["status"], "paused")
		self.assertGreaterEqual(shown["failed_attempts"], FAILING_ATTEMPTS)
		# Those that had their attempts behind them by then are the operator's to send again.
		self.assertEqual(set(self.statuses(name)) - {"failed"}, {"held"})

	def test_one_delivery_taken_in_between_begins_the_count_anew(self):
		name = self.endpoint()
		answers = [Answer(404)] * (GIVEN_UP_LIMIT - 1) + [Answer(200)] + [Answer(404)] * (GIVEN_UP_LIMIT - 1)
		wanted = iter(answers)
		self.receiver.answer = lambda request: next(wanted)
		for _answer in answers:
			self.tell()
			self.send()
		self.assertEqual(len(self.seen()), len(answers))
		self.assertEqual(self.shown(name)["status"], "on")
		self.assertEqual(self.shown(name)["given_up"], GIVEN_UP_LIMIT - 1)

	def test_pausing_by_hand_holds_what_waits_and_what_comes(self):
		name = self.endpoint()
		self.tell()
		webhooks.pause(self.host, name, "they are moving")
		self.tell()
		self.send()
		self.assertEqual((self.statuses(name), self.seen()), (["held", "held"], []))
		webhooks.resume(self.host, name)
		self.send()
		self.assertEqual(self.statuses(name), ["delivered", "delivered"])

	def test_sending_again_while_it_is_paused_is_held_too_and_counts_as_no_attempt(self):
		name = self.endpoint()
		self.tell()
		self.send()
		webhooks.pause(self.host, name, "")
		redeliver(self.host, self.of(name)[0]["name"])
		self.send()
		(delivery,) = self.of(name)
		self.assertEqual((delivery["status"], delivery["attempts"], len(self.seen())), ("held", 0, 1))

	def test_what_was_not_sent_goes_to_the_new_address(self):
		name = self.endpoint()
		self.receiver.always(404)
		self.tell()
		self.send()
		self.receiver.always(200)
		self.tell()
		webhooks.update_endpoint(self.host, name, {"url": self.receiver.url("/moved")}, None)
		redeliver(self.host, next(row["name"] for row in self.of(name) if row["status"] == "failed"))
		self.send()
		self.assertEqual((len(self.seen()), len(self.seen("/moved"))), (1, 2))

	def test_an_endpoint_that_is_off_or_gone_is_sent_nothing_more(self):
		off, gone = self.endpoint(path="/off"), self.endpoint(path="/gone")
		self.tell()
		webhooks.update_endpoint(self.host, off, {"enabled": False}, None)
		webhooks.delete_endpoint(self.host, gone)
		self.tell()
		self.send()
		self.assertEqual((self.seen("/off"), self.seen("/gone")), ([], []))
		self.assertEqual((self.statuses(off), self.statuses(gone)), (["cancelled"], ["cancelled"]))

	# --- trying it out ------------------------------------------------------------------------------------

	def test_a_test_says_what_came_of_it_and_is_tried_once(self):
		name = self.endpoint()
		for status, outcome in ((200, "delivered"), (500, "failed"), (404, "failed")):
			self.receiver.always(status)
			answer = webhooks.test(self.host, name)
			self.assertEqual((answer["status"], answer["last_status"]), (outcome, status))
		self.pass_time(LONGEST_WAIT)
		self.send()
		self.assertEqual([body["event_type"] for body in self.bodies()], ["test.ping"] * 3)
		self.assertTrue(all(is_signed(request, SECRET) for request in self.seen()))
		self.assertEqual(self.shown(name)["given_up"], 0)
		webhooks.pause(self.host, name, "")
		self.receiver.always(200)
		self.assertEqual(webhooks.test(self.host, name)["status"], "delivered")

	def test_addresses_nobody_allowed_are_not_called(self):
		name = self.endpoint()
		self.host = replace(self.host, delivery_client=lambda: GuardedHttpClient(max_redirects=0))
		answer = webhooks.test(self.host, name)
		self.assertEqual((answer["status"], answer["last_status"], self.seen()), ("failed", None, []))
		self.assertTrue(answer["last_error"])
