"""Inbound hooks as the doors of both hosts share them: made, changed, tried, their secret replaced."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from flow_engine.engine.errors import BadInput, FlowError
from flow_engine.engine.inbound import (
	AUTHENTICATIONS,
	DEFAULT_BODY_BYTES,
	DEFAULT_PER_MINUTE,
	DEFAULT_WINDOW_SECONDS,
	HMAC,
	MAX_BODY_BYTES,
	MAX_PER_MINUTE,
	MAX_WINDOW_SECONDS,
	Call,
	InvalidHook,
	sign,
)
from flow_engine.engine.ports import AuditEvent
from flow_engine.engine.problems import Problem
from flow_engine.service import arguments as read
from flow_engine.service.payloads import published_schema
from flow_engine.service.receiving import receive
from flow_engine.service.webhooks import MAX_OVERLAP_HOURS, OVERLAP_HOURS, new_secret
from flow_engine.store.inbound import SqlInbound

FIELDS = (
	"hook_name",
	"flow_template",
	"enabled",
	"authentication",
	"window_seconds",
	"max_body_bytes",
	"calls_per_minute",
)
# Field → (what it is when nothing is said, the least, the most).
NUMBERS: Mapping[str, tuple[int, int, int]] = {
	"window_seconds": (DEFAULT_WINDOW_SECONDS, 1, MAX_WINDOW_SECONDS),
	"max_body_bytes": (DEFAULT_BODY_BYTES, 1, MAX_BODY_BYTES),
	"calls_per_minute": (DEFAULT_PER_MINUTE, 1, MAX_PER_MINUTE),
}
MIN_SECRET, MAX_SECRET = 16, 500
# What a change of is told in the audit trail.
TOLD = tuple(field for field in FIELDS if field != "enabled")
LATEST_CALLS = 20


class HookRecords(Protocol):
	"""Where a host keeps hooks. Raises HookNotFound, InvalidHook, NameTaken, SaveConflict, NotAllowed."""

	def insert(self, values: Mapping[str, Any]) -> str: ...

	def update(self, name: str, values: Mapping[str, Any], modified: str | None = None) -> None: ...

	def delete(self, name: str) -> None: ...

	def secrets(self, name: str) -> Sequence[str]:
		"""Those that are good now: the present one, and the former one for as long as both are."""
		...

	def put_secret(self, name: str, secret: str, overlap_until: datetime | None) -> None: ...

	def url(self, name: str) -> str:
		"""Where its calls go."""
		...


@dataclass(frozen=True)
class Inbound:
	"""A host's inbound hooks."""

	store: SqlInbound
	records: HookRecords


def hook_values(given: Mapping[str, Any]) -> dict[str, Any]:
	"""The fields of a hook as its row holds them, with what is not said filled in. Raises InvalidHook with
	every problem."""
	problems: list[Problem] = []

	def problem(path: str, code: str, message: str) -> None:
		problems.append(Problem(path, None, code, message))

	values: dict[str, Any] = {
		"hook_name": str(given.get("hook_name") or "").strip(),
		"flow_template": str(given.get("flow_template") or "").strip(),
		"enabled": int(bool(given.get("enabled", 1))),
		"authentication": str(given.get("authentication") or HMAC),
	}
	if not values["hook_name"]:
		problem("hook_name", "missing_field", "The hook needs a name.")
	elif len(values["hook_name"]) > 140:
		problem("hook_name", "too_long", "The name has 140 characters at most.")
	if not values["flow_template"]:
		problem("flow_template", "missing_field", "Choose the flow that the hook starts.")
	if values["authentication"] not in AUTHENTICATIONS:
		problem("authentication", "bad_value", "A call proves itself by hmac or by token.")
	for field, (standard, least, most) in NUMBERS.items():
		value = given.get(field)
		try:
			number = standard if value in (None, "") else int(str(value)[:12])
		except ValueError:
			number = 0
		if not least <= number <= most:
			problem(field, "bad_value", f"This must be a whole number from {least:,} to {most:,}.")
		values[field] = number
	problems += secret_problems(given.get("secret"))
	if problems:
		raise InvalidHook(problems[0].message, problems=problems)
	return values


def secret_problems(secret: Any) -> list[Problem]:
	"""Of a secret that somebody chose; one that is not said is made."""
	if not secret:
		return []
	text = str(secret)
	if MIN_SECRET <= len(text) <= MAX_SECRET and text.isascii() and text.isprintable() and " " not in text:
		return []
	message = f"A secret has {MIN_SECRET} to {MAX_SECRET} letters, digits and signs, without blanks."
	return [Problem("secret", None, "bad_value", message)]


