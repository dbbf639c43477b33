"""Two clocks: the machine's, and one that stands still until it is told to move."""

from __future__ import annotations

import random
import secrets
import time
from datetime import datetime, timezone
from zoneinfo import ZoneInfo


class SystemClock:
	"""`ports.Clock` on the machine's time."""

	def __init__(self, time_zone: str = "UTC"):
		self.time_zone = ZoneInfo(time_zone)

	def now(self) -> datetime:
		return datetime.now(timezone.utc)

	def token(self) -> str:
		return secrets.token_hex(16)

	def monotonic(self) -> float:
		return time.monotonic()

	def random(self) -> float:
		return random.random()


class VirtualClock(SystemClock):
	"""A clock for simulations: years pass in a call, and the same input gives the same output."""

	def __init__(self, now: datetime, time_zone: str = "UTC", seed: int = 0):
		super().__init__(time_zone)
		self._now = now.astimezone(timezone.utc)
		self._random = random.Random(seed)

	def now(self) -> datetime:
		return self._now

	def move_to(self, when: datetime) -> None:
		"""Time only goes forward."""
		self._now = max(self._now, when.astimezone(timezone.utc))

	def monotonic(self) -> float:
		return 0.0

	def random(self) -> float:
		return self._random.random()
