"""Which flows listen to what, so that a save that no flow watches costs a dictionary lookup.

The map lives in Redis as data, is fetched at most once per request, and is indexed by DocType. It is written
there only right after a commit, when the transaction is new: what an older transaction sees may have been
replaced since, and would stay in the cache for everybody. Each change makes a new generation; a map of an
older generation, written late, is not read.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

import frappe
import redis

from flow_engine.engine.webhooks import DOCTYPE as ENDPOINTS
from flow_engine.engine.webhooks import Endpoint
from flow_engine.frappe_host.cached_values import ask_value
from flow_engine.frappe_host.event_sources import BECOMES, ON_INSERT, SOURCE
from flow_engine.frappe_host.harmless import ends_transaction
from flow_engine.service.events import Trigger
from flow_engine.store.webhooks import endpoint_in

KEY = "flow_engine_triggers"
GENERATION = "flow_engine_triggers_generation"
FORMAT = 3
_LOCAL = "flow_engine_trigger_map"
# A request sees one map from beginning to end; a job may run for minutes and asks again.
JOB_SECONDS = 5
ON_CHANGE = ("field_change", "workflow_transition")

# Of each site what this process has parsed, and of which generation it is.
_last_read: dict[str, tuple[bytes, TriggerMap]] = {}


@dataclass(slots=True)
class Watch:
	"""What flows want to know of one DocType."""

	doc_events: dict[str, list[Trigger]] = field(default_factory=dict)
	changes: list[Trigger] = field(default_factory=list)
	business: dict[str, list[Trigger]] = field(default_factory=dict)
	state_field: str | None = None
	tracks_changes: bool = False


@dataclass(slots=True)
class TriggerMap:
	"""Active flows by DocType and by event. `disabled`: the kill switch, asked when a flow would start.
	`endpoints`: who is told of audit events."""

	disabled: bool = False
	by_doctype: dict[str, Watch] = field(default_factory=dict)
	by_event: dict[str, list[Trigger]] = field(default_factory=dict)
	endpoints: list[Endpoint] = field(default_factory=list)


NOTHING = TriggerMap()


@dataclass(slots=True)
class _Memo:
	"""What this request knows. `own`: its transaction has changed flows, so only its own reading is right."""

	site: str
	map: TriggerMap | None = None
	read_at: float = 0.0
	own: bool = False
	refilling: bool = False


def triggers_for(doctype: str) -> Watch | None:
	"""What flows watch this DocType for; None when nothing does."""
	return current_map().by_doctype.get(doctype)


def is_unwatched(doctype: str) -> bool:
	"""Is it known already, without asking anybody, that no flow watches this DocType? Asked several times in
	every save of the site, so it is the short way to the answer that most saves get."""
	local = frappe.local
	memo = getattr(local, _LOCAL, None)
	if memo is None or memo.map is None or doctype in memo.map.by_doctype:
		return False
	return memo.site == local.site and not _is_old(memo)


def current_map() -> TriggerMap:
	"""The map as this request sees it. Raises only what has ended the transaction."""
	memo = _memo()
	if memo.map is None or _is_old(memo):
		# While the map is read nothing is watched: reading may report a problem, which is a document as well.
		memo.map = memo.map or NOTHING
		memo.read_at = time.monotonic()
		try:
			memo.map = _read(memo)
		except Exception as error:
			memo.map = NOTHING
			if ends_transaction(error):
				memo.map = None
				raise
			frappe.logger("flow_engine").error("Triggers cannot be read, so no flow starts", exc_info=True)
	return memo.map


def forget_triggers() -> None:
	"""Flows, settings or workflows have changed: drop the map now, and again once the change is committed.

	Now, for this transaction; after the commit, because somebody may have read the old state in between.
	"""
	memo = _memo()
	memo.map = None
	_new_generation()
	if not memo.own:
		memo.own = True
		frappe.db.after_commit.add(_after_commit)
		frappe.db.after_rollback.add(_after_rollback)


def _after_commit() -> None:
	_after_rollback()
	_new_generation()
	_refill()


def _after_rollback() -> None:
	memo = _memo()
	memo.own = False
	memo.map = None


def _memo() -> _Memo:
	memo = getattr(frappe.local, _LOCAL, None)
	if memo is None or memo.site != frappe.local.site:
		memo = _Memo(frappe.local.site)
		setattr(frappe.local, _LOCAL, memo)
	return memo


def _is_old(memo: _Memo) -> bool:
	return time.monotonic() - memo.read_at > JOB_SECONDS and not getattr(frappe.local, "request", None)


def _read(memo: _Memo) -> TriggerMap:
	if not memo.own:
		found = _fetch()
		if found is not None:
			return found
		if not memo.refilling:
			memo.refilling = True
			frappe.db.after_commit.add(_refill)
			frappe.db.after_rollback.add(_forget_refill)
	return index(*read_database())


def read_database() -> tuple[bool, list[Trigger], dict[str, str], list[Endpoint]]:
	"""The kill switch, the triggers of active flows, the state field of each DocType's active workflow, the
	webhook endpoints that are on."""
	from flow_engine.frappe_host.templates import active_triggers

	disabled = bool(frappe.db.get_single_value("Flow Engine Settings", "disabled", cache=False))
	triggers = active_triggers()
	workflows = {}
	if any(trigger.doc_event == "workflow_transition" for trigger in triggers):
		rows = frappe.get_all("Workflow", {"is_active": 1}, ["document_type", "workflow_state_field"])
		workflows = {row.document_type: row.workflow_state_field for row in rows}
	return disabled, triggers, workflows, _endpoints()


def _endpoints() -> list[Endpoint]:
	# Before the site is migrated there are none.
	if not frappe.db.table_exists(ENDPOINTS):
		return []
	fields = ["name", "url", "events", "flow_template", "paused_at"]
	return [endpoint_in(row) for row in frappe.get_all(ENDPOINTS, {"enabled": 1}, fields, order_by="name")]


def index(
	disabled: bool,
	triggers: Iterable[Trigger],
	workflows: Mapping[str, str],
	endpoints: Iterable[Endpoint] = (),
) -> TriggerMap:
	found = TriggerMap(disabled, endpoints=list(endpoints))

	def watch(doctype: str) -> Watch:
		return found.by_doctype.setdefault(doctype, Watch())

	for trigger in triggers:
		found.by_event.setdefault(trigger.event, []).append(trigger)
		if trigger.event in SOURCE:
			watched = watch(SOURCE[trigger.event])
			watched.business.setdefault(trigger.event, []).append(trigger)
		elif trigger.event == "doc_event" and trigger.doctype:
			watched = watch(trigger.doctype)
			if trigger.doc_event not in ON_CHANGE:
				watched.doc_events.setdefault(trigger.doc_event or "", []).append(trigger)
			elif trigger.doc_event == "field_change" or trigger.doctype in workflows:
				watched.changes.append(trigger)
				watched.state_field = workflows.get(trigger.doctype)
	for doctype, watched in found.by_doctype.items():
		becomes = {rule.event for rule in BECOMES.get(doctype, ())}
		watched.tracks_changes = bool(watched.changes or becomes & watched.business.keys())
	return found


def watches_insert(doctype: str, watch: Watch) -> list[Trigger]:
	"""The flows that listen to the business event which an insert of this DocType is."""
	return watch.business.get(ON_INSERT.get(doctype, ""), [])


# --- Redis: of no use is better than an error -----------------------------------------------------------


def _fetch() -> TriggerMap | None:
	"""The map of the present generation; None when there is none. One round trip, and nothing parsed, for as
	long as this process knows that generation."""
	site = frappe.local.site
	known = _last_read.get(site)
	try:
		if known is not None and ask_value(GENERATION) == known[0]:
			return known[1]
		generation, raw = frappe.cache.mget([frappe.cache.make_key(GENERATION), frappe.cache.make_key(KEY)])
	except (redis.exceptions.RedisError, OSError):
		return None
	if not generation or not raw or not raw.startswith(_head(generation)):
		return None
	data = json.loads(raw.split(b"\n", 1)[1])
	found = index(
		data["disabled"],
		[Trigger(**values) for values in data["triggers"]],
		data["workflows"],
		[Endpoint(**{**values, "patterns": tuple(values["patterns"])}) for values in data["endpoints"]],
	)
	_last_read[site] = (generation, found)
	return found


def _head(generation: bytes) -> bytes:
	return b"%d %s\n" % (FORMAT, generation)


def _new_generation() -> None:
	try:
		frappe.cache.set(frappe.cache.make_key(GENERATION), frappe.generate_hash(length=16))
	except (redis.exceptions.RedisError, OSError) as error:
		frappe.logger("flow_engine").warning(f"Redis is out of reach, triggers may be stale: {error}")


def _forget_refill() -> None:
	_memo().refilling = False


def _refill() -> None:
	"""Write the map as a new transaction sees it; whoever changes flows meanwhile makes a new generation."""
	_forget_refill()
	try:
		cache = frappe.cache
		cache.set(cache.make_key(GENERATION), frappe.generate_hash(length=16), nx=True)
		generation, raw = cache.mget([cache.make_key(GENERATION), cache.make_key(KEY)])
		if not generation or (raw and raw.startswith(_head(generation))):
			return
		disabled, triggers, workflows, endpoints = read_database()
		data = {
			"disabled": disabled,
			"triggers": [asdict(t) for t in triggers],
			"workflows": workflows,
			"endpoints": [asdict(endpoint) for endpoint in endpoints],
		}
		cache.set(cache.make_key(KEY), _head(generation) + json.dumps(data, default=str).encode())
	except Exception as error:
		# The commit has happened and must not be told otherwise; the next save without a map tries again.
		frappe.logger("flow_engine").warning(f"Triggers were not cached: {error}")