def audit(host: Any, event: str, row: Mapping[str, Any], reason: str = "", **details: Any) -> None:
	"""In the current transaction."""
	host.runs.audit(
		AuditEvent(
			event,
			flow_template=row.get("flow_template") or None,
			reason=reason,
			details={"hook": row["name"], "hook_name": row.get("hook_name"), **details},
		)
	)


def audit_change(host: Any, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> None:
	"""What became of a hook, in the transaction that changed it."""
	if before is None:
		audit(host, "hook.created", after)
		return
	changed = [field for field in TOLD if str(before.get(field)) != str(after.get(field))]
	if changed:
		audit(host, "hook.changed", after, fields=changed)
	if bool(before.get("enabled")) != bool(after.get("enabled")):
		audit(host, "hook.enabled" if after.get("enabled") else "hook.disabled", after)


# --- doors --------------------------------------------------------------------------------------------------


def list_hooks(host: Any, template: Any = None) -> dict[str, Any]:
	found = host.inbound.store.find(read.text(template, "template"))
	return {"hooks": [_shown(host, row) for row in found]}


def get_hook(host: Any, name: Any) -> dict[str, Any]:
	"""The hook, the schema of what it takes, how it is called by hand, and its last calls."""
	row = host.inbound.store.get(read.needed(name, "name"))
	schema = None
	try:
		trigger = host.templates.trigger_of(row["flow_template"])
		schema = published_schema(host, trigger.template, trigger.version)
		refused = None
		if not host.definitions.template(trigger.template).get("is_active"):
			refused = {"code": "template_inactive", "message": "The flow template is paused."}
	except FlowError as error:
		refused = {"code": error.code, "message": error.message}
	shown = _shown(host, row)
	return {
		"hook": {**shown, "payload_schema": schema, "refused": refused},
		"curl": curl_line(shown["url"], row["authentication"], schema),
		**list_calls(host, row["name"], LATEST_CALLS),
	}


def create_hook(host: Any, values: Any) -> dict[str, Any]:
	"""The hook, and once its secret: nobody is shown it again."""
	given = _given(values)
	secret = str(given.get("secret") or "") or new_secret()
	name = host.runs.transact(lambda: host.inbound.records.insert({**given, "secret": secret}))
	return {**get_hook(host, name), "secret": secret}


def update_hook(host: Any, name: Any, values: Any, modified: Any = None) -> dict[str, Any]:
	name, given = read.needed(name, "name"), _given(values)
	# Its change has a door of its own, which keeps the former one for a while.
	given.pop("secret", None)
	seen = read.text(modified, "modified")
	host.runs.transact(lambda: host.inbound.records.update(name, given, seen))
	return get_hook(host, name)


def delete_hook(host: Any, name: Any) -> dict[str, Any]:
	"""The calls that there were stay until their time."""
	name = read.needed(name, "name")
	host.runs.transact(lambda: host.inbound.records.delete(name))
	return {"deleted": name}


def rotate_secret(host: Any, name: Any, overlap_hours: Any = None, secret: Any = None) -> dict[str, Any]:
	"""A new secret, shown this once; for as many hours the former one is good too."""
	name = read.needed(name, "name")
	hours = read.whole_number(overlap_hours, "overlap_hours", OVERLAP_HOURS, 0, MAX_OVERLAP_HOURS)
	fresh = read.text(secret, "secret") or new_secret()
	problems = secret_problems(fresh)
	if problems:
		raise InvalidHook(problems[0].message, problems=problems)
	until = host.runs.transact(lambda: replace_secret(host, name, fresh, hours))
	return {"secret": fresh, "previous_until": until.isoformat() if until else None}


def replace_secret(host: Any, name: str, secret: str, hours: int = OVERLAP_HOURS) -> datetime | None:
	"""In the current transaction; until when the former secret is good."""
	row = host.inbound.store.lock(name)
	until = host.runs.now() + timedelta(hours=hours) if hours else None
	host.inbound.records.put_secret(name, secret, until)
	audit(host, "hook.secret_rotated", row, overlap_hours=hours)
	return until


def test_hook(host: Any, name: Any, payload: Any = None) -> dict[str, Any]:
	"""What a call with this payload would be answered now: signed with the secret, and taken through all that
	a call goes through, up to the run, which is not made. `{http_status, code, message, problems, …}`."""
	name = read.needed(name, "name")
	given = read.json_value(payload, "payload") if payload not in (None, "") else {}
	row = host.inbound.store.get(name)
	body = json.dumps(given, ensure_ascii=False).encode()
	timestamp = str(int(host.runs.transact(host.runs.now).timestamp()))
	secret = host.inbound.records.secrets(name)[0]
	proof = (
		{"x-flow-timestamp": timestamp, "x-flow-signature": sign(secret, timestamp, body)}
		if row["authentication"] == HMAC
		else {"x-flow-token": secret}
	)
	call = Call(body, {"content-type": "application/json", **proof}, address="test", dry=True)
	host.runs.transact(lambda: audit(host, "hook.tested", row))
	try:
		return {"http_status": 202, **receive(host, name, call)}
	except FlowError as error:
		return {"http_status": error.http_status, **error.as_dict()}


def list_calls(host: Any, name: Any, limit: Any = None, start: Any = None) -> dict[str, Any]:
	most = read.whole_number(limit, "limit", 50, 1, 500)
	found = host.inbound.store.calls(
		read.needed(name, "name"), most + 1, read.whole_number(start, "start", 0, 0, 10_000_000)
	)
	return {"calls": [_times(row) for row in found[:most]], "more": len(found) > most}


def _given(values: Any) -> dict[str, Any]:
	given = read.json_object(values, "values")
	unknown = sorted(set(given) - {*FIELDS, "secret"})
	if unknown:
		raise BadInput(f"{unknown[0]!r} is not a field of an inbound hook that can be written.")
	return given


def _shown(host: Any, row: Mapping[str, Any]) -> dict[str, Any]:
	return {**_times(row), "url": host.inbound.records.url(row["name"])}


def _times(row: Mapping[str, Any]) -> dict[str, Any]:
	return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}


