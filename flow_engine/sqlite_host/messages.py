"""The standalone host's messages: an outbox that people can read. Nothing leaves it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flow_engine.engine.errors import HttpNoAnswer, HttpNotSent
from flow_engine.engine.ports import Clock, HttpReply, Reminder
from flow_engine.engine.templating import render_text
from flow_engine.sqlite_host.store import Database

log = logging.getLogger("flow_engine")


class Outbox:
	"""`ports.Messages` that keeps every message in a table."""

	def __init__(self, database: Database, clock: Clock):
		self.database = database
		self.clock = clock

	def keep(self, channel: str, key: str, **columns: Any) -> int:
		run, step = _place(key)
		row = {
			"at": self.clock.now().isoformat(),
			"channel": channel,
			"run": run,
			"step": step,
			"key": key,
			**columns,
		}
		for name, value in row.items():
			if isinstance(value, str):
				# Half a character must not keep the whole message from being kept.
				row[name] = value.encode("utf-8", "backslashreplace").decode()
		names = ", ".join(f"`{name}`" for name in row)

		def work() -> int:
			cursor = self.database.execute(
				f"INSERT INTO message ({names}) VALUES ({', '.join(['%s'] * len(row))})", list(row.values())
			)
			return int(cursor.lastrowid or 0)

		return self.database.transact(work)

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
		subject = render_text(subject, values or {})
		number = self.keep(
			"email",
			key,
			to=", ".join(to),
			subject=subject or (f"[{template}]" if template else ""),
			body=html,
		)
		return {"doctype": "Message", "name": str(number)}

	def send_sms(self, *, to: str, body: str, key: str, timeout_seconds: float) -> dict[str, Any]:
		return {"doctype": "Message", "name": str(self.keep("sms", key, to=to, body=body))}

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
		"""The page lists waiting steps by their state; there is nobody to notify."""

	def hand_over(
		self, run: Mapping[str, Any], step_id: str, label: str, to: Sequence[str], away: Sequence[str]
	) -> None:
		"""Kept as a notice, so that the page and a trial show whom it reaches."""
		self.keep("notice", f"notice:{run['name']}:{step_id}", to=", ".join(to), subject="delegated")

	def close(self, run: Mapping[str, Any], step_id: str) -> None:
		"""See `ask`."""

	def remind(self, reminder: Reminder) -> None:
		"""Kept as a notice: a trial shows whom it would reach, the page its runs."""
		self._notice(reminder, "late" if reminder.late else "at_risk")

	def escalate(self, reminder: Reminder) -> None:
		self._notice(reminder, "escalated")

	def _notice(self, reminder: Reminder, subject: str) -> None:
		people = [name for name in (reminder.user, reminder.role) if name]
		key = f"{reminder.run['name']}:{reminder.step_id or ''}"
		due = reminder.due_at.isoformat() if reminder.due_at is not None else ""
		self.keep("notice", f"notice:{key}", to=", ".join(people), subject=subject, body=due)

	def alert(self, run: Mapping[str, Any], step_id: str | None, code: str, message: str) -> None:
		log.warning("%s %s failed: %s: %s", run.get("name"), step_id or "", code, message)

	def sent(self) -> list[dict[str, Any]]:
		"""Every message, oldest first."""
		return self.database.rows("SELECT * FROM message ORDER BY id")

	def recent(self, run: str | None = None, limit: int = 200) -> list[dict[str, Any]]:
		"""The latest messages, newest first; of one run when it is named."""
		where, values = ("WHERE run = %s ", [run]) if run else ("", [])
		return self.database.rows(f"SELECT * FROM message {where}ORDER BY id DESC LIMIT {int(limit)}", values)


class RecordedHttp:
	"""`ports.HttpClient` that sends nothing: each call is kept and answered from prepared replies, in order.

	replies: `{url: substring, status, body}`, or `{url, error: "not_sent" | "no_answer"}`; each is used
	once. A call that none matches gets 200 `{}`.
	"""

	def __init__(self, outbox: Outbox, replies: Sequence[Mapping[str, Any]] = ()):
		self.outbox = outbox
		self.replies = list(replies)

	def request(
		self,
		method: str,
		url: str,
		*,
		headers: Mapping[str, str] | None = None,
		body: str | bytes | None = None,
		timeout_seconds: float = 30,
		secret: Callable[[str, str], str] | None = None,
	) -> HttpReply:
		text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
		key = next((v for k, v in (headers or {}).items() if k.lower() == "idempotency-key"), "")
		self.outbox.keep("http", key, url=url, method=method.upper(), body=text)
		for place, reply in enumerate(self.replies):
			if str(reply.get("url", "")) in url:
				del self.replies[place]
				return _answer(reply)
		return HttpReply(200, {"content-type": "application/json"}, "{}")


def _answer(reply: Mapping[str, Any]) -> HttpReply:
	if reply.get("error") == "not_sent":
		raise HttpNotSent("The prepared reply says: the request never left.")
	if reply.get("error") == "no_answer":
		raise HttpNoAnswer("The prepared reply says: no answer came.")
	body = reply.get("body", "{}")
	if not isinstance(body, str):
		body = json.dumps(body)
	headers = {str(k).lower(): str(v) for k, v in (reply.get("headers") or {}).items()}
	return HttpReply(int(reply.get("status", 200)), {"content-type": "application/json", **headers}, body)


def _place(key: str) -> tuple[str | None, str | None]:
	"""Run and step of a step's key; a delivery's key names neither."""
	parts = key.rsplit(":", 2)
	return (parts[1], parts[2]) if len(parts) == 3 and parts[1] != "delivery" else (None, None)
