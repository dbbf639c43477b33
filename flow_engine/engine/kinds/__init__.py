"""The registry of step kinds: what ships with the engine, and how other apps add theirs.

Adding a kind here is one file beside this one and one line in the table below.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from flow_engine.engine.definition import COMPENSATE, FAILURE_BRANCHES, LATE_BRANCH
from flow_engine.engine.errors import KindRefused
from flow_engine.engine.kinds import (
	agent,
	condition,
	dispatch_job,
	erp_update,
	issue,
	notify,
	subscription_activate,
	wait,
	webhook,
)
from flow_engine.engine.kinds.base import FIELD_TYPES, Kind

_NAME = re.compile(r"\A[a-z][a-z0-9_]{0,63}\Z")
_RESERVED_BRANCHES = (*FAILURE_BRANCHES, LATE_BRANCH, COMPENSATE)


def _by_name(kinds: Iterable[Kind]) -> dict[str, Kind]:
	return {kind.name: kind for kind in kinds}


PROJECT_KINDS: dict[str, Kind] = _by_name(
	module.KIND
	for module in (dispatch_job, issue, notify, webhook, erp_update, wait, condition, subscription_activate)
)

AGENT_KINDS: dict[str, Kind] = _by_name(agent.KINDS)


def register(extra: Iterable[Kind] = ()) -> dict[str, Kind]:
	"""Everything that ships, plus `extra`, by name. Raises KindRefused for a clash or an unusable kind."""
	kinds = {**PROJECT_KINDS, **AGENT_KINDS}
	for kind in extra.values() if isinstance(extra, Mapping) else extra:
		_check(kind)
		if kind.name in kinds:
			raise KindRefused(f"There is a step kind named {kind.name} already.", kind=kind.name)
		kinds[kind.name] = kind
	return kinds


def _check(kind: Kind) -> None:
	"""What the validator and the editor take for granted about every kind."""
	if not isinstance(kind, Kind):
		raise KindRefused(f"{kind!r} is not a step kind.")
	reasons = []
	if not isinstance(kind.name, str) or not _NAME.match(kind.name):
		reasons.append("its name is not made of lower-case letters, digits and underscores")
	names = [field.name for field in kind.fields]
	if len(set(names)) < len(names):
		reasons.append("two of its fields have the same name")
	for field in kind.fields:
		if field.type not in FIELD_TYPES:
			reasons.append(f"its field {field.name} has the unknown type {field.type}")
		elif field.type in ("select", "link") and not field.options:
			reasons.append(f"its field {field.name} has no options")
	if kind.document_field and kind.document_field not in names:
		reasons.append(f"it has no field {kind.document_field} that could say which document it makes")
	if set(kind.branches) & set(_RESERVED_BRANCHES):
		reserved = ", ".join(_RESERVED_BRANCHES)
		reasons.append(f"{reserved} are branches of every kind and not listed")
	if reasons:
		raise KindRefused(f"The step kind {kind.name} cannot be used: {'; '.join(reasons)}.", kind=kind.name)
