"""Starting runs, and working through those that are due: what hosts and workers call."""

from __future__ import annotations

from collections.abc import Callable

from flow_engine.engine.crash_points import reach
from flow_engine.engine.ports import Host, NewRun
from flow_engine.engine.running import LEASE_SECONDS, Advanced, advance_run

CLAIM_LIMIT = 50


def start_run(host: Host, new: NewRun) -> str:
	"""Write a due run in the current transaction; its first step runs in a worker. Returns the run's name."""
	name = host.runs.insert(new)
	reach("start.inserted")
	host.jobs.hint()
	return name


def drain(
	host: Host,
	seconds: float,
	only: str | None = None,
	limit: int = CLAIM_LIMIT,
	stopped: Callable[[], bool] = lambda: False,
) -> list[Advanced]:
	"""Claim and advance due runs until nothing is due, the time is up or somebody switched the engine off.

	The time is checked between runs, `stopped` between batches; claims not begun by then are given back.
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
		waiting = list(claims)
		while waiting:
			now = host.clock.monotonic()
			if len(waiting) < len(claims) and now >= until:
				reach("drain.giving_back")
				host.runs.give_back(waiting)
				return done
			if now - claimed_at > LEASE_SECONDS / 4:
				# All that wait, not the next one alone: a lease that runs out unbegun would count as a lost
				# one.
				waiting = [claim for claim in waiting if host.runs.renew(claim, LEASE_SECONDS)]
				claimed_at = now
				continue
			claim = waiting.pop(0)
			try:
				done.append(advance_run(host, claim))
				reach("drain.advanced")
			except Exception as error:
				# One broken run must not stop the others; its lease runs out, and counts.
				host.report(error, f"advancing {claim.run}")
		if not claims or host.clock.monotonic() >= until:
			break
	return done
