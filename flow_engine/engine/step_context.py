"""What a handler is given: the step's payload, rendered, or what it is to undo, and the ports."""

from __future__ import annotations

from datetime import datetime

from flow_engine.engine.attempts import idempotency_key
from flow_engine.engine.context import Context
from flow_engine.engine.definition import Step
from flow_engine.engine.errors import CannotCompensate
from flow_engine.engine.kinds.base import Kind, StepContext
from flow_engine.engine.original import original_of
from flow_engine.engine.ports import Host
from flow_engine.engine.retry import timeout_of
from flow_engine.engine.session import Session
from flow_engine.engine.templating import render_payload


def step_context(
	host: Host, session: Session, step: Step, kind: Kind, values: Context, attempt: int, now: datetime
) -> StepContext:
	"""Raises what rendering raises, and CannotCompensate."""
	original = original_of(host, session) if step.undo is not None else None
	if original is not None and kind.compensate is None:
		raise CannotCompensate(f"Steps of the kind {step.kind!r} cannot be undone.")
	zone = host.clock.time_zone
	payload = {} if original is not None else render_payload(kind.fields, step.payload, values, zone=zone)
	return StepContext(
		step_id=step.id,
		label=step.label,
		run=values["run"],
		payload=payload,
		values=values,
		now=now,
		key=idempotency_key(host.site, session.record.name, step.id),
		attempt=attempt,
		timeout_seconds=timeout_of(step),
		documents=host.documents,
		messages=host.messages,
		http=host.http,
		secret=host.secret,
		time_zone=zone,
		undoes=original.done(step.id) if original is not None else None,
	)
