"""Starting runs, and working through those that are due: what hosts and workers call."""

from __future__ import annotations

from collections.abc import Callable

from flow_engine.engine.batch import Batch
from flow_engine.engine.crash_points import reach
from flow_engine.engine.ports import Host
from flow_engine.engine.running import LEASE_SECONDS, Advanced
from flow_engine.engine.starting import start_run

__all__ = ["CLAIM_LIMIT", "drain", "start_run"]

CLAIM_LIMIT = 50


def drain(
	host: Host,
	seconds: float,
	only: str | None = None,
	limit: int = CLAIM_LIMIT,
	stopped: Callable[[], bool] = lambda: False,
	tell: Callable[[list[Advanced]], None] = lambda advanced: None,
) -> list[Advanced]:
	"""Claim and advance due runs until nothing is due, the time is up or somebody switched the engine off.

	The time is checked between runs, or the turns that many share, `stopped` between batches; claims that
	have not ended by then are given back. `tell` gets what was advanced, once it is committed.
	"""
	until = host.clock.monotonic() + seconds
	done: list[Advanced] = []
	while not stopped():
		claims = host.runs.claim(limit, LEASE_SECONDS, only)
		reach("drain.claimed")
		claimed_at = host.clock.monotonic()
		if len(claims) == limit:
			# A full batch: there is more, and others may help.
			host.jobs.hint()
		batch = Batch(host, claims)
		while batch.waiting:
			now = host.clock.monotonic()
			if batch.begun and now >= until:
				reach("drain.giving_back")
				batch.give_back()
				return done
			if now - claimed_at > LEASE_SECONDS / 4:
				batch.renew(LEASE_SECONDS)
				claimed_at = now
				continue
			advanced = batch.advance_some()
			tell(advanced)
			done += advanced
			reach("drain.advanced")
		if not claims or host.clock.monotonic() >= until:
			break
		if only and done and not done[-1].more:
			# Nothing else was asked for, and it has come to its end for now.
			break
	return done
