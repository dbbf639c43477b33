"""How many drains of this site the queue holds already, so that an outage does not pile up jobs.

A drain is known by its job's id. It counts as waiting while its id stands in the queue's list, and as running
while a worker's heartbeat keeps it in RQ's registry of started jobs: a drain whose worker was killed counts
for about a minute and a half more, one that was flushed away not at all. A job's own record is not asked: one
that was lost between queue and worker says "queued" for ever.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from frappe.utils import cstr
from rq import Queue
from rq.registry import StartedJobRegistry

MAX_DRAINS = 8


@dataclass(frozen=True, slots=True)
class QueuedDrains:
	"""`waiting`: no worker has taken them yet. `running`: one has, and is alive."""

	waiting: int
	running: int

	def missing(self, wanted: int) -> int:
		"""How many more may be queued when the backlog needs `wanted` that have yet to begin.

		What runs does not count as help: it may be in the middle of a long call, or past its last look.
		"""
		return max(min(wanted - self.waiting, MAX_DRAINS - self.waiting - self.running), 0)


def job_prefix(site: str) -> str:
	"""What the id of each drain's job begins with: the site first, as in the ids that Frappe gives."""
	return f"{site}::flow_engine.drain::"


def count_drains(queue: Queue, site: str) -> QueuedDrains:
	"""Raises redis.RedisError. One round trip, whatever the queue holds."""
	prefix = job_prefix(site)
	registry = StartedJobRegistry(queue.name, connection=queue.connection)
	with queue.connection.pipeline(transaction=False) as pipe:
		pipe.lrange(queue.key, 0, -1)
		# Ids of a job's executions begin with the job's, in the versions of RQ that tell them apart.
		pipe.zrangebyscore(registry.key, time.time(), "+inf")
		waiting, started = pipe.execute()
	return QueuedDrains(_count(waiting, prefix), _count(started, prefix))


def _count(ids: list[bytes], prefix: str) -> int:
	return sum(cstr(job_id).startswith(prefix) for job_id in ids)
