"""What reaches people from a site, as one port; each way of reaching them is a module of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flow_engine.engine.ports import HttpClient, Reminder
from flow_engine.frappe_host import alerts, emails, questions, reminders, sms
from flow_engine.frappe_host.foreign_errors import translated


class FrappeMessages:
	"""`ports.Messages` on a site. `http` carries text messages to their gateway."""

	def __init__(self, http: HttpClient):
		self.http = http

	def send_email(
		self,
		*,
		to: Sequence[str],
		subject: str,
		html: str,
		template: str | None = None,
		values: Mapping[str, Any] | None = None,
		reference: tuple[str, str] | None = None,
		key: str = "",
	) -> dict[str, Any]:
		# The key is not needed: the queue entry commits with the step or not at all.
		return emails.send_email(
			to=to, subject=subject, html=html, template=template, values=values, reference=reference
		)

	def send_sms(self, *, to: str, body: str, key: str, timeout_seconds: float) -> dict[str, Any]:
		return sms.send_sms(self.http, to=to, body=body, key=key, timeout_seconds=timeout_seconds)

	def ask(
		self,
		run: Mapping[str, Any],
		step_id: str,
		label: str,
		role: str | None,
		assignee: str | None,
		users: Sequence[str] = (),
		roles: Sequence[str] = (),
	) -> None:
		with translated(f"Asking for {step_id} of {run['name']}"):
			questions.ask(run, step_id, label, role, assignee, users, roles)

	def hand_over(
		self, run: Mapping[str, Any], step_id: str, label: str, to: Sequence[str], away: Sequence[str]
	) -> None:
		with translated(f"Handing on {step_id} of {run['name']}"):
			questions.hand_over(run, step_id, label, to, away)

	def close(self, run: Mapping[str, Any], step_id: str) -> None:
		with translated(f"Closing the question of {step_id} of {run['name']}"):
			questions.close(run, step_id)

	def remind(self, reminder: Reminder) -> None:
		with translated(f"Reminding of {reminder.run['name']}"):
			reminders.remind(reminder)

	def escalate(self, reminder: Reminder) -> None:
		with translated(f"Escalating {reminder.run['name']}"):
			reminders.escalate(reminder)

	def alert(self, run: Mapping[str, Any], step_id: str | None, code: str, message: str) -> None:
		"""Raises TransientDatabaseError only: the transaction has gone; silence would commit half of it."""
		with translated(f"Alert about {run.get('name')}"):
			alerts.alert(run, step_id, code, message)
