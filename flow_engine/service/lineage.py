"""The loop guard: flows that start one another make a chain, and a chain that goes in circles is cut.

Decides when: the same flow more often in one chain than it may, or a chain that is too long. Who asks is
whoever starts a run because of another; ordinary chains are not looked at until they could be too long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flow_engine.engine.errors import FlowError, RecursionCut, TooDeep, TransientDatabaseError
from flow_engine.engine.ports import Ancestor, AuditEvent, Host

# How many runs may have started one another in a row: a chain is an automation, an endless one a mistake.
MAX_DEPTH = 20
# Replays stand between a run and what caused it; nobody replays a replay this often.
MAX_HOPS = 100
ARROW = " → "


@dataclass(frozen=True, slots=True)
class Cause:
	"""The run whose step made something happen, the first run of its chain, and how long the chain is."""

	run: str
	root_run: str
	depth: int


def check_lineage(host: Host, template: str, title: str, limit: int, cause: Cause) -> None:
	"""May this flow start because of that run? Raises TooDeep and RecursionCut, with the path of flows from
	the first of the chain."""
	limit = max(limit, 1)
	if cause.depth + 1 < limit:
		return
	if cause.depth >= MAX_DEPTH:
		path = _path(host, chain_of(host, cause), template, title)
		raise TooDeep(
			f"{MAX_DEPTH} runs have started one another in a row, beginning with {cause.root_run}; the chain "
			f"ends here: {path}",
			root_run=cause.root_run,
			path=path,
		)
	chain = chain_of(host, cause)
	times = sum(ancestor.flow_template == template for ancestor in chain)
	if times < limit:
		return
	path = _path(host, chain, template, title)
	often = "once" if times == 1 else f"{times} times"
	raise RecursionCut(
		f"{title or template} occurs {often} in the chain that began with {cause.root_run} and may not occur "
		f"again: {path}",
		root_run=cause.root_run,
		path=path,
	)


def record_cut(host: Host, template: str, cause: Cause | None, error: FlowError) -> None:
	"""Keep a cut in the audit trail, in the current transaction; other errors are no cuts."""
	if cause is None or not isinstance(error, RecursionCut | TooDeep):
		return
	host.runs.audit(
		AuditEvent(
			"run.cut",
			flow_template=template,
			flow_run=cause.run,
			reason=error.message,
			details={"code": error.code, "root_run": cause.root_run, "path": error.facts.get("path", "")},
			user="",
		)
	)


def chain_of(host: Host, cause: Cause) -> list[Ancestor]:
	"""The runs that led here, the first of the chain first; what a replay repeats is left out, or repairing
	would count as recurring."""
	chain = []
	skip: str | None = None
	for ancestor in host.runs.ancestors(cause.run, MAX_HOPS):
		if ancestor.run != skip:
			chain.append(ancestor)
		# Of several replays in a row only the last counts.
		skip = ancestor.parent_run if ancestor.replays else None
	return chain[::-1]


def _path(host: Host, chain: Sequence[Ancestor], template: str, title: str) -> str:
	names: dict[str, str] = {template: title or template}
	for ancestor in chain:
		if ancestor.flow_template not in names:
			names[ancestor.flow_template] = _title(host, ancestor.flow_template)
	return ARROW.join([*(names[ancestor.flow_template] for ancestor in chain), names[template]])


def _title(host: Host, template: str) -> str:
	try:
		return str(host.definitions.template(template).get("template_name") or template)
	except TransientDatabaseError:
		raise
	except FlowError:
		return template
