"""One operation on many runs: each in a transaction of its own, so that what is refused costs one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flow_engine.engine.errors import BadInput, DuplicateTrigger, FlowError, TransientDatabaseError
from flow_engine.engine.ports import Host
from flow_engine.engine.state import RunStatus
from flow_engine.service import arguments as read
from flow_engine.service import doors, migrations
from flow_engine.service.compensation import compensate
from flow_engine.service.versions import version_number

ACTIONS = ("cancel", "retry", "replay", "migrate", "compensate")
MAX_RUNS = 10_000
SHOWN_REFUSALS = 50
_FILTERS = ("status", "template", "version", "customer", "doctype", "docname")
_STATUSES = tuple(status.value for status in RunStatus)
# What an operation is for, where the filters do not say which runs.
_OF_STATUS = {"cancel": "running", "retry": "failed", "migrate": "running"}


@dataclass(frozen=True, slots=True)
class Bulk:
	"""What to do to which runs, as read from a caller. `key`: a replay under the same key is made once.
	`more`: there are more than MAX_RUNS that match."""

	action: str
	names: tuple[str, ...]
	reason: str = ""
	version: str = "original"
	key: str | None = None
	more: bool = False


def read_bulk(
	host: Any,
	store: Any,
	action: Any,
	names: Any = None,
	filters: Any = None,
	reason: Any = None,
	version: Any = None,
	key: str | None = None,
) -> Bulk:
	"""Runs by name, or all that match the filters (`status, template, version, customer, doctype, docname`).
	`version`: what to replay on, or the number of the version to migrate to. Raises BadInput,
	TemplateNotFound."""
	action = read.needed(action, "action")
	if action not in ACTIONS:
		raise BadInput(f"`action` must be one of {', '.join(ACTIONS)}.")
	version = _version(action, version)
	reason = read.text(reason, "reason") or ""
	if names not in (None, "", []):
		listed = read.json_value(names, "names")
		if not isinstance(listed, list) or not all(isinstance(name, str) and name for name in listed):
			raise BadInput("`names` must be a list of names of runs.")
		if len(listed) > MAX_RUNS:
			raise BadInput(f"`names` may have {MAX_RUNS} entries; take them in parts.")
		return Bulk(action, tuple(dict.fromkeys(listed)), reason, version, key)
	wanted = _filters(store, action, read.json_object(filters, "filters"))
	found = [row["name"] for row in host.runs.find_runs(wanted, MAX_RUNS + 1)]
	return Bulk(action, tuple(found[:MAX_RUNS]), reason, version, key, more=len(found) > MAX_RUNS)


def _version(action: str, version: Any) -> str:
	if action == "migrate" and version not in (None, "", "latest"):
		return str(version_number(version, "version"))
	version = read.text(version, "version") or ("latest" if action == "migrate" else "original")
	if version not in ("original", "latest"):
		raise BadInput("`version` must be `original` or `latest`.")
	return version


def _filters(store: Any, action: str, given: Mapping[str, Any]) -> dict[str, Any]:
	unknown = sorted(set(given) - set(_FILTERS))
	if unknown:
		raise BadInput(f"{unknown[0]!r} is no filter; choose {', '.join(_FILTERS)}.")
	numbers = {"version": str(given["version"])} if given.get("version") else {}
	texts = {key: read.text(value, key) for key, value in {**given, **numbers}.items()}
	texts = {key: value for key, value in texts.items() if value is not None}
	if not texts:
		raise BadInput("Say which runs: `names`, or `filters` that are not empty.")
	texts.setdefault("status", _OF_STATUS.get(action, ""))
	if texts["status"] not in ("", *_STATUSES):
		raise BadInput(f"`status` must be one of {', '.join(_STATUSES)}.")
	columns = {"template": "flow_template", "doctype": "context_doctype", "docname": "context_docname"}
	wanted: dict[str, Any] = {columns.get(key, key): value for key, value in texts.items() if value}
	if "version" in wanted:
		wanted["template_version"] = version_number(wanted.pop("version"), "version")
	if "flow_template" in wanted:
		wanted["flow_template"] = store.get(wanted["flow_template"])["name"]
	return wanted


def act_on_all(
	host: Host,
	store: Any,
	bulk: Bulk,
	told: Callable[[int, int], None] = lambda done, count: None,
) -> dict[str, Any]:
	"""Do it; `{count, done, failed, refusals: [{run, code, message}]}`. `told` hears how far it is after each
	run."""
	refusals = []
	for place, run in enumerate(bulk.names, 1):
		try:
			refusal = act_on(host, store, bulk, run)
		except TransientDatabaseError as error:
			refusal = _refusal(run, error)
		if refusal is not None:
			refusals.append(refusal)
		told(place, len(bulk.names))
	return {
		"count": len(bulk.names),
		"done": len(bulk.names) - len(refusals),
		"failed": len(refusals),
		"refusals": refusals[:SHOWN_REFUSALS],
	}


def act_on(host: Host, store: Any, bulk: Bulk, run: str) -> dict[str, str] | None:
	"""One of its runs: None when that is done, else `{run, code, message}` of what refused. Raises
	TransientDatabaseError."""
	try:
		_act(host, store, bulk, run)
	except DuplicateTrigger:
		return None  # an earlier attempt at the same bulk did this one
	except TransientDatabaseError:
		raise
	except FlowError as error:
		return _refusal(run, error)
	return None


def _refusal(run: str, error: FlowError) -> dict[str, str]:
	return {"run": run, "code": error.code, "message": error.message}


def _act(host: Host, store: Any, bulk: Bulk, run: str) -> None:
	if bulk.action == "cancel":
		doors.cancel(host, run, bulk.reason or None)
	elif bulk.action == "retry":
		doors.retry(host, run, reason=bulk.reason)
	elif bulk.action == "compensate":
		compensate(host, run, bulk.reason)
	elif bulk.action == "migrate":
		migrations.migrate(host, store, run, bulk.version, bulk.reason)
	else:
		doors.replay(host, store, run, version=bulk.version, reason=bulk.reason, key=bulk.key)
