"""An SMTP server on this machine that takes every email, or hangs up in the middle of it."""

from __future__ import annotations

from email import message_from_bytes
from typing import Any

from aiosmtpd.controller import Controller
from processes import free_port


class SmtpSink:
	"""`subjects` of the emails it took. While `dying`, it hangs up when an email's text has come."""

	def __init__(self) -> None:
		self.subjects: list[str] = []
		self.dying = False
		self.port = free_port()
		self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

	async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
		if self.dying:
			server.transport.abort()
			return "421 Gone"
		self.subjects.append(str(message_from_bytes(envelope.content)["Subject"]))
		return "250 Taken"

	def start(self) -> None:
		self._controller.start()

	def stop(self) -> None:
		self._controller.stop()
