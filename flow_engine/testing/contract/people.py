"""Steps that wait for people: who may fire one, and to whom it is given."""

from __future__ import annotations

import json
from typing import Any

from flow_engine.engine.allow_lists import Person
from flow_engine.engine.errors import (
	BadInput,
	NotAllowed,
	NotOnAllowList,
	RunFinal,
	StepHandedOn,
	StepNotFound,
	StepNotWaiting,
)
from flow_engine.engine.interventions import cancel_run, complete_step, delegate_step
from flow_engine.engine.state import StepStatus
from flow_engine.testing.builders import step
from flow_engine.testing.contract.base import ContractBase

ANN, BEN = Person("ann@example.com"), Person("ben@example.com")
FITTER = Person("fay@example.com", frozenset({"Fitter"}))
BOSS = Person("max@example.com", frozenset({"Flow Manager"}), manages=True)


class PeopleContract(ContractBase):
	def asked(self, **people: Any) -> str:
		"""A run that waits for a person at `ask`."""
		run = self.start(
			step("ask", "t_none", when=("manual", people)), variables={"chosen": ANN.name, "many": "x, y"}
		)
		self.drain(run)
		self.assertEqual(self.states(run), {"ask": "waiting"})
		return run

	def fire(self, run: str, person: Person) -> None:
		complete_step(self.host, run, "ask", person=person)

	def assert_fires(self, person: Person, **people: Any) -> None:
		run = self.asked(**people)
		self.fire(run, person)
		self.assertEqual(self.state(run, "ask").status, StepStatus.SCHEDULED)

	def assert_refused(self, error: type[Exception], person: Person, **people: Any) -> None:
		run = self.asked(**people)
		with self.assertRaises(error) as caught:
			self.fire(run, person)
		self.assertIs(type(caught.exception), error)
		self.assertEqual(self.state(run, "ask").status, StepStatus.WAITING)

	def test_without_a_list_managers_fire_and_whoever_is_named(self):
		self.assert_fires(BOSS)
		self.assert_fires(ANN, assignee=ANN.name)
		self.assert_fires(FITTER, role="Fitter")
		self.assert_fires(BOSS, assignee=ANN.name)
		self.assert_refused(NotAllowed, ANN)
		self.assert_refused(NotAllowed, ANN, assignee=BEN.name)
		self.assert_refused(NotAllowed, ANN, role="Fitter")

	def test_a_list_comes_before_anything_else(self):
		self.assert_fires(ANN, users=[ANN.name])
		self.assert_fires(ANN, users=f"{BEN.name}, {ANN.name}")
		self.assert_fires(FITTER, users=[ANN.name], roles=["Fitter"])
		self.assert_refused(NotOnAllowList, BOSS, users=[ANN.name])
		self.assert_refused(NotOnAllowList, BOSS, roles=["Fitter"])
		self.assert_refused(NotOnAllowList, ANN, assignee=ANN.name, users=[BEN.name])
		self.assert_refused(NotOnAllowList, FITTER, role="Fitter", roles="Installer")

	def test_on_the_list_the_role_and_the_person_still_count(self):
		self.assert_refused(NotAllowed, BEN, assignee=ANN.name, users=[ANN.name, BEN.name])
		self.assert_fires(ANN, assignee=ANN.name, users=[ANN.name, BEN.name])
		self.assert_fires(BOSS, assignee=ANN.name, users=[ANN.name, BOSS.name])

	def test_people_may_be_calculated_and_are_who_they_were_when_they_were_asked(self):
		self.assert_fires(ANN, assignee="{{variables.chosen}}")
		self.assert_refused(NotAllowed, BEN, assignee="{{variables.chosen}}")
		self.assert_fires(Person("y"), users=["{{variables.many}}"])
		self.assert_refused(NotOnAllowList, BOSS, users="{{variables.many}}")

	def test_steps_that_wait_for_no_person_are_fired_by_managers(self):
		run = self.start(step("ask", "t_none", when="on_webhook"))
		self.drain(run)
		with self.assertRaises(NotAllowed):
			self.fire(run, ANN)
		self.fire(run, BOSS)

	def test_whoever_is_given_a_step_may_fire_it_and_whoever_gave_it_may_not_any_more(self):
		run = self.asked(users=[ANN.name, FITTER.name])
		with self.assertRaises(NotOnAllowList):
			self.fire(run, BEN)
		delegate_step(self.host, run, "ask", [BEN.name], [ANN.name], person=ANN, reason="On holiday")
		with self.assertRaises(StepHandedOn):
			self.fire(run, ANN)
		with self.assertRaises(StepHandedOn):
			delegate_step(self.host, run, "ask", [ANN.name], person=ANN)
		self.assertEqual(self.state(run, "ask").status, StepStatus.WAITING)
		self.fire(run, BEN)
		self.drain(run)
		self.assert_done(run)
		(told,) = self.rows("Flow Audit Event", flow_run=run, event_type="run.step_delegated")
		self.assertEqual((told["step_id"], told["reason"]), ("ask", "On holiday"))
		self.assertEqual(json.loads(told["details"]), {"to": [BEN.name], "from": [ANN.name]})

	def test_the_others_who_were_asked_still_may(self):
		run = self.asked(role="Fitter", assignee=ANN.name)
		delegate_step(self.host, run, "ask", [BEN.name], [ANN.name], person=ANN)
		self.fire(run, FITTER)

	def test_a_step_is_shared_when_nobody_gives_it_away(self):
		run = self.asked(assignee=ANN.name)
		delegate_step(self.host, run, "ask", [BEN.name], person=ANN)
		self.fire(run, ANN)

	def test_a_step_comes_back_to_whoever_is_given_it_again(self):
		run = self.asked(assignee=ANN.name)
		delegate_step(self.host, run, "ask", [BEN.name], [ANN.name], person=ANN)
		delegate_step(self.host, run, "ask", [ANN.name], [BEN.name], person=BEN)
		with self.assertRaises(StepHandedOn):
			self.fire(run, BEN)
		self.fire(run, ANN)

	def test_only_who_may_fire_a_step_or_manages_runs_gives_it_on(self):
		run = self.asked(users=[ANN.name])
		for person in (BEN, FITTER):
			with self.assertRaises(NotOnAllowList):
				delegate_step(self.host, run, "ask", [person.name], person=person)
		delegate_step(self.host, run, "ask", [BOSS.name], person=BOSS)
		self.fire(run, BOSS)

	def test_what_cannot_be_given_on_is_refused_with_a_code(self):
		run = self.asked(assignee=ANN.name)
		refused = [
			(StepNotFound, "gone", [BEN.name]),
			(BadInput, "ask", []),
		]
		for error, name, to in refused:
			with self.assertRaises(error):
				delegate_step(self.host, run, name, to, person=ANN)
		self.fire(run, ANN)
		with self.assertRaises(StepNotWaiting):
			delegate_step(self.host, run, "ask", [BEN.name], person=BOSS)
		cancel_run(self.host, run, "")
		with self.assertRaises(StepNotWaiting):
			delegate_step(self.host, run, "ask", [BEN.name], person=BOSS)
		with self.assertRaises(RunFinal):
			self.fire(run, ANN)
		self.assertEqual(self.rows("Flow Audit Event", flow_run=run, event_type="run.step_delegated"), [])

	def test_a_remark_is_kept_with_who_fired_the_step(self):
		run = self.asked()
		complete_step(self.host, run, "ask", person=BOSS, reason="Checked by phone")
		(told,) = self.rows("Flow Audit Event", flow_run=run, event_type="run.step_fired")
		self.assertEqual(told["reason"], "Checked by phone")
