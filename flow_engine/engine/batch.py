"""Working through a claimed batch: what has no effect is done for many runs in one transaction.

A run whose next steps only decide or wait costs a commit; fifty of them cost one. They share a *turn*: all
are locked at once, each is advanced as far as it goes without an effect, everything is written, one commit. A
run that comes to a step with an effect leaves the others there and goes on by itself, as do those that were
locked by somebody else. When anything goes wrong nothing is committed, and each run finds out by itself whose
trouble it was.

Only runs that have never lost a lease share: a step that takes its worker down is looked for alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flow_engine.engine.crash_points import reach
from flow_engine.engine.errors import StorageFailed
from flow_engine.engine.ports import Claim, Host, RunRecord
from flow_engine.engine.running import BATCH_SECONDS, Advance, Advanced


class Batch:
	"""The claims of one worker. `waiting`: those that have not ended yet, in the order they are taken up."""

	def __init__(self, host: Host, claims: Sequence[Claim]):
		self.host = host
		self.waiting = list(claims)
		self.begun = False
		self._alone: dict[str, Advance | None] = {}

	def renew(self, lease_seconds: float) -> None:
		"""All that wait, not the next one alone: a lease that runs out unbegun would count as a lost one."""
		self.waiting = [claim for claim in self.waiting if self.host.runs.renew(claim, lease_seconds)]

	def give_back(self) -> None:
		self.host.runs.give_back(self.waiting)
		self.waiting = []

	def advance_some(self) -> list[Advanced]:
		"""Those that can share a turn; when that moved none to its end, the next one alone. Trouble is
		reported, its run is left to its lease. Raises StorageFailed, with all leases given back."""
		self.begun = True
		sharing = [claim for claim in self.waiting if self._shares(claim)]
		advanced = self._advance_together(sharing) if len(sharing) > 1 else []
		return advanced or self._advance_next()

	def _shares(self, claim: Claim) -> bool:
		return claim.admitted and not claim.attempts and claim.run not in self._alone

	def _advance_next(self) -> list[Advanced]:
		claim = self.waiting.pop(0)
		advance = self._alone.get(claim.run) or Advance(self.host, claim)
		try:
			return [advance.go()]
		except StorageFailed:
			# The others would meet the same, and nothing of it is a run's fault.
			self.waiting.insert(0, claim)
			self._let_go()
			raise
		except Exception as error:
			# One broken run must not stop the others; its lease runs out, and counts.
			self.host.report(error, f"advancing {claim.run}")
			return []

	def _let_go(self) -> None:
		"""Give leases back where that much can be written; otherwise they run out."""
		try:
			self.give_back()
		except StorageFailed as error:
			self.host.report(error, "giving leases back")

	def _advance_together(self, claims: Sequence[Claim]) -> list[Advanced]:
		sharing = [Advance(self.host, claim, shares=True) for claim in claims]
		try:
			turns = self.host.runs.transact(lambda: self._share_turn(sharing))
		except Exception:
			# Nothing is committed. Who failed says so again, alone, where it does not meet the others.
			self._alone.update(dict.fromkeys((claim.run for claim in claims), None))
			return []
		advanced = []
		for advance, turn in zip(sharing, turns, strict=False):
			advance.committed()
			if turn is None:
				self._alone[advance.claim.run] = advance
			else:
				advanced.append(advance.ended(turn))
		done = {turn.run for turn in advanced}
		self.waiting = [claim for claim in self.waiting if claim.run not in done]
		return advanced

	def _share_turn(self, sharing: Sequence[Advance]) -> list[Advanced | None]:
		"""One transaction. For as many as were reached in time: how the run ended its advance; None where it
		goes on by itself."""
		runs, clock = self.host.runs, self.host.clock
		records = {record.name: record for record in runs.lock_free([a.claim.run for a in sharing])}
		reach("batch.locked")
		now, until = runs.now(), clock.monotonic() + BATCH_SECONDS
		turns: list[Advanced | None] = []
		with runs.together():
			for advance in sharing:
				if turns and clock.monotonic() > until:
					break
				turns.append(_turn(advance, records.get(advance.claim.run), now))
				reach("batch.turned")
		return turns


def _turn(advance: Advance, record: RunRecord | None, now: datetime) -> Advanced | None:
	if record is None:
		return None
	if record.lease_token != advance.claim.token:
		return advance.advanced(lost=True)
	_call, ended = advance.turn_on(record, now)
	return advance.advanced(more=ended == "yield") if ended else None
