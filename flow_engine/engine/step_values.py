"""What can be read of another step: `steps.<id>.status`, `.result`, `.error`, and `.document`, the document
that its result names, as it is now.

Decides which document that is and when it is read: when a path asks for it, so that a condition after a wait
of weeks sees what became of it. Who may read it is the documents port's to say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from flow_engine.engine.errors import DocumentNotFound
from flow_engine.engine.links import LinkedDocument, linked
from flow_engine.engine.ports import Documents

PARTS = ("status", "result", "error", "document")
_DOCUMENT = "document"
_READ = re.compile(r"\bsteps\.([A-Za-z0-9_-]{1,64})\.document\b(?:\.(\w+)\.[A-Za-z_])?")


class StepValues(dict[str, Any]):
	"""A step's `status`, `result` and `error`, and under `document` what its result names. To whoever lists
	or copies it, it is the first three: only a path, which asks for it by name, loads the document, once."""

	def __init__(self, values: Mapping[str, Any], documents: Documents | None = None):
		super().__init__(values)
		self._documents = documents
		self._loaded: list[Any] = []

	def __contains__(self, key: object) -> bool:
		return key == _DOCUMENT or super().__contains__(key)

	def __missing__(self, key: str) -> Any:
		if key != _DOCUMENT:
			raise KeyError(key)
		if not self._loaded:
			self._loaded.append(self._load())
		return self._loaded[0]

	def _load(self) -> Any:
		"""None when the step has made no document or it is gone. Raises PermissionDenied, UnknownDocType."""
		result = self.get("result")
		if self._documents is None or not isinstance(result, Mapping):
			return None
		doctype, name = result.get("doctype"), result.get("name")
		if not (isinstance(doctype, str) and doctype and isinstance(name, str) and name):
			return None
		try:
			return linked(self._documents, doctype, self._documents.get(doctype, name))
		except DocumentNotFound:
			return None

	def detached(self) -> StepValues:
		"""A copy for use where nothing more can be loaded: a document that was not read is none."""
		copy = StepValues(self)
		copy._loaded = [d.detached() if isinstance(d, LinkedDocument) else d for d in self._loaded]
		return copy


def read_documents(parts: Iterable[Any], steps: Any) -> None:
	"""Load the documents of steps that paths in these parts of a step lead to, and the links they follow from
	there: for calls, which are made where nothing can be loaded."""
	for step_id, field in sorted(set(_READ.findall(json.dumps(list(parts), default=str)))):
		values = steps.get(step_id)
		document = values[_DOCUMENT] if isinstance(values, StepValues) else None
		if field and isinstance(document, LinkedDocument):
			document.follow(field)
