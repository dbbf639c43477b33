"""Hints to workers. Redis Queue carries hints, never state: flush it and nothing is lost, the tick hints
again."""

from __future__ import annotations

import frappe
import redis
from frappe.utils.background_jobs import execute_job, generate_qname, get_redis_conn
from rq import Queue

from flow_engine.frappe_host.parts import Parts
from flow_engine.frappe_host.queued_drains import count_drains, job_prefix

QUEUE = "short"
DRAIN_SECONDS = 120
DELIVERY_SECONDS = 60
# A drain stops taking new runs after DRAIN_SECONDS; what it is in the middle of may be an external call of
# the longest timeout. The queue's own limit lies beyond both: it is a safety net, never a step's error.
JOB_TIMEOUT_SECONDS = 600
HINT_SECONDS = 30
SOCKET_SECONDS = 0.2
_connections: dict[str, redis.Redis] = {}


class DrainHints:
	"""`ports.Jobs`: one hint per transaction, sent after its commit; never an error in whoever committed."""

	def hint(self) -> None:
		if getattr(frappe.local, "flow_engine_hinting", False):
			return
		frappe.local.flow_engine_hinting = True
		frappe.db.after_commit.add(_after_commit)
		frappe.db.after_rollback.add(_after_rollback)


def _after_commit() -> None:
	frappe.local.flow_engine_hinting = False
	send_hint()


def _after_rollback() -> None:
	frappe.local.flow_engine_hinting = False


def send_hint() -> bool:
	"""Queue a drain for this site unless one waits already or was queued a moment ago; False when Redis is
	out of reach."""
	try:
		connection = _connection()
		if connection.set(_key(), "1", nx=True, ex=HINT_SECONDS):
			_queue_drains(connection, 1)
		return True
	except Exception as error:
		# The save has committed and must not be told otherwise; the tick finds the run within the minute.
		frappe.logger("flow_engine").warning(f"No hint sent: {error}")
		return False


def send_drains(wanted: int) -> int:
	"""Queue as many drains as are missing to `wanted` that have yet to begin, and within the limit; how many
	that were."""
	try:
		return _queue_drains(_connection(), wanted)
	except Exception as error:
		frappe.logger("flow_engine").warning(f"No drains queued: {error}")
		return 0


def _queue_drains(connection: redis.Redis, wanted: int) -> int:
	queue = Queue(generate_qname(QUEUE), connection=connection)
	missing = count_drains(queue, frappe.local.site).missing(wanted)
	for _ in range(missing):
		queue.enqueue_call(
			execute_job,
			timeout=JOB_TIMEOUT_SECONDS,
			result_ttl=60,
			failure_ttl=24 * 3600,
			job_id=f"{job_prefix(frappe.local.site)}{frappe.generate_hash(length=16)}",
			kwargs={
				"site": frappe.local.site,
				"user": "Administrator",
				"method": "flow_engine.frappe_host.jobs.drain",
				"event": None,
				"job_name": "flow_engine.drain",
				"is_async": True,
				"kwargs": {},
			},
		)
	return missing


def _connection() -> redis.Redis:
	conf = frappe.local.conf
	url = conf.redis_queue
	if url not in _connections:
		if conf.get("use_rq_auth") or conf.get("redis_queue_sentinel_enabled"):
			pool = get_redis_conn().connection_pool
			limits = {"socket_timeout": SOCKET_SECONDS, "socket_connect_timeout": SOCKET_SECONDS}
			_connections[url] = redis.Redis(
				connection_pool=type(pool)(
					connection_class=pool.connection_class, **{**pool.connection_kwargs, **limits}
				)
			)
		else:
			_connections[url] = redis.from_url(
				url, socket_timeout=SOCKET_SECONDS, socket_connect_timeout=SOCKET_SECONDS
			)
	return _connections[url]


def _key() -> str:
	return f"flow_engine:hint:{frappe.local.site}"


def is_disabled() -> bool:
	"""Is the kill switch on? Then nothing starts and due runs wait."""
	if frappe.conf.get("flow_engine_disabled"):
		return True
	return bool(frappe.db.get_single_value("Flow Engine Settings", "disabled"))


def drain(seconds: float = DRAIN_SECONDS) -> int:
	"""The job: advance due runs, then send due deliveries, until none is left or the time is up. Returns how
	many advances were made.

	What fails as a whole leaves the other its turn. Raises PartsFailed at the end.
	"""
	from flow_engine.engine.draining import drain as drain_runs
	from flow_engine.frappe_host.host import get_host
	from flow_engine.frappe_host.watching import Watchers
	from flow_engine.service.deliveries import send_due

	try:
		# From here on a new hint is worth a new job: what it announces may come after our last look.
		_connection().delete(_key())
	except Exception as error:
		frappe.logger("flow_engine").warning(f"Redis is out of reach: {error}")
	if is_disabled():
		frappe.logger("flow_engine").info("The flow engine is switched off; due runs wait.")
		return 0
	host = get_host()
	parts = Parts()
	tell = Watchers().tell
	advanced = parts.attempt(
		"advancing runs", lambda: drain_runs(host, seconds, stopped=is_stopped, tell=tell), []
	)
	parts.attempt("sending deliveries", lambda: send_due(host, DELIVERY_SECONDS, stopped=is_stopped), 0)
	parts.raise_failed("The drain")
	return len(advanced)


def is_stopped() -> bool:
	"""Between batches a drain asks again, in a transaction of its own: the switch works within seconds."""
	frappe.db.rollback()
	return is_disabled()
