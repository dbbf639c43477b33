"""webhook: calls another system over HTTP, with the same key on every attempt."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flow_engine.engine.errors import BadTemplate
from flow_engine.engine.kinds.base import Effect, Field, Kind, Result, StepContext
from flow_engine.engine.kinds.retry_after import retry_after_seconds
from flow_engine.engine.outcomes import Done, Fail, Outcome, Retry
from flow_engine.engine.ports import HttpReply

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
DEFAULT_METHOD = "POST"
REPEATABLE = ("GET", "HEAD", "PUT", "DELETE")
TRY_AGAIN = (408, 429)
KEY_HEADER = "Idempotency-Key"
# What the call itself or the HTTP client decides.
RESERVED = ("idempotency-key", "host", "content-length", "transfer-encoding", "connection", "upgrade", "te")
REDACTED = "***"

_HEADER_NAME = re.compile(r"\A[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
_LINE_BREAK = re.compile(r"[\r\n\x00]")
_HIDDEN = re.compile(r"\{\{\s*secret\.[^{}]*\}\}")


def call(ctx: StepContext) -> Outcome:
	"""One request. Secrets stay placeholders: the port fills them in and strikes them from the answer.

	Raises BadTemplate and what the HTTP port raises.
	"""
	method = method_of(ctx.payload)
	url = str(ctx.payload.get("url") or "").strip()
	if _LINE_BREAK.search(url):
		raise BadTemplate("The URL has a line break in it.")
	body = _body(method, ctx.payload.get("body_template"))
	headers = _headers(ctx.payload.get("headers"), with_body=body is not None)
	headers[KEY_HEADER] = ctx.key
	reply = ctx.http.request(
		method,
		url,
		headers=headers,
		body=body,
		timeout_seconds=ctx.timeout_seconds,
		secret=ctx.secret,
	)
	return _outcome(ctx, url, reply)


def _outcome(ctx: StepContext, url: str, reply: HttpReply) -> Outcome:
	result = {"status": reply.status, "body": _parsed(reply.body)}
	if 200 <= reply.status < 300:
		return Done(result)
	message = f"{_shown(url)} answered {reply.status}."
	if reply.status in TRY_AGAIN or reply.status >= 500:
		after = retry_after_seconds(reply.headers.get("retry-after"), ctx.now)
		return Retry("http_status", message, after, result)
	return Fail("http_status", message, result)


def _headers(raw: Any, *, with_body: bool) -> dict[str, str]:
	headers: dict[str, str] = {}
	for name, value in (raw or {}).items() if isinstance(raw, Mapping) else ():
		text = _header_text(value)
		if not _HEADER_NAME.match(name) or name.lower() in RESERVED or _LINE_BREAK.search(text):
			raise BadTemplate(f"The header {name[:100]!r} cannot be sent.")
		headers[name] = text
	if with_body and not any(name.lower() == "content-type" for name in headers):
		headers["Content-Type"] = "application/json"
	return headers


def _header_text(value: Any) -> str:
	if value is None:
		return ""
	return value.strip(" \t") if isinstance(value, str) else json.dumps(value, default=str)


def _body(method: str, data: Any) -> str | None:
	if method == "GET" or data is None or data == "":
		return None
	try:
		return json.dumps(data, ensure_ascii=False, allow_nan=False)
	except (TypeError, ValueError, RecursionError) as error:
		raise BadTemplate(f"The body is not JSON: {error}") from None


def _parsed(text: str) -> Any:
	try:
		return json.loads(text)
	except (ValueError, RecursionError):
		return text


def _shown(url: str) -> str:
	"""The address without query, user or secrets."""
	try:
		parts = urlsplit(_HIDDEN.sub(REDACTED, url))
	except ValueError:
		return "The address"
	return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def method_of(payload: Mapping[str, Any]) -> str:
	return str(payload.get("method") or DEFAULT_METHOD).upper()


def repeat_safe(payload: Mapping[str, Any]) -> bool:
	"""What the step says, else what the method promises."""
	said = payload.get("repeat_safe")
	if said is None or said == "":
		return method_of(payload) in REPEATABLE
	return said in (True, 1, "1", "true")


def check(payload: Mapping[str, Any]) -> list[tuple[str, str, str]]:
	"""Headers are one flat object of names that may be set."""
	headers = payload.get("headers")
	if isinstance(headers, str):
		try:
			headers = json.loads(headers) if headers.strip() else None
		except (ValueError, RecursionError):
			return []  # said already, as bad_json
	if headers is None:
		return []
	if not isinstance(headers, Mapping):
		return [("headers", "bad_value", "Headers are a JSON object of names and values.")]
	problems = []
	for name, value in headers.items():
		if not isinstance(name, str) or not _HEADER_NAME.match(name):
			problems.append(("headers", "bad_value", f"{str(name)[:100]!r} is not a header name."))
		elif name.lower() in RESERVED:
			problems.append(("headers", "bad_value", f"The header {name} is set by the call itself."))
		elif isinstance(value, Mapping | list):
			problems.append(("headers", "bad_value", f"The value of the header {name} is one text."))
	return problems


KIND = Kind(
	name="webhook",
	label="Webhook",
	icon="external-link",
	colour="#7c3aed",
	effect=Effect.EXTERNAL,
	repeat_safe_of=repeat_safe,
	handle=call,
	check=check,
	results=(Result("status", "HTTP status", "Int"), Result("body", "Answer", "JSON")),
	compensation="Only the other system knows how to undo a call; give the step a call of its own for that.",
	help=(
		"Calls another system over HTTP with JSON. The header Idempotency-Key is the same on every attempt. "
		"The result has the status and the body, parsed where it is JSON."
	),
	fields=(
		Field(
			"url",
			"URL",
			"text",
			required=True,
			secrets=True,
			single_line=True,
			help="http or https. {{secret.name}} is filled in when the call is sent.",
		),
		Field("method", "Method", "select", options=METHODS, default=DEFAULT_METHOD),
		Field(
			"headers",
			"Headers",
			"json",
			secrets=True,
			single_line=True,
			help='A JSON object, e.g. {"Authorization": "Bearer {{secret.crm}}"}.',
		),
		Field(
			"body_template",
			"Body",
			"json",
			depends_on={"field": "method", "op": "!=", "value": "GET"},
			help='JSON; placeholders stand inside strings, e.g. {"id": "{{doc.name}}"}.',
		),
		Field(
			"repeat_safe",
			"May be sent twice",
			"check",
			help=(
				"What to do when no answer came: send again (the receiver honours Idempotency-Key), or leave "
				"it to an operator. Unset: GET, PUT and DELETE are sent again."
			),
		),
	),
)
