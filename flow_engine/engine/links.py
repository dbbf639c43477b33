"""Following a link of a document: `doc.contact_person.mobile_no` where `contact_person` names another
document.

Decides how far a path may go (one link from the document itself) and what is there when it leads nowhere.
Which DocType a field names, and who may read that document, is the documents port's to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flow_engine.engine.errors import DocumentNotFound
from flow_engine.engine.ports import Documents

# `(DocType, name)` → the values of that document, as whoever acts may see them.
Load = Callable[[str, str], Mapping[str, Any]]
# A field → the DocType of the document that it names, if it names one.
Target = Callable[[str], str | None]
_FOLLOWED = re.compile(r"\b(doc|customer)\.(\w+)\.[A-Za-z_]")


class LinkedDocument(dict[str, Any]):
	"""A document's values, from which a path can go on into a document that one of them names. To everything
	else it is plain data. Values are loaded when a path asks for them, and once."""

	def __init__(self, values: Mapping[str, Any], target: Target | None = None, load: Load | None = None):
		super().__init__(values)
		self._target = target
		self._load = load
		self._followed: dict[str, Mapping[str, Any] | None] = {}

	def follow(self, field: str) -> Mapping[str, Any] | None:
		"""The document that the field names; None when it names none. Raises PermissionDenied when it may not
		be read: an empty text would hide why."""
		if field not in self._followed:
			self._followed[field] = self._read(field)
		return self._followed[field]

	def _read(self, field: str) -> Mapping[str, Any] | None:
		name = self.get(field)
		if self._load is None or self._target is None or not isinstance(name, str) or not name:
			return None
		doctype = self._target(field)
		if not doctype:
			return None
		try:
			# Plain values: from there no link is followed any further.
			return dict(self._load(doctype, name))
		except DocumentNotFound:
			return None

	def detached(self) -> LinkedDocument:
		"""A copy for use where nothing more can be loaded: what was followed is there, the rest leads
		nowhere."""
		copy = LinkedDocument(self)
		copy._followed = dict(self._followed)
		return copy


def linked(documents: Documents, doctype: str | None, values: Any, load: Load | None = None) -> Any:
	"""The document with its links to follow; anything else as it is. load: as whom, where it is not who
	acts."""
	if not doctype or not isinstance(values, Mapping):
		return values
	return LinkedDocument(
		values, lambda field: documents.link_target(doctype, values, field), load or documents.get
	)


def follow_links(parts: Iterable[Any], values: Mapping[str, Any]) -> None:
	"""Load what paths in these parts of a step lead to: for calls, which are made where nothing can be
	loaded."""
	for root, field in set(_FOLLOWED.findall(json.dumps(list(parts), default=str))):
		document = values.get(root)
		if isinstance(document, LinkedDocument):
			document.follow(field)


def follows_links(part: Any) -> bool:
	"""May a path in it go through a link? An over-estimate."""
	return bool(_FOLLOWED.search(part if isinstance(part, str) else json.dumps(part, default=str)))
