"""A call to an inbound hook, from the first byte to the run it starts.

Decides in which order things are asked, what is kept of a call and what its caller hears. Until a call has
proved itself it costs one reading of the hook, and hears what any stranger hears.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flow_engine.engine.crash_points import reach
from flow_engine.engine.draining import start_run
from flow_engine.engine.errors import DuplicateTrigger, FlowError, TemplateInactive, TransientDatabaseError
from flow_engine.engine.inbound import (
	DEFAULT_BODY_BYTES,
	DEFAULT_PER_MINUTE,
	DEFAULT_WINDOW_SECONDS,
	HMAC,
	MAX_BODY_BYTES,
	Call,
	CallRefused,
	CallTooLarge,
	DuplicateCall,
	HookNotFound,
	Rules,
	TooManyCalls,
	check_call,
	proves_itself,
	replay_key,
	trigger_key,
)
from flow_engine.engine.payload_schema import InvalidPayload
from flow_engine.engine.ports import AuditEvent
from flow_engine.service.doors import ConditionNotMet
from flow_engine.service.events import Occurrence, Trigger, judge, new_run
from flow_engine.service.payloads import accept_payload

EVENT = "hook"
ACCEPTED = 202
MINUTE = timedelta(minutes=1)
# Of calls that prove nothing, and of those that come too fast, so many are kept for a hook in a minute:
# strangers must not be able to fill the database.
MOST_KEPT = 30
_UNPROVEN, _TOO_MANY = CallRefused.code, TooManyCalls.code
MAX_MESSAGE = 500


class FlowGone(FlowError):
	"""The flow of this hook has been deleted."""

	code = "flow_gone"
	http_status = 409


def receive(host: Any, hook: Any, call: Call, is_off: Callable[[], bool] = lambda: False) -> dict[str, Any]:
	"""The answer to a call: `{run, status}`, to be sent as 202. Raises FlowError: what is wrong with it.

	is_off: is the engine switched off here?
	"""
	if len(call.body) > MAX_BODY_BYTES:
		raise CallTooLarge(f"The body of a call has {MAX_BODY_BYTES:,} bytes at most.")
	name = hook if isinstance(hook, str) and len(hook) <= 140 and hook.isprintable() else ""
	row = host.runs.transact(lambda: _found(host, name))
	secrets = host.inbound.records.secrets(name) if row else ()
	authentication = row["authentication"] if row else HMAC
	if not proves_itself(call, authentication, secrets) or row is None:
		if row is not None:
			_keep_refused(host, row, call, CallRefused())
		raise CallRefused()
	try:
		return _accept(host, row, call, is_off)
	except TransientDatabaseError:
		raise
	except FlowError as error:
		_keep_refused(host, row, call, error)
		raise


def _found(host: Any, name: str) -> dict[str, Any] | None:
	try:
		found: dict[str, Any] = host.inbound.store.get(name)
		return found
	except HookNotFound:
		return None


def rules_of(row: Mapping[str, Any]) -> Rules:
	return Rules(
		row["authentication"] or HMAC,
		int(row["window_seconds"] or DEFAULT_WINDOW_SECONDS),
		int(row["max_body_bytes"] or DEFAULT_BODY_BYTES),
		bool(row["enabled"]),
	)


def _accept(host: Any, row: Mapping[str, Any], call: Call, is_off: Callable[[], bool]) -> dict[str, Any]:
	from flow_engine.engine.errors import EngineDisabled

	key = replay_key(row["name"], call, row["authentication"])
	run_key = trigger_key(row["name"], call, key)

	def work() -> dict[str, Any]:
		locked = host.inbound.store.lock(row["name"])
		reach("hook.locked")
		now = host.runs.now()
		most = int(locked["calls_per_minute"] or DEFAULT_PER_MINUTE)
		kept = host.inbound.store.count_since(row["name"], now - MINUTE, but=(_UNPROVEN, _TOO_MANY))
		if kept >= most:
			raise TooManyCalls(f"The hook takes {most:,} calls a minute.")
		payload = check_call(call, rules_of(locked), now)
		before = host.inbound.store.run_of(run_key, key)
		if before:
			raise DuplicateCall(run=before)
		if is_off():
			raise EngineDisabled()
		trigger = _trigger(host, locked["flow_template"])
		if not isinstance(payload, Mapping):
			problem = {"path": "", "code": "wrong_type", "message": "A payload is a JSON object."}
			raise InvalidPayload(problems=[problem])
		accept_payload(host, trigger.template, trigger.version, payload)
		about = {"name": row["name"], "hook_name": row["hook_name"], "call_id": call.call_id or None}
		occurrence = Occurrence(event=EVENT, variables=dict(payload))
		if trigger.event == "manual":
			verdict = judge(host, trigger, occurrence, None)
			if not verdict.result:
				raise ConditionNotMet(read=dict(verdict.read))
		if call.dry:
			_put(host, row, call, "tested", ACCEPTED, now)
			return {"run": None, "status": "would start", "flow": trigger.template}
		new = new_run(trigger, occurrence, None)
		new = replace(new, trigger_key=run_key, trigger_data={**new.trigger_data, "hook": about})
		run = start_run(host, new)
		reach("hook.started")
		_put(host, row, call, "accepted", ACCEPTED, now, flow_run=run, replay_key=key or None)
		return {"run": run, "status": "running"}

	try:
		answer: dict[str, Any] = host.runs.transact(work)
	except DuplicateTrigger:
		# Another worker was faster than the lock; what it wrote is there to be read now.
		raise DuplicateCall(run=host.runs.transact(lambda: host.inbound.store.run_of(run_key, key))) from None
	return answer


def _trigger(host: Any, template: str) -> Trigger:
	from flow_engine.engine.errors import TemplateNotFound

	try:
		trigger: Trigger = host.templates.trigger_of(template)
	except TemplateNotFound:
		raise FlowGone() from None
	if not host.definitions.template(trigger.template).get("is_active"):
		raise TemplateInactive(f"{trigger.title or template} is paused.")
	return trigger


# --- what is kept of a call ---------------------------------------------------------------------------------


def _keep_refused(host: Any, row: Mapping[str, Any], call: Call, error: FlowError) -> None:
	"""In a transaction of its own: what was begun for the call is undone."""

	def work() -> None:
		now = host.runs.now()
		if error.code in (_UNPROVEN, _TOO_MANY):
			kept = host.inbound.store.count_since(row["name"], now - MINUTE, codes=(_UNPROVEN, _TOO_MANY))
			if kept >= MOST_KEPT:
				return
		duplicate = isinstance(error, DuplicateCall)
		outcome = "tested" if call.dry else "duplicate" if duplicate else "refused"
		_put(
			host,
			row,
			call,
			outcome,
			error.http_status,
			now,
			code=error.code,
			message=error.message[:MAX_MESSAGE],
			problems=error.as_dict().get("problems"),
			flow_run=error.facts.get("run") if duplicate else None,
		)
		if outcome == "refused":
			host.runs.audit(
				AuditEvent(
					"hook.refused",
					flow_template=row["flow_template"],
					reason=error.message,
					details={"hook": row["name"], "code": error.code, "address": call.address},
					user="",
				)
			)

	host.runs.transact(work)


def _put(
	host: Any, row: Mapping[str, Any], call: Call, outcome: str, status: int, now: Any, **more: Any
) -> None:
	host.inbound.store.put_call(
		{
			"flow_hook": row["name"],
			"flow_template": row["flow_template"],
			"outcome": outcome,
			"http_status": status,
			"code": None,
			"message": None,
			"problems": None,
			"flow_run": None,
			"replay_key": None,
			"address": call.address[:64] or None,
			"call_id": call.call_id[:140] or None,
			"content_type": call.content_type[:140] or None,
			"size": len(call.body),
			**more,
		},
		now,
	)
