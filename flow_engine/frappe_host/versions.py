"""Published versions on a site: rolling back, retiring, and reading them."""

from __future__ import annotations

from typing import Any

import frappe
from frappe.utils import now_datetime

from flow_engine.engine.errors import TemplateNotFound, TemplateNotPublished
from flow_engine.service.publishing import Publication, roll_back
from flow_engine.service.templates import check_unchanged

_LISTED = [
	"version",
	"published_on",
	"published_by",
	"change_note as note",
	"restored_from",
	"run_as",
	"run_as_triggering_user",
	"concurrency",
	"recursion_limit",
]


class FrappeVersions:
	"""Part of `FrappeTemplates`: its half of `TemplateStore` that is about versions. The controller does the
	work on each save, so that the desk's own doors obey the same rules; here it is told what is asked."""

	def publish(self, name: str, note: str = "") -> dict[str, Any]:
		doc = self._doc(name)
		doc.flags.flow_publication = Publication(note)
		return self._save(doc)

	def roll_back(
		self,
		name: str,
		version: int,
		note: str = "",
		draft: str | None = None,
		modified: str | None = None,
	) -> dict[str, Any]:
		doc = self._doc(name, lock=True)
		check_unchanged(doc.modified, modified)
		publication = roll_back(doc.as_dict(), self.version(doc.name, version), version, note, draft)
		doc.flags.flow_publication = publication
		if publication.replace:
			doc.flow_definition = publication.text
		return self._save(doc)

	def retire(self, name: str, reason: str = "") -> dict[str, Any]:
		doc = self._doc(name, lock=True)
		if not doc.published_version:
			raise TemplateNotPublished()
		if doc.is_retired:
			return self.get(doc.name)
		doc.update(
			{
				"is_active": 0,
				"paused_reason": "",
				"is_retired": 1,
				"retired_reason": reason,
				"retired_on": now_datetime(),
				"retired_by": frappe.session.user,
			}
		)
		doc.flags.flow_retiring = reason
		return self._save(doc)

	def bring_back(self, name: str, reason: str = "") -> dict[str, Any]:
		doc = self._doc(name, lock=True)
		if not doc.is_retired:
			return self.get(doc.name)
		doc.update({"is_retired": 0, "retired_reason": None, "retired_on": None, "retired_by": None})
		doc.flags.flow_retiring = reason
		return self._save(doc)

	def version(self, name: str, version: int) -> dict[str, Any]:
		doc = self._doc(name)
		doc.check_permission("read")
		row = frappe.db.get_value(
			"Flow Template Version",
			{"flow_template": doc.name, "version": version},
			[*_LISTED, "definition"],
			as_dict=True,
		)
		if not row:
			raise TemplateNotFound(f"There is no version {version} of {doc.template_name}.")
		return dict(row)

	def versions(self, name: str, limit: int, start: int) -> list[dict[str, Any]]:
		doc = self._doc(name)
		doc.check_permission("read")
		found = frappe.get_all(
			"Flow Template Version",
			{"flow_template": doc.name},
			_LISTED,
			order_by="version desc",
			limit_start=start,
			limit_page_length=limit,
		)
		return [dict(row) for row in found]
