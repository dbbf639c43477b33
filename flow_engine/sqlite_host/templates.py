"""Templates and their published versions on SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from flow_engine.engine.breaker import DEFAULT_LIMIT
from flow_engine.engine.condition_text import Strategy
from flow_engine.engine.definition import FlowDefinition, parse_definition
from flow_engine.engine.errors import (
	NameTaken,
	TemplateNotFound,
	TemplateNotPublished,
	TemplateProtected,
	TemplateRetired,
)
from flow_engine.engine.ports import AuditEvent, Breaker, Clock
from flow_engine.service.definitions import (
	MAX_RECURRENCES,
	definition_text,
	project,
)
from flow_engine.service.events import Trigger
from flow_engine.service.publishing import Publication, publishes
from flow_engine.service.template_events import saved_event
from flow_engine.service.templates import check_unchanged
from flow_engine.sqlite_host import schema
from flow_engine.sqlite_host.settings import condition_strategy
from flow_engine.sqlite_host.store import Database
from flow_engine.sqlite_host.versions import SqliteVersions
from flow_engine.store.dialect import read_time


class SqliteTemplates(SqliteVersions):
	"""`TemplateStore` and `ports.Definitions` on SQLite."""

	def __init__(
		self,
		database: Database,
		clock: Clock,
		kinds: Mapping[str, Any],
		events: Mapping[str, Any],
		user: Callable[[], str],
		audit: Callable[[AuditEvent], None],
	):
		"""`after_publish(template, version, note, restored_from)` is the composed host's to set: what
		follows from a publication needs the whole of it."""
		self.database = database
		self.clock = clock
		self.kinds = kinds
		self.events = events
		self.context: tuple[str, ...] = ()
		self.user = user
		self.audit = audit
		self.after_publish: Callable[[str, int, str, int | None], None] = lambda *published: None
		self._parsed: dict[tuple[str, int], FlowDefinition] = {}
		self._fields = {field["fieldname"] for field in schema.fields_of("Flow Template")}

	# --- TemplateStore --------------------------------------------------------------------------------------

	def get(self, name: str) -> dict[str, Any]:
		rows = self.database.rows("SELECT * FROM `tabFlow Template` WHERE name = %s", [name])
		if not rows:
			rows = self.database.rows("SELECT * FROM `tabFlow Template` WHERE template_name = %s", [name])
		if len(rows) != 1:
			raise TemplateNotFound(f"There is no flow template {name!r}.", name=name)
		return rows[0]

	def find(self, filters: Mapping[str, Any]) -> list[dict[str, Any]]:
		wanted = {key: value for key, value in filters.items() if key in self._fields}
		where = "".join(f" AND `{key}` = %s" for key in wanted)
		return self.database.rows(
			f"SELECT * FROM `tabFlow Template` WHERE 1 = 1{where} ORDER BY category, template_name",
			list(wanted.values()),
		)

	def insert(self, values: Mapping[str, Any], seeding: bool = False) -> dict[str, Any]:
		def work() -> dict[str, Any]:
			name = f"FT-{self.database.next_value('Flow Template'):05d}"
			columns = {**values, **self._project(values, seeding=seeding)}
			if not seeding:
				columns["is_system"] = 0
			active = columns.pop("is_active", 0)
			columns.update(
				name=name, creation=self._now(), owner=self.user(), docstatus=0, idx=0, is_active=0
			)
			self._write("INSERT", name, columns)
			self._tell_saved(None, self.get(name))
			return self.update(name, {"is_active": 1}) if active else self.get(name)

		return self.database.transact(work)

	def update(
		self,
		name: str,
		values: Mapping[str, Any],
		seeding: bool = False,
		modified: str | None = None,
		publish: bool = False,
	) -> dict[str, Any]:
		def work() -> dict[str, Any]:
			before = self.get(name)
			check_unchanged(before["modified"], modified)
			merged = {**before, **values}
			columns = {**values, **self._project(merged, before, seeding)}
			columns["is_active"] = int(bool(columns.get("is_active", before["is_active"])))
			asked = publishes(before, bool(columns["is_active"]), publish)
			if columns["is_active"] and not before["is_active"]:
				columns["activated_on"] = self._now()
			self._write("UPDATE", before["name"], columns)
			self._tell_saved(before, self.get(before["name"]))
			if asked:
				self._publish(self.get(before["name"]), Publication())
			if columns["is_active"] != int(bool(before["is_active"])):
				self._record_switch(self.get(before["name"]))
			return self.get(before["name"])

		return self.database.transact(work)

	@property
	def condition_strategy(self) -> Strategy:
		return condition_strategy(self.database)

	def _project(
		self, values: Mapping[str, Any], before: Mapping[str, Any] | None = None, seeding: bool = False
	) -> dict[str, Any]:
		return project(
			values, self.kinds, self.events, before, seeding, self.context, self.condition_strategy
		)

	def delete(self, name: str) -> None:
		def work() -> None:
			template = self.get(name)
			if template["is_system"]:
				raise TemplateProtected()
			self.database.execute("DELETE FROM `tabFlow Template` WHERE name = %s", [template["name"]])
			# Versions that runs were made from stay: those runs must go on being readable.
			self.database.execute(
				"DELETE FROM `tabFlow Template Version` WHERE flow_template = %s AND NOT EXISTS "
				"(SELECT 1 FROM `tabFlow Run` r WHERE r.flow_template = `tabFlow Template "
				"Version`.flow_template "
				"AND r.template_version = `tabFlow Template Version`.version)",
				[template["name"]],
			)
			details = {"template_name": template["template_name"]}
			self.audit(AuditEvent("template.deleted", flow_template=template["name"], details=details))

		self.database.transact(work)

	def _tell_saved(self, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> None:
		saved = saved_event(before, after)
		if saved:
			self.audit(AuditEvent(saved[0], flow_template=after["name"], details=saved[1]))

	def _record_switch(self, template: Mapping[str, Any]) -> None:
		states = ("paused", "active") if template["is_active"] else ("active", "paused")
		event = "template.activated" if template["is_active"] else "template.paused"
		self._tell(event, template["name"], template["paused_reason"], *states)

	def _write(self, verb: str, name: str, columns: Mapping[str, Any]) -> None:
		row = {key: value for key, value in columns.items() if key in self._fields or key in _STANDARD}
		row.update(modified=self._now(), modified_by=self.user())
		names = ", ".join(f"`{key}`" for key in row)
		try:
			if verb == "INSERT":
				self.database.execute(
					f"INSERT INTO `tabFlow Template` ({names}) VALUES ({', '.join(['%s'] * len(row))})",
					list(row.values()),
				)
			else:
				sets = ", ".join(f"`{key}` = %s" for key in row)
				self.database.execute(
					f"UPDATE `tabFlow Template` SET {sets} WHERE name = %s", [*row.values(), name]
				)
		except sqlite3.IntegrityError:
			raise NameTaken(
				f"There is a flow template named {row.get('template_name')!r} in this category already."
			) from None

	def _now(self) -> str:
		return self.clock.now().astimezone(self.clock.time_zone).strftime("%Y-%m-%d %H:%M:%S.%f")

	# --- ports.Definitions ----------------------------------------------------------------------------------

	def load(self, template: str, version: int) -> FlowDefinition:
		key = (template, version)
		if key not in self._parsed:
			rows = self.database.rows(
				"SELECT definition FROM `tabFlow Template Version` WHERE flow_template = %s AND version = %s",
				[template, version],
			)
			if not rows:
				raise TemplateNotFound(f"There is no version {version} of {template}.")
			if len(self._parsed) > 500:
				self._parsed.clear()
			self._parsed[key] = parse_definition(rows[0]["definition"])
		return self._parsed[key]

	def template(self, template: str) -> Mapping[str, Any]:
		row = self.get(template)
		keys = ("name", "template_name", "category", "version", "description", "is_active")
		keys += ("is_retired", "published_version")
		return {key: row[key] for key in keys}

	def breaker(self, template: str) -> Breaker:
		rows = self.database.rows(
			"SELECT is_active, failure_limit, published_on, activated_on FROM `tabFlow Template` "
			"WHERE name = %s",
			[template],
		)
		if not rows or not rows[0]["is_active"]:
			return Breaker(0)
		own = str(rows[0]["failure_limit"] or "").strip()
		# Site times of one column type: the later one is the greater text.
		since = read_time(
			max(rows[0]["published_on"] or "", rows[0]["activated_on"] or "") or None, self.clock.time_zone
		)
		return Breaker(int(own) if own.isdigit() else DEFAULT_LIMIT, since)

	def pause(self, template: str, reason: str) -> bool:
		changed = self.database.execute(
			"UPDATE `tabFlow Template` SET is_active = 0, paused_reason = %s, modified = %s "
			"WHERE name = %s AND is_active = 1",
			[reason, self._now(), template],
		)
		return changed.rowcount > 0

	# --- matching -------------------------------------------------------------------------------------------

	def trigger_of(self, name: str) -> Trigger:
		"""The published trigger of a template, active or not. Raises TemplateNotPublished,
		TemplateRetired."""
		row = self.get(name)
		if row["is_retired"]:
			raise TemplateRetired()
		if not row["published_version"]:
			raise TemplateNotPublished()
		return self._trigger(row)

	def active_triggers(self, event: str | None = None) -> list[Trigger]:
		"""What active templates listen to."""
		rows = self.database.rows(
			"SELECT * FROM `tabFlow Template` WHERE is_active = 1 AND published_version > 0 ORDER BY name"
		)
		triggers = [self._trigger(row) for row in rows]
		return [trigger for trigger in triggers if event is None or trigger.event == event]

	def _trigger(self, row: Mapping[str, Any]) -> Trigger:
		version = int(row["published_version"])
		definition = self.load(row["name"], version)
		published = self.database.rows(
			"SELECT run_as, concurrency, recursion_limit FROM `tabFlow Template Version` "
			"WHERE flow_template = %s AND version = %s",
			[row["name"], version],
		)[0]
		flow = definition.trigger
		return Trigger(
			template=row["name"],
			version=version,
			event=flow.event,
			title=row["template_name"],
			condition=flow.condition,
			doctype=flow.doctype,
			doc_event=flow.doc_event,
			field=flow.field,
			from_=flow.from_,
			to=flow.to,
			on_import=flow.on_import,
			date=dict(flow.date),
			run_as=published["run_as"],
			concurrency=published["concurrency"] or "allow",
			recursion_limit=int(published["recursion_limit"] or MAX_RECURRENCES),
			starters=definition.starters,
			variables=definition.values_before,
		)


_STANDARD = ("name", "creation", "modified", "owner", "modified_by", "docstatus", "idx")


def store_definition(templates: SqliteTemplates, definition: Any, name: str = "simulation") -> Trigger:
	"""Put a definition in, published, and return its trigger: what a simulation runs."""
	text = definition if isinstance(definition, str) else definition_text(definition)
	template = templates.insert({"template_name": name, "flow_definition": text})
	templates.publish(template["name"])
	return templates.trigger_of(template["name"])
