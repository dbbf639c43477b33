"""An external call, made while nothing is locked: everything it needs was taken along."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flow_engine.engine.attempts import Attempt, outcome_of, usable
from flow_engine.engine.crash_points import reach
from flow_engine.engine.definition import Step
from flow_engine.engine.errors import FlowError, StepError
from flow_engine.engine.kinds.base import Kind, StepContext, perform
from flow_engine.engine.outcomes import Retry, Unknown
from flow_engine.engine.ports import Host


@dataclass(frozen=True, slots=True)
class Call:
	"""An external step that is ready to be called, everything it needs taken along."""

	step: Step
	kind: Kind
	context: StepContext
	user: str
	started: datetime


def make_call(host: Host, run: str, call: Call) -> Attempt:
	"""Make an external call with no transaction open and no lock held."""
	begun = False
	try:
		with host.documents.acting_as(call.user):
			begun = True
			reach("call.begun")
			outcome = usable(perform(call.kind, call.context))
	except StepError as error:
		outcome = outcome_of(error)
	except FlowError as error:
		# Before the handler began, nothing can have been sent.
		outcome = Unknown(error.message) if begun else Retry(error.code, error.message)
	except Exception as error:
		host.report(error, f"{run} {call.step.id} ({call.step.kind})")
		outcome = Unknown(f"The step's handler failed while calling: {type(error).__name__}: {error}"[:500])
	return Attempt(
		call.step.id,
		call.context.attempt,
		outcome,
		call.started,
		acting_user=call.user,
		key=call.context.key,
		external=True,
	)
