"""Running runs that move to a newer version of their flow: what would happen, and doing it.

Whether a run may move is the engine's to decide (`engine/migrating.py`), again under lock when it does: what
a preview says of runs that go on meanwhile may have changed by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flow_engine.engine.errors import BadInput, FlowError, TransientDatabaseError
from flow_engine.engine.migrating import migrate_run, obstacles
from flow_engine.service import arguments as read
from flow_engine.service.templates import TemplateStore
from flow_engine.service.versions import version_number
from flow_engine.store.versions import VersionRuns

LATEST = "latest"
# A preview reads each run whole; who moves more than these sees what was refused when it is done.
LOOKED_AT = 500
SHOWN = 100


def migrate(
	host: Any, store: TemplateStore, run: Any, version: Any = None, reason: Any = None
) -> dict[str, Any]:
	"""Move one running run; `version`: a number, or `latest`, what is published now. `{run, from, to}`.

	Raises RunNotFound, CannotMigrate with `problems`, TemplateNotFound, BadInput.
	"""
	run = read.needed(run, "run")
	record = host.runs.read(run)
	to, run_as = _target(store, record.flow_template, version)
	migrate_run(host, run, to, run_as, read.text(reason, "reason") or "")
	return {"run": run, "from": record.template_version, "to": to}


def preview(
	host: Any,
	store: TemplateStore,
	name: Any,
	version: Any,
	to: Any = None,
	say: Callable[[str], str] = str,
) -> dict[str, Any]:
	"""What moving the running runs of a version would come to: `{from, to, count, can, cannot, refused:
	[{run, context_doctype, context_docname, problems: [{step, code, message}]}], more}`.

	At most 500 runs are looked at (`more`: there are others), 100 refused ones listed. `say`: a sentence in
	the reader's language. Raises TemplateNotFound, BadInput.
	"""
	template = store.get(read.needed(name, "name"))
	number = version_number(version, "version")
	target, _run_as = _target(store, template["name"], to)
	found = VersionRuns(host.runs).running(template["name"], number, LOOKED_AT + 1)
	refused = []
	for run in found[:LOOKED_AT]:
		entry = _refused(host, run, target, say)
		if entry is not None:
			refused.append(entry)
	looked_at = min(len(found), LOOKED_AT)
	return {
		"from": number,
		"to": target,
		"count": looked_at,
		"can": looked_at - len(refused),
		"cannot": len(refused),
		"refused": refused[:SHOWN],
		"more": len(found) > LOOKED_AT,
	}


def _refused(host: Any, run: str, to: int, say: Callable[[str], str]) -> dict[str, Any] | None:
	record = host.runs.read(run)
	about: Mapping[str, Any] = {
		"run": run,
		"context_doctype": record.context_doctype,
		"context_docname": record.context_docname,
	}
	try:
		problems = [one.as_dict() for one in obstacles(host, record, to)]
	except TransientDatabaseError:
		raise
	except FlowError as error:
		problems = [{"path": "", "step": None, "code": error.code, "message": error.message}]
	if not problems:
		return None
	return {**about, "problems": [{**one, "message": say(one["message"])} for one in problems]}


def _target(store: TemplateStore, template: str, version: Any) -> tuple[int, str | None]:
	"""A version's number and whose permissions its runs have. Raises TemplateNotFound, BadInput."""
	if version in (None, "", LATEST):
		number = int(store.get(template)["published_version"] or 0)
		if not number:
			raise BadInput("Nothing of this flow is published.")
	else:
		number = version_number(version, "version")
	return number, store.version(template, number)["run_as"]
