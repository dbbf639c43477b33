"""The standalone HTTP API: the same paths, arguments and answers as on a site, and documents besides.

Decides what each path calls and how arguments are read; what the functions do is the service's. Paths stand
in one table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flow_engine.engine.errors import BadInput, FlowError
from flow_engine.engine.session import Session
from flow_engine.service import arguments as read
from flow_engine.service import compensation as undoing
from flow_engine.service import (
	delegating,
	deliveries,
	differences,
	doors,
	editor,
	inbound_hooks,
	migrations,
	schedule_preview,
	schedules,
	versions,
)
from flow_engine.service.bulk import act_on_all, read_bulk
from flow_engine.service.connections import flows_about
from flow_engine.service.language import said_again, speaker
from flow_engine.service.receiving import receive
from flow_engine.service.runs import limit_actions, run_actions
from flow_engine.service.standing import standing
from flow_engine.sqlite_host import people, trail_api
from flow_engine.sqlite_host.document_types import KnownDocumentTypes
from flow_engine.sqlite_host.documents_behind import StoredBehind
from flow_engine.sqlite_host.host import StandaloneHost
from flow_engine.sqlite_host.scenario import read_document
from flow_engine.sqlite_host.simulation import simulate
from flow_engine.sqlite_host.trial import World, read_trial
from flow_engine.sqlite_host.worker import Worker

PREFIX = "/api/method/flow_engine.api."
MAX_WAIT_SECONDS = 30
Arguments = Mapping[str, Any]


class UnknownPath(FlowError):
	"""There is nothing at this address."""

	code = "not_found"
	http_status = 404


class MethodNotAllowed(FlowError):
	"""This changes something and is only done by POST."""

	code = "method_not_allowed"
	http_status = 405


@dataclass(frozen=True)
class Caller:
	"""What an API function works on."""

	host: StandaloneHost
	worker: Worker


def call(caller: Caller, path: str, method: str, arguments: Arguments) -> Any:
	"""The answer of the function at `path` (below PREFIX). Raises FlowError."""
	found = READS.get(path)
	if found is None:
		found = WRITES.get(path)
		if found is None:
			raise UnknownPath()
		if method != "POST":
			raise MethodNotAllowed()
	return found(caller, arguments)


def _only(arguments: Arguments, *names: str) -> dict[str, Any]:
	return {name: arguments.get(name) for name in names}


def _waiting(caller: Caller, arguments: Arguments, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
	"""`wait_seconds`: let the worker get through with the run before answering."""
	seconds = read.whole_number(arguments.get("wait_seconds"), "wait_seconds", 0, 0, MAX_WAIT_SECONDS)
	mark = caller.worker.mark()
	answer = act()
	return {**answer, **caller.worker.follow(answer["run"], mark, seconds)} if seconds else answer


def _values(arguments: Arguments, *others: str) -> dict[str, Any]:
	return {key: value for key, value in arguments.items() if key not in others}


def _start(caller: Caller, arguments: Arguments) -> dict[str, Any]:
	given = _only(arguments, "template", "doctype", "docname", "customer", "variables", "key")
	host = caller.host
	who = people.person(host, arguments.get("user"))
	user = who.name if who else host.documents.user
	return _waiting(
		caller,
		arguments,
		lambda: doors.start(host, host.templates, user=user, check=people.starting(who), **given),
	)


def _looks_like_data(value: Any) -> bool:
	return isinstance(value, str) and value.strip()[:1] in ("{", "[")


def _advance(caller: Caller, arguments: Arguments) -> dict[str, Any]:
	return _waiting(caller, arguments, lambda: doors.advance(caller.host, arguments.get("run")))


def _complete(caller: Caller, arguments: Arguments) -> dict[str, Any]:
	given = _only(arguments, "run", "step_id", "token")
	own: tuple[str, ...] = ("run", "step_id", "token", "wait_seconds")
	if given["token"] is None:
		# What a link is called with is all the answer; a person says besides who they are and why.
		given["person"] = people.person(caller.host, arguments.get("user"))
		given["reason"] = arguments.get("reason")
		own = (*own, "user", "reason")
	if "result" in arguments:
		result = arguments["result"]
		# A form can only send data as text.
		given["result"] = read.json_value(result, "result") if _looks_like_data(result) else result
	else:
		given["result"] = _values(arguments, *own) or None
	return _waiting(caller, arguments, lambda: doors.complete(caller.host, **given))


def _delegate(caller: Caller, arguments: Arguments) -> dict[str, Any]:
	given = _only(arguments, "run", "step_id", "to", "away", "reason")
	who = people.person(caller.host, arguments.get("user"))
	if given["away"] is None and who is not None:
		given["away"] = [who.name]
	return delegating.delegate(caller.host, **given, person=who)


def _event(caller: Caller, arguments: Arguments) -> dict[str, Any]:
	given = _only(arguments, "event", "doctype", "docname", "customer", "variables")
	triggers = caller.host.templates.active_triggers(read.needed(given["event"], "event"))
	return doors.event(caller.host, triggers, user=caller.host.documents.user, **given)


def _list_runs(caller: Caller, arguments: Arguments) -> dict[str, Any]:
	names = (
		"status",
		"template",
		"version",
		"customer",
		"doctype",
		"docname",
		"limit",
		"start",
		"sla_status",
		"fire",
	)
	given = _only(arguments, *names)
	given["docname"] = given["docname"] or arguments.get("document")
	return doors.list_runs(caller.host, **given)


def _get_run(caller: Caller, arguments: Arguments) -> dict[str, Any]:
	view = doors.get_run(caller.host, arguments.get("run") or arguments.get("name"))
	view["run"]["allowed"] = run_actions(view["run"])
	who = people.person(caller.host, arguments.get("user"))
	if who is not None and view["run"]["steps"]:
		session = Session(caller.host, caller.host.runs.read(view["run"]["name"]))
		limit_actions(session, view["run"], who)
		view["run"]["allowed"] = view["run"]["allowed"] if who.manages else []
	return view


def _test_run(caller: Caller, arguments: Arguments) -> dict[str, Any]:
	host = caller.host
	world = World(
		StoredBehind(host.documents),
		host.documents.user,
		host.clock.time_zone,
		host.kinds,
		host.templates.events,
	)
	return simulate(read_trial(arguments, world), world)


def _flows(caller: Caller, arguments: Arguments) -> dict[str, Any]:
	host = caller.host
	doctype = read.needed(arguments.get("doctype"), "doctype")
	docname = read.text(arguments.get("docname"), "docname")
	about = doors.list_runs(host, doctype=doctype, docname=docname, limit=20)["runs"] if docname else []
	return flows_about(host.templates.find, doctype, about)


def _types(caller: Caller) -> KnownDocumentTypes:
	return KnownDocumentTypes(caller.host.database)


def _put_document(caller: Caller, arguments: Arguments) -> dict[str, Any]:
	document = arguments.get("doc")
	values = read.json_object(document, "doc") if document is not None else dict(arguments)
	document = read_document(values)
	return {"document": caller.host.runs.transact(lambda: caller.host.documents.put(document))}


def _get_document(caller: Caller, arguments: Arguments) -> dict[str, Any]:
	doctype = read.needed(arguments.get("doctype"), "doctype")
	return {"document": caller.host.documents.get(doctype, read.needed(arguments.get("name"), "name"))}


def _list_documents(caller: Caller, arguments: Arguments) -> dict[str, Any]:
	limit = read.whole_number(arguments.get("limit"), "limit", 50, 1, doors.MAX_LIST)
	doctype = read.text(arguments.get("doctype"), "doctype")
	return {"documents": caller.host.documents.latest(doctype, limit)}


def _list_deliveries(caller: Caller, arguments: Arguments) -> dict[str, Any]:
	filters = deliveries.filters_of(**_only(arguments, "status", "event", "doctype", "docname"))
	limit = read.whole_number(arguments.get("limit"), "limit", 50, 1, doors.MAX_LIST)
	start = read.whole_number(arguments.get("start"), "start", 0, 0, 10_000_000)
	rows = caller.host.deliveries.find(filters, limit, start)
	# Times as everywhere in the API.
	shown = [{k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items()} for row in rows]
	return {"deliveries": shown}


def _import(caller: Caller, arguments: Arguments) -> dict[str, Any]:
	payload = arguments.get("templates") or arguments.get("template")
	if payload is None:
		payload = dict(arguments)
	return doors.import_templates(caller.host.templates, payload)


def _update_template(caller: Caller, arguments: Arguments) -> dict[str, Any]:
	given = _only(arguments, "name", "modified", "running", "reason", "publish")
	values = _values(arguments, *given)
	answer = doors.update_template(caller.host.templates, values=values, **given)
	if given["running"] == "cancel":
		filters = {"template": answer["template"]["name"]}
		answer["cancelling"] = _bulk_now(caller, "cancel", filters=filters, reason=given["reason"])
	return answer


def _bulk_now(caller: Caller, action: Any, **given: Any) -> dict[str, Any]:
	"""At once: whoever asks waits, and there is no job to look for."""
	host = caller.host
	bulk = read_bulk(host, host.templates, action, **given)
	return {"job": None, "more": bulk.more, **act_on_all(host, host.templates, bulk)}


def _fire_now(caller: Caller, arguments: Arguments) -> dict[str, Any]:
	host, name = caller.host, arguments.get("name")
	who = people.person(host, arguments.get("user"))
	if who is not None:
		flow = schedules.get_schedule(host, name)["schedule"]["flow_template"]
		people.starting(who)(host.templates.trigger_of(flow).starters)
	user = who.name if who is not None else host.documents.user
	return schedules.fire_now(host, name, arguments.get("reason"), user)


def _schedule(answer: dict[str, Any]) -> dict[str, Any]:
	"""There is no login here, so whoever calls may do everything."""
	answer["schedule"]["may"] = {"edit": True, "fire": True}
	return answer


def _definition(arguments: Arguments) -> Any:
	if "definition" not in arguments and "name" not in arguments:
		raise BadInput("`definition` is missing.")
	return arguments.get("definition")


READS: Mapping[str, Callable[[Caller, Arguments], Any]] = {
	"catalog": lambda c, a: doors.catalog(
		c.host.templates, speaker(read.text(a.get("language"), "language"))
	),
	"templates.list": lambda c, a: doors.list_templates(
		c.host.templates, **_only(a, "category", "applies_to", "is_active", "trigger_event")
	),
	"templates.library": lambda c, a: doors.library(a.get("language")),
	"templates.get": lambda c, a: doors.get_template(c.host.templates, a.get("name")),
	"templates.validate": lambda c, a: doors.validate_definition(
		c.host.templates, _definition(a), a.get("name")
	),
	"templates.export": lambda c, a: doors.export_template(c.host.templates, a.get("name")),
	"templates.version": lambda c, a: doors.template_version(
		c.host.templates, a.get("name"), a.get("version")
	),
	"templates.payload_schema": lambda c, a: doors.payload_schema(c.host, c.host.templates, a.get("name")),
	"templates.history": lambda c, a: versions.history(
		c.host, c.host.templates, **_only(a, "name", "limit", "start")
	),
	"templates.migration": lambda c, a: migrations.preview(
		c.host,
		c.host.templates,
		**_only(a, "name", "version", "to"),
		say=lambda text: said_again(text, read.text(a.get("language"), "language")),
	),
	"templates.standing": lambda c, a: standing(c.host, c.host.templates, a.get("name"), a.get("step_id")),
	"runs.list": _list_runs,
	"runs.get": _get_run,
	"runs.compensation_plan": lambda c, a: undoing.compensation_plan(c.host, a.get("run")),
	"runs.log": lambda c, a: doors.run_log(c.host, a.get("run"), a.get("step_id")),
	"editor.fields": lambda c, a: editor.fields(_types(c), a.get("doctype")),
	"editor.search": lambda c, a: editor.search(_types(c), **_only(a, "doctype", "text", "limit")),
	"editor.doctypes": lambda c, a: editor.doctypes(_types(c), **_only(a, "text", "limit")),
	"editor.sample": lambda c, a: editor.sample(c.host, **_only(a, "doctype", "docname")),
	"deliveries.list": _list_deliveries,
	"connections.flows": _flows,
	"hooks.list": lambda c, a: inbound_hooks.list_hooks(c.host, a.get("template")),
	"hooks.get": lambda c, a: inbound_hooks.get_hook(c.host, a.get("name")),
	"hooks.calls": lambda c, a: inbound_hooks.list_calls(c.host, **_only(a, "name", "limit", "start")),
	"schedules.list": lambda c, a: schedules.list_schedules(
		c.host, **_only(a, "template", "schedule_type", "status", "search", "limit", "start")
	),
	"schedules.get": lambda c, a: _schedule(schedules.get_schedule(c.host, a.get("name"))),
	"schedules.fires": lambda c, a: schedules.list_fires(c.host, **_only(a, "name", "limit", "start")),
	"schedules.preview": lambda c, a: schedule_preview.preview(
		c.host, schedules.read_values(a.get("values")), read.text(a.get("language"), "language")
	),
	**trail_api.READS,
	"documents.get": _get_document,
	"documents.list": _list_documents,
}
WRITES: Mapping[str, Callable[[Caller, Arguments], Any]] = {
	"templates.create": lambda c, a: doors.create_template(c.host.templates, a),
	"templates.update": _update_template,
	"templates.cancel_runs": lambda c, a: _bulk_now(
		c, "cancel", filters={"template": read.needed(a.get("name"), "name")}, reason=a.get("reason")
	),
	"templates.delete": lambda c, a: doors.delete_template(c.host.templates, a.get("name")),
	"templates.duplicate": lambda c, a: doors.duplicate_template(
		c.host.templates, a.get("name"), a.get("new_name"), a.get("version")
	),
	"templates.publish": lambda c, a: doors.publish_template(c.host.templates, a.get("name"), a.get("note")),
	"templates.roll_back": lambda c, a: versions.roll_back(
		c.host.templates, **_only(a, "name", "version", "note", "draft", "modified")
	),
	"templates.retire": lambda c, a: versions.retire(c.host.templates, a.get("name"), a.get("reason")),
	"templates.bring_back": lambda c, a: versions.bring_back(
		c.host.templates, a.get("name"), a.get("reason")
	),
	# Changes nothing, but a draft is too long for an address.
	"templates.diff": lambda c, a: differences.diff(
		c.host.templates,
		**_only(a, "name", "before", "after", "definition"),
		say=speaker(read.text(a.get("language"), "language")),
	),
	"templates.import_templates": _import,
	"runs.start": _start,
	"runs.advance": _advance,
	"runs.complete": _complete,
	"runs.delegate": _delegate,
	"runs.event": _event,
	"runs.cancel": lambda c, a: doors.cancel(c.host, **_only(a, "run", "reason", "compensate")),
	"runs.compensate": lambda c, a: _waiting(
		c, a, lambda: undoing.compensate(c.host, **_only(a, "run", "reason", "happened"))
	),
	"runs.retry": lambda c, a: _waiting(
		c, a, lambda: doors.retry(c.host, a.get("run"), a.get("step_id"), a.get("reason"))
	),
	"runs.skip": lambda c, a: _waiting(
		c, a, lambda: doors.skip(c.host, a.get("run"), a.get("step_id"), a.get("reason"))
	),
	"runs.mark_done": lambda c, a: _waiting(
		c,
		a,
		lambda: doors.mark_done(c.host, a.get("run"), a.get("step_id"), a.get("result"), a.get("reason")),
	),
	"runs.replay": lambda c, a: _waiting(
		c,
		a,
		lambda: doors.replay(c.host, c.host.templates, **_only(a, "run", "step_id", "version", "reason")),
	),
	"runs.migrate": lambda c, a: _waiting(
		c, a, lambda: migrations.migrate(c.host, c.host.templates, **_only(a, "run", "version", "reason"))
	),
	"runs.bulk": lambda c, a: _bulk_now(c, **_only(a, "action", "names", "filters", "reason", "version")),
	"schedules.create": lambda c, a: _schedule(
		schedules.create(c.host, schedules.read_values(a.get("values")))
	),
	"schedules.update": lambda c, a: _schedule(
		schedules.update(c.host, a.get("name"), schedules.read_values(a.get("values")), a.get("modified"))
	),
	"schedules.pause": lambda c, a: _schedule(schedules.pause(c.host, a.get("name"), a.get("reason"))),
	"schedules.resume": lambda c, a: _schedule(schedules.resume(c.host, a.get("name"), a.get("reason"))),
	"schedules.delete": lambda c, a: schedules.delete(c.host, a.get("name"), a.get("reason")),
	"schedules.fire_now": _fire_now,
	"deliveries.redeliver": lambda c, a: deliveries.redeliver(
		c.host, read.needed(a.get("delivery"), "delivery")
	),
	"deliveries.cancel": lambda c, a: deliveries.cancel(c.host, read.needed(a.get("delivery"), "delivery")),
	"deliveries.signing_secret": lambda c, a: {"signing_secret": c.host.signing_secret()},
	**trail_api.WRITES,
	# Its arguments are the call as it came: what is signed is its bytes.
	"hooks.receive": lambda c, a: receive(c.host, a.get("hook"), a["call"]),
	"hooks.create": lambda c, a: inbound_hooks.create_hook(c.host, a.get("values")),
	"hooks.update": lambda c, a: inbound_hooks.update_hook(c.host, **_only(a, "name", "values", "modified")),
	"hooks.delete": lambda c, a: inbound_hooks.delete_hook(c.host, a.get("name")),
	"hooks.rotate_secret": lambda c, a: inbound_hooks.rotate_secret(
		c.host, **_only(a, "name", "overlap_hours", "secret")
	),
	"hooks.test": lambda c, a: inbound_hooks.test_hook(c.host, **_only(a, "name", "payload")),
	"documents.put": _put_document,
	# These change nothing, but a definition is too long for an address.
	"editor.condition": lambda c, a: editor.condition(
		c.host.templates.condition_strategy, **_only(a, "text", "definition", "step_id")
	),
	"editor.test_run": _test_run,
}
