"""Published versions on SQLite: publishing, rolling back, retiring, and reading them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flow_engine.engine.errors import TemplateNotFound, TemplateNotPublished, TemplateRetired
from flow_engine.engine.ports import AuditEvent
from flow_engine.service.definitions import check_publishable, definition_hash
from flow_engine.service.publishing import Publication, roll_back
from flow_engine.service.templates import check_unchanged
from flow_engine.sqlite_host.store import Database

_LISTED = (
	"version, published_on, published_by, change_note AS note, restored_from, run_as, "
	"run_as_triggering_user, concurrency, recursion_limit"
)


class SqliteVersions:
	"""Part of `SqliteTemplates`: its half of `TemplateStore` that is about versions."""

	database: Database
	kinds: Mapping[str, Any]
	events: Mapping[str, Any]
	user: Callable[[], str]
	audit: Callable[[AuditEvent], None]
	after_publish: Callable[[str, int, str, int | None], None]
	get: Callable[[str], dict[str, Any]]
	update: Callable[..., dict[str, Any]]
	_now: Callable[[], str]

	def publish(self, name: str, note: str = "") -> dict[str, Any]:
		return self.database.transact(lambda: self._publish(self.get(name), Publication(note)))

	def roll_back(
		self,
		name: str,
		version: int,
		note: str = "",
		draft: str | None = None,
		modified: str | None = None,
	) -> dict[str, Any]:
		def work() -> dict[str, Any]:
			template = self.get(name)
			check_unchanged(template["modified"], modified)
			old = self.version(template["name"], version)
			return self._publish(template, roll_back(template, old, version, note, draft))

		return self.database.transact(work)

	def retire(self, name: str, reason: str = "") -> dict[str, Any]:
		def work() -> dict[str, Any]:
			template = self.get(name)
			if not template["published_version"]:
				raise TemplateNotPublished()
			if template["is_retired"]:
				return template
			self._set(
				template["name"],
				is_active=0,
				paused_reason="",
				is_retired=1,
				retired_reason=reason,
				retired_on=self._now(),
				retired_by=self.user(),
			)
			before = "active" if template["is_active"] else "paused"
			self._tell("template.retired", template["name"], reason, before, "retired")
			return self.get(template["name"])

		return self.database.transact(work)

	def bring_back(self, name: str, reason: str = "") -> dict[str, Any]:
		def work() -> dict[str, Any]:
			template = self.get(name)
			if not template["is_retired"]:
				return template
			self._set(template["name"], is_retired=0, retired_reason=None, retired_on=None, retired_by=None)
			self._tell("template.brought_back", template["name"], reason, "retired", "paused")
			return self.get(template["name"])

		return self.database.transact(work)

	def version(self, name: str, version: int) -> dict[str, Any]:
		rows = self.database.rows(
			f"SELECT {_LISTED}, definition FROM `tabFlow Template Version` "
			"WHERE flow_template = %s AND version = %s",
			[self.get(name)["name"], version],
		)
		if not rows:
			raise TemplateNotFound(f"There is no version {version} of {name}.")
		return rows[0]

	def versions(self, name: str, limit: int, start: int) -> list[dict[str, Any]]:
		return self.database.rows(
			f"SELECT {_LISTED} FROM `tabFlow Template Version` WHERE flow_template = %s "
			f"ORDER BY version DESC LIMIT {int(limit)} OFFSET {int(start)}",
			[self.get(name)["name"]],
		)

	def _publish(self, template: Mapping[str, Any], publication: Publication) -> dict[str, Any]:
		"""In the current transaction, which the caller has begun. Raises InvalidDefinition,
		TemplateRetired."""
		if template["is_retired"]:
			raise TemplateRetired()
		name, text = template["name"], publication.text or template["flow_definition"]
		check_publishable(text, self.kinds, self.events)
		if publication.text and publication.replace:
			template = self.update(name, {"flow_definition": text})
		digest, now = definition_hash(text), self._now()
		number = int(template["version"] or 0)
		if self.database.rows(
			"SELECT 1 FROM `tabFlow Template Version` WHERE flow_template = %s AND version >= %s",
			[name, number],
		):
			number += 1
		version = {
			"name": f"{name}-v{number}",
			"creation": now,
			"modified": now,
			"owner": self.user(),
			"modified_by": self.user(),
			"docstatus": 0,
			"idx": 0,
			"flow_template": name,
			"version": number,
			"definition": text,
			"definition_hash": digest,
			"published_by": self.user(),
			"published_on": now,
			"run_as": template["run_as"] or self.user(),
			"run_as_triggering_user": template["run_as_triggering_user"],
			"concurrency": template["concurrency"],
			"recursion_limit": template["recursion_limit"],
			"change_note": publication.note,
			"restored_from": publication.restored_from,
		}
		names = ", ".join(f"`{key}`" for key in version)
		self.database.execute(
			f"INSERT INTO `tabFlow Template Version` ({names}) VALUES ({', '.join(['%s'] * len(version))})",
			list(version.values()),
		)
		same = definition_hash(template["flow_definition"]) == digest
		kept_as = template["draft_state"] if template["draft_state"] == "invalid" else "changed"
		self._set(
			name,
			version=number,
			published_version=number,
			published_hash=digest,
			published_by=self.user(),
			published_on=now,
			draft_state="published" if same else kept_as,
		)
		self.after_publish(name, number, publication.note, publication.restored_from)
		return self.get(name)

	def _set(self, name: str, **columns: Any) -> None:
		row = {**columns, "modified": self._now(), "modified_by": self.user()}
		sets = ", ".join(f"`{key}` = %s" for key in row)
		self.database.execute(f"UPDATE `tabFlow Template` SET {sets} WHERE name = %s", [*row.values(), name])

	def _tell(self, event: str, template: str, reason: str | None, before: str, after: str) -> None:
		self.audit(
			AuditEvent(
				event, flow_template=template, reason=reason or "", from_status=before, to_status=after
			)
		)