# --- trying it by hand --------------------------------------------------------------------------------------

SECRET = "FLOW_SECRET"


def curl_line(url: str, authentication: str, schema: Mapping[str, Any] | None) -> str:
	"""Commands for a shell that send a call; the secret is read from the environment, and stands nowhere."""
	body = json.dumps(sample_payload(schema), ensure_ascii=False).replace("'", "'\\''")
	if authentication != HMAC:
		return (
			f"body='{body}'\n"
			f"curl -sS -X POST '{url}' -H 'Content-Type: application/json' \\\n"
			f'  -H "X-Flow-Token: ${SECRET}" -H "X-Flow-Id: $(date +%s)-$RANDOM" --data-binary "$body"'
		)
	return (
		f"body='{body}'\n"
		"time=$(date +%s)\n"
		'sign=$(printf \'%s.%s\' "$time" "$body" '
		f"| openssl dgst -sha256 -hmac \"${SECRET}\" -hex | sed 's/^.*= *//')\n"
		f"curl -sS -X POST '{url}' -H 'Content-Type: application/json' \\\n"
		'  -H "X-Flow-Timestamp: $time" -H "X-Flow-Signature: sha256=$sign" \\\n'
		'  -H "X-Flow-Id: $time-$RANDOM" --data-binary "$body"'
	)


_SAMPLES: Mapping[str, Any] = {
	"string": "text",
	"number": 1.5,
	"integer": 1,
	"boolean": True,
	"array": [],
	"object": {},
	"null": None,
}
_FORMATS = {
	"date": "2026-01-31",
	"date-time": "2026-01-31T09:00:00",
	"email": "ann@example.com",
	"uri": "https://example.com",
}


def sample_payload(schema: Mapping[str, Any] | None) -> dict[str, Any]:
	"""Something for every field that has to be given; a beginning, not always valid."""
	fields = (schema or {}).get("properties")
	required = (schema or {}).get("required") or ()
	if not isinstance(fields, Mapping):
		return {}
	return {name: _sample(field) for name, field in fields.items() if name in required}


def _sample(field: Any) -> Any:
	if not isinstance(field, Mapping):
		return "text"
	for key in ("default", "const"):
		if key in field:
			return field[key]
	for key in ("examples", "enum"):
		if isinstance(field.get(key), list) and field[key]:
			return field[key][0]
	kind = field.get("type")
	kind = kind[0] if isinstance(kind, list) and kind else kind
	if kind == "string" and field.get("format") in _FORMATS:
		return _FORMATS[field["format"]]
	return (
		field.get("minimum", _SAMPLES.get(kind))
		if kind in ("number", "integer")
		else _SAMPLES.get(kind, "text")
	)
