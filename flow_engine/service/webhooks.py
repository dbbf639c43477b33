"""Webhook endpoints as the doors of both hosts share them: pausing, going on, trying out, secrets."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from flow_engine.engine.deliveries import NewDelivery
from flow_engine.engine.errors import BadInput, BadTemplate, HttpRefused, InvalidWebhookEndpoint
from flow_engine.engine.ports import AuditEvent
from flow_engine.engine.problems import Problem
from flow_engine.engine.webhooks import (
	DOCTYPE,
	MAX_URL,
	TEST_EVENT,
	Health,
	body_of,
	endpoint_problems,
	read_patterns,
)
from flow_engine.service import arguments as read
from flow_engine.service.deliveries import send_one
from flow_engine.service.endpoint_health import WebhookHost, audit, hold, put_pause

OVERLAP_HOURS, MAX_OVERLAP_HOURS = 24, 24 * 90
FIELDS = ("endpoint_name", "url", "events", "flow_template", "enabled", "secret")


def new_secret() -> str:
	return secrets.token_hex(32)


def check_endpoint(values: Mapping[str, Any]) -> None:
	"""Raises InvalidWebhookEndpoint with every problem."""
	problems = [*endpoint_problems(values), *_url_problems(str(values.get("url") or "").strip())]
	if problems:
		raise InvalidWebhookEndpoint(problems[0].message, problems=problems)


def _url_problems(url: str) -> list[Problem]:
	from flow_engine.outbound.target import parse_target

	if not url:
		return [Problem("url", None, "missing_field", "The endpoint needs an address.")]
	if len(url) > MAX_URL:
		return [Problem("url", None, "too_long", f"An address has {MAX_URL:,} characters at most.")]
	if "{{" in url:
		return [Problem("url", None, "bad_value", "The address of an endpoint is sent as it is written.")]
	try:
		parse_target(url)
	except (HttpRefused, BadTemplate) as error:
		return [Problem("url", None, "bad_value", error.message)]
	return []


# --- doors --------------------------------------------------------------------------------------------------


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
	"""Times as everywhere in the API."""
	return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}


def list_endpoints(host: WebhookHost) -> dict[str, Any]:
	return {"endpoints": [shown(row) for row in host.endpoints.find()]}


def get_endpoint(host: WebhookHost, name: Any) -> dict[str, Any]:
	return {"endpoint": shown(host.endpoints.get(read.needed(name, "name")))}


def create_endpoint(host: WebhookHost, values: Any) -> dict[str, Any]:
	"""The endpoint, and once its secret: nobody is shown it again."""
	values = _values(values)
	secret = str(values.get("secret") or "").strip() or new_secret()
	given = {"enabled": True, "events": "*", **values, "secret": secret}
	check_endpoint(given)
	name = host.runs.transact(lambda: host.endpoint_store.insert(given))
	return {**get_endpoint(host, name), "secret": secret}


def update_endpoint(host: WebhookHost, name: Any, values: Any, modified: Any) -> dict[str, Any]:
	name, values = read.needed(name, "name"), _values(values)
	values.pop("endpoint_name", None)
	values.pop("secret", None)  # its change has a door of its own, which keeps the former one for a while
	host.runs.transact(lambda: host.endpoint_store.update(name, values, read.text(modified, "modified")))
	return get_endpoint(host, name)


def delete_endpoint(host: WebhookHost, name: Any) -> dict[str, Any]:
	name = read.needed(name, "name")
	host.runs.transact(lambda: host.endpoint_store.delete(name))
	return {"deleted": name}


def _values(values: Any) -> dict[str, Any]:
	given = read.json_object(values, "values")
	kept = {key: given[key] for key in FIELDS if key in given}
	if "events" in kept:
		kept["events"] = "\n".join(read_patterns(kept["events"]))
	return kept


def rotate_secret(
	host: WebhookHost, name: Any, overlap_hours: Any = None, secret: Any = None
) -> dict[str, Any]:
	"""A new secret, shown this once; for as many hours deliveries carry a signature of the former one too."""
	name = read.needed(name, "name")
	hours = read.whole_number(overlap_hours, "overlap_hours", OVERLAP_HOURS, 0, MAX_OVERLAP_HOURS)
	fresh = read.text(secret, "secret") or new_secret()
	problems = [one for one in endpoint_problems({"secret": fresh}) if one.path == "secret"]
	if problems:
		raise InvalidWebhookEndpoint(problems[0].message, problems=problems)

	until = host.runs.transact(lambda: replace_secret(host, name, fresh, hours))
	return {"secret": fresh, "previous_until": until.isoformat() if until else None}


def replace_secret(
	host: WebhookHost, name: str, secret: str, overlap_hours: int = OVERLAP_HOURS
) -> datetime | None:
	"""In the current transaction; until when the former secret signs too."""
	row = host.endpoints.lock(name)
	until = host.runs.now() + timedelta(hours=overlap_hours) if overlap_hours else None
	host.endpoint_store.put_secret(name, secret, until)
	audit(host, row, "webhook.secret_rotated", details={"overlap_hours": overlap_hours})
	return until


def rotate_signing_secret(host: WebhookHost, overlap_hours: Any = None) -> dict[str, Any]:
	"""Another key for the deliveries that go to no endpoint, with the former one beside it for a while."""
	hours = read.whole_number(overlap_hours, "overlap_hours", OVERLAP_HOURS, 0, MAX_OVERLAP_HOURS)

	def work() -> datetime | None:
		until = host.runs.now() + timedelta(hours=hours) if hours else None
		host.endpoint_store.replace_signing_key(until)
		host.runs.audit(AuditEvent("delivery.signing_secret_rotated", details={"overlap_hours": hours}))
		return until

	until = host.runs.transact(work)
	return {
		"signing_secret": host.signing_secrets()[0],
		"previous_until": until.isoformat() if until else None,
	}


def pause(host: WebhookHost, name: Any, reason: Any) -> dict[str, Any]:
	"""Hold back what it would be told, until somebody lets it go on."""
	name = read.needed(name, "name")
	why = read.text(reason, "reason") or ""
	host.runs.transact(lambda: put_pause(host, name, why, user=None))
	hold(host, name)
	return get_endpoint(host, name)


def resume(host: WebhookHost, name: Any, missed: Any = None, reason: Any = None) -> dict[str, Any]:
	"""Tell it again. `missed`: `send` (the default) what was held and what was given up since its trouble
	began, or `drop` it. May be asked again: what a crash has left held is taken up then."""
	name = read.needed(name, "name")
	wanted = read.text(missed, "missed") or "send"
	if wanted not in ("send", "drop"):
		raise BadInput("`missed` is send or drop.")
	why = read.text(reason, "reason") or ""

	def work() -> datetime | None:
		row = host.endpoints.lock(name)
		since = host.endpoints.database.from_site(row["failing_since"])
		if row["paused_at"]:
			host.endpoints.put_pause(name, None, "")
			host.endpoints.put_health(name, Health())
			audit(host, row, "webhook.resumed", "paused", "on", why, details={"missed": wanted})
		return since

	since = host.runs.transact(work)
	count = 0
	while moved := host.runs.transact(lambda: _let_go(host, name, wanted, since)):
		count += moved
	host.jobs.hint()
	return {**get_endpoint(host, name), "missed": count}


def _let_go(host: WebhookHost, name: str, wanted: str, since: datetime | None) -> int:
	if wanted == "drop":
		return host.endpoints.drop(name, "Dropped when its endpoint went on.")
	return host.endpoints.release(name, since, host.runs.now())


def test(host: WebhookHost, name: Any) -> dict[str, Any]:
	"""Send a `test.ping` now, through everything a delivery goes through, and say what came of it. It is
	tried once, tells nothing about the endpoint's health, and goes out while the endpoint is paused too."""
	name = read.needed(name, "name")

	def work() -> str:
		row = host.endpoints.lock(name)
		now = host.runs.now()
		audit(host, row, "webhook.tested")
		event = {
			"id": f"test-{host.clock.token()[:20]}",
			"event_type": TEST_EVENT,
			"happened_at": now,
			"user": host.endpoints.database._user(),
			"details": {"test": True, "endpoint": name},
		}
		return host.deliveries.insert(
			NewDelivery(TEST_EVENT, row["url"], body_of(event), DOCTYPE, name), host.site
		)

	delivery = host.runs.transact(work)
	send_one(host, delivery)
	(found,) = host.deliveries.find({"name": delivery}, 1)
	told = ("status", "last_status", "last_error")
	return {"delivery": delivery, **{key: found[key] for key in told}}


def outcome_line(answer: Mapping[str, Any]) -> str:
	"""What came of a test, for a terminal."""
	status = f", HTTP {answer['last_status']}" if answer["last_status"] else ""
	error = f": {answer['last_error']}" if answer["last_error"] else ""
	return f"{answer['delivery']} {answer['status']}{status}{error}"


def secrets_in_use(
	current: str, previous: str | None, until: datetime | None, now: datetime
) -> Sequence[str]:
	"""What deliveries are signed with: the former secret too, as long as both are in use."""
	return (current, previous) if previous and until and now < until else (current,)
