"""What operators do to a run, as the doors take it: cancel, try again, skip, mark as done, replay."""

from __future__ import annotations

from typing import Any

from flow_engine.engine.compensating import key_of
from flow_engine.engine.errors import BadInput, TemplateRetired
from flow_engine.engine.interventions import cancel_run, retry_failed, retry_step, skip_step
from flow_engine.engine.interventions import mark_done as mark_step_done
from flow_engine.engine.ports import Host
from flow_engine.engine.replaying import Target, replay_run
from flow_engine.engine.state import RunStatus
from flow_engine.service import arguments as read
from flow_engine.service.events import Trigger
from flow_engine.service.runs import advanced_view, title_of


def cancel(host: Host, run: Any, reason: Any = None, compensate: Any = None) -> dict[str, Any]:
	"""compensate: whether what it did is undone; without it the flow decides.

	`in_flight`: steps whose external call could not be taken back; `compensation`: the run that undoes what
	was done, or None. Raises RunNotFound, RunFinal, BadInput.
	"""
	run = read.needed(run, "run")
	wanted = None if compensate in (None, "") else bool(read.flag(compensate, "compensate"))
	in_flight = cancel_run(host, run, read.text(reason, "reason") or "Cancelled by hand.", wanted)
	undone_by = host.runs.started_by(key_of(run))
	status = RunStatus.CANCELLED.value
	return {"run": run, "status": status, "in_flight": in_flight, "compensation": undone_by}


def retry(host: Host, run: Any, step_id: Any = None, reason: Any = None) -> dict[str, Any]:
	"""Try a failed step again, or without a step all that failed. Raises RunNotFound, StepNotFound,
	StepNotWaiting, RunFinal."""
	run, step_id, why = read.needed(run, "run"), read.text(step_id, "step_id"), reason_of(reason)
	if step_id is None:
		retry_failed(host, run, why)
	else:
		retry_step(host, run, step_id, why)
	return advanced_view(run)


def reason_of(reason: Any) -> str:
	return read.text(reason, "reason") or ""


def skip(host: Host, run: Any, step_id: Any, reason: Any = None) -> dict[str, Any]:
	"""Give a failed step up; the run goes on without it. Raises RunNotFound, StepNotFound, StepNotWaiting,
	RunFinal."""
	run = read.needed(run, "run")
	skip_step(host, run, read.needed(step_id, "step_id"), reason_of(reason))
	return advanced_view(run)


def mark_done(host: Host, run: Any, step_id: Any, result: Any = None, reason: Any = None) -> dict[str, Any]:
	"""A failed step was done by hand. `result`: a JSON object, as text or data. Raises as `skip`, and
	BadInput."""
	run = read.needed(run, "run")
	step_id, result = read.needed(step_id, "step_id"), read.json_object(result, "result")
	mark_step_done(host, run, step_id, result, reason_of(reason))
	return advanced_view(run)


def replay(
	host: Host,
	store: Any,
	run: Any,
	step_id: Any = None,
	version: Any = None,
	reason: Any = None,
	key: str | None = None,
) -> dict[str, Any]:
	"""Repeat an ended run as a child of it, from its start or from a step. `version`: `original`, or
	`latest`, what is published now. `run` in the answer is the child.

	Raises RunNotFound, RunNotEnded, StepNotFound, StepNotWaiting, TemplateNotFound, BadInput.
	"""
	run, step_id = read.needed(run, "run"), read.text(step_id, "step_id")
	version = read.text(version, "version") or "original"
	if version not in ("original", "latest"):
		raise BadInput("`version` must be `original` or `latest`.")
	target = None
	_refuse_retired(host, run)
	if version == "latest":
		trigger: Trigger = store.trigger_of(host.runs.read(run).flow_template)
		target = Target(trigger.version, trigger.run_as, trigger.concurrency)
	child = replay_run(host, run, step_id, target, reason_of(reason), key)
	return {**advanced_view(child), "replay_of": run}


def _refuse_retired(host: Host, run: str) -> None:
	"""A replay is a new run, whatever version it is on. A flow that is gone is nobody's to retire. Raises
	TemplateRetired."""
	flow = host.runs.read(run).flow_template
	if title_of(host, flow).get("is_retired"):
		raise TemplateRetired()
