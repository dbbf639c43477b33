"""Text messages through the gateway of Frappe's SMS Settings, by the engine's own guarded HTTP client.

Frappe's own sender knows neither time limits nor idempotency keys, and would call private addresses.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import frappe

from flow_engine.engine.errors import HttpNotSent, MessageRefused
from flow_engine.engine.ports import HttpClient

# The gateway says that it did not take the message, and that it might another time.
_LATER = (408, 429)
_SHORTEST_SECRET = 4


class GatewayBusy(HttpNotSent):
	"""The SMS gateway did not take the message."""


def send_sms(http: HttpClient, *, to: str, body: str, key: str, timeout_seconds: float) -> dict[str, Any]:
	"""One message to one number, now: `{status, answer}`.

	Raises MessageRefused (no gateway, or it refused), GatewayBusy, and what the HTTP client raises.
	"""
	settings = frappe.get_cached_doc("SMS Settings")
	url = (settings.sms_gateway_url or "").strip()
	if not (url and settings.message_parameter and settings.receiver_parameter):
		raise MessageRefused("No SMS gateway is set up in SMS Settings.")
	fixed = [(row.parameter, row.value or "", bool(row.header)) for row in settings.parameters]
	# Keys and passwords are filled in by the client, which keeps them out of every message and answer.
	secrets = {f"sms{place}": value for place, (_name, value, _header) in enumerate(fixed)}
	headers = {"Accept": "text/plain, text/html, */*", "Idempotency-Key": key}
	headers.update({name: _secret(place) for place, (name, _value, header) in enumerate(fixed) if header})
	message = {settings.message_parameter: body, settings.receiver_parameter: to}
	in_json = any(
		header and name.lower() == "content-type" and "json" in value.lower() for name, value, header in fixed
	)
	content: str | None = None
	if in_json or settings.use_post:
		parameters = {**message, **{name: value for name, value, header in fixed if not header}}
		content = json.dumps(parameters) if in_json else urlencode(parameters)
		if not in_json:
			headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
	else:
		pairs = [urlencode(message)]
		pairs += [
			f"{quote(name)}={_secret(place)}" for place, (name, _v, header) in enumerate(fixed) if not header
		]
		url += ("&" if "?" in url else "?") + "&".join(pairs)
	reply = http.request(
		"POST" if content is not None else "GET",
		url,
		headers=headers,
		body=content,
		timeout_seconds=timeout_seconds,
		secret=lambda name, host: secrets[name],
	)
	answer = _redact(" ".join(reply.body.split()), [value for _name, value, _header in fixed])[:200]
	if 200 <= reply.status < 300:
		return {"status": reply.status, "answer": answer}
	if reply.status in _LATER or reply.status >= 500:
		raise GatewayBusy(f"The SMS gateway answered {reply.status}: {answer}")
	raise MessageRefused(f"The SMS gateway answered {reply.status}: {answer}")


def _secret(place: int) -> str:
	return f"{{{{secret.sms{place}}}}}"


def _redact(text: str, values: list[str]) -> str:
	for value in sorted(values, key=len, reverse=True):
		if len(value) >= _SHORTEST_SECRET:
			text = text.replace(value, "***")
	return text
