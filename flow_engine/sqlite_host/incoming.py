"""A request made safe and readable: where it may come from, how large it may be, which arguments it carries.

The server has no login: it trusts whoever is on this machine. So a page of another site, opened in a browser
on this machine, must not be able to act here: requests must name this server in `Host` (against names that
are pointed at 127.0.0.1), and what changes something must not come from a foreign `Origin`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from flow_engine.engine.errors import BadInput, FlowError, InputTooLarge
from flow_engine.engine.interventions import MAX_INPUT_BYTES
from flow_engine.engine.plain import parse_json

MAX_BODY_BYTES = 4_000_000
LOOPBACK = ("localhost", "127.0.0.1", "::1")
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class ForeignRequest(FlowError):
	"""This server answers only requests that are addressed to it from its own pages."""

	code = "foreign_request"
	http_status = 403


class BodyTooLarge(FlowError):
	"""The posted body is too large."""

	code = "body_too_large"
	http_status = 413


def check_sender(request: Request, hosts: Collection[str] | None) -> None:
	"""hosts: names this server goes by; None when it listens for the whole network. Raises ForeignRequest."""
	name = host_of(f"//{request.environ.get('HTTP_HOST', '')}")
	if hosts is not None and name not in hosts:
		raise ForeignRequest(f"This server does not go by the name {name or ''!r}.")
	if request.method in ("GET", "HEAD", "OPTIONS"):
		return
	origin = request.headers.get("Origin")
	if origin is not None and _place(origin) != request.environ.get("HTTP_HOST", ""):
		raise ForeignRequest("The request comes from a page of another site.")
	if request.headers.get("Sec-Fetch-Site") == "cross-site":
		raise ForeignRequest("The request comes from a page of another site.")


def host_of(url: str) -> str | None:
	try:
		return urlsplit(url).hostname
	except ValueError:
		return None


def _place(url: str) -> str | None:
	try:
		return urlsplit(url).netloc
	except ValueError:
		return None


def body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
	"""The posted bytes. Raises InputTooLarge above what a step's input may have, BodyTooLarge otherwise."""
	refusal = InputTooLarge if limit == MAX_INPUT_BYTES else BodyTooLarge
	if (request.content_length or 0) > limit:
		raise refusal()
	data = request.get_data(cache=True, parse_form_data=False)
	if len(data) > limit:
		raise refusal()
	return data


def posted(request: Request, limit: int = MAX_BODY_BYTES) -> Any:
	"""The body as data: a form's fields as texts, anything else as JSON; None when there is none.

	Raises BadInput, InputTooLarge, BodyTooLarge.
	"""
	data = body(request, limit)
	if request.mimetype in FORMS:
		try:
			return _texts(request.form)
		except HTTPException as error:
			raise BadInput(f"The form cannot be read: {error.description}") from None
	if not data.strip():
		return None
	try:
		return parse_json(data.decode("utf-8-sig"))
	except (UnicodeDecodeError, ValueError) as error:
		raise BadInput(f"The body is not JSON: {error}") from None


def arguments(request: Request, limit: int = MAX_BODY_BYTES) -> dict[str, Any]:
	"""Query string, form or JSON object, the later ones winning. Raises BadInput, …"""
	given: dict[str, Any] = _texts(request.args)
	data = posted(request, limit) if request.method == "POST" else None
	if data is None:
		return given
	if not isinstance(data, dict):
		raise BadInput("The body must be a JSON object.")
	return {**given, **data}


def _texts(values: Any) -> dict[str, str]:
	return {key: value for key, value in values.items() if isinstance(value, str)}
