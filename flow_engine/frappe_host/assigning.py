"""The framework's own assignments of a run, and what they mean for the steps that wait for a person.

“Assign to” on a run gives its waiting steps to somebody besides those who were asked; moving the ToDo of a
step to somebody else gives it on. Who may not give a step on may still note an assignment: it changes nothing
about the step, except that the ToDo of a step is not moved by them.
"""

from __future__ import annotations

from typing import Any

from flow_engine.engine.allow_lists import check_fire
from flow_engine.engine.definition import TriggerType
from flow_engine.engine.errors import NotAllowed, RunBusy, RunNotFound
from flow_engine.engine.interventions import delegate_locked
from flow_engine.engine.session import Session
from flow_engine.engine.state import StepStatus
from flow_engine.frappe_host import questions
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.refusals import shown_in_desk
from flow_engine.frappe_host.run_access import check_delegates, person

RUN = "Flow Run"


def before_insert(doc: Any, method: str | None = None) -> None:
	"""Somebody is assigned to a run. The ToDo becomes that of the step, so that it closes with it."""
	if doc.reference_type != RUN or doc.status != "Open" or not doc.allocated_to:
		return
	with shown_in_desk():
		session = _locked(doc.reference_name)
		steps = _mine(session) if session else []
		for number, step in enumerate(steps):
			_give(session, step.id, [doc.allocated_to], [])
			if number:
				questions.ask_also(session.record.as_dict(), step.id, step.label, doc.allocated_to)
		if steps:
			doc.name = questions.name_of(doc.reference_name, steps[0].id)
			doc.flags.name_set = True


def on_update(doc: Any, method: str | None = None) -> None:
	"""Whoever is given a step sees its run, also without a role for that."""
	if doc.reference_type == RUN and doc.status == "Open" and questions.step_of(doc.name, doc.reference_name):
		questions.let_see(doc.reference_name, doc.allocated_to)


def validate(doc: Any, method: str | None = None) -> None:
	"""The ToDo of a step goes to somebody else. Raises NotAllowed."""
	if doc.reference_type != RUN or doc.is_new():
		return
	before = doc.get_doc_before_save()
	step_id = questions.step_of(doc.name, doc.reference_name)
	if before is None or step_id is None:
		return
	with shown_in_desk():
		if before.reference_name != doc.reference_name or before.reference_type != doc.reference_type:
			raise NotAllowed("The ToDo of a step stays with its run.")
		if doc.status != "Open":
			_take_back(doc, before, step_id)
		elif before.allocated_to != doc.allocated_to or before.status != "Open":
			_move(doc, before, step_id)


def _move(doc: Any, before: Any, step_id: str) -> None:
	session = _locked(doc.reference_name)
	if session is None or step_id not in session.definition:
		return
	check_delegates([doc.allocated_to])
	away = [before.allocated_to] if before.allocated_to != doc.allocated_to else []
	_give(session, step_id, [doc.allocated_to], away)


def _take_back(doc: Any, before: Any, step_id: str) -> None:
	"""An assignment is removed, and the right to fire the step with it, if whoever removes it may give the
	step. Nobody removes the last one who is asked, themselves, except who manages runs."""
	if doc.status != "Cancelled" or before.status != "Open":
		return
	session = _locked(doc.reference_name)
	if session is None or step_id not in [step.id for step in _mine(session)]:
		return
	asked = questions.people_still_asked(doc.reference_name, step_id)
	if person().manages or set(asked) - {before.allocated_to}:
		_give(session, step_id, [], [before.allocated_to])


def _give(session: Session, step_id: str, to: list[str], away: list[str]) -> None:
	delegate_locked(get_host(), session.record, step_id, to, away, person(), tell=False)


def _locked(run: str) -> Session | None:
	"""The run, with its row locked; None when there is none. Raises RunBusy."""
	host = get_host()
	try:
		record = host.runs.lock(run)
	except RunNotFound:
		return None
	if record.log_seq > record.state_seq:
		# What this transaction has read is older than what a worker wrote since: its log would be read short.
		raise RunBusy()
	return Session(host, record)


def _mine(session: Session) -> list[Any]:
	"""The steps that wait for a person and that the caller may give to somebody."""
	found = []
	for step in session.definition.steps:
		state = session.state(step.id)
		if step.trigger.type is not TriggerType.MANUAL or state.status is not StepStatus.WAITING:
			continue
		try:
			if not person().manages:
				check_fire(step, state, person())
		except NotAllowed:
			continue
		found.append(step)
	return found if session.record.status == "running" else []
