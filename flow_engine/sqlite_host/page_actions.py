"""What the buttons of the plain page do: the same service functions as the API, then back to a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from flow_engine.service import arguments as read
from flow_engine.service import doors
from flow_engine.sqlite_host.api import Caller
from flow_engine.sqlite_host.scenario import read_documents

# Long enough for a flow's first steps, so that the page shown next has something to show.
PATIENCE_SECONDS = 1.0
Form = Mapping[str, Any]


def run_page(run: str, note: str = "") -> str:
	return f"/runs/{quote(run, safe='')}" + (f"?{urlencode({'note': note})}" if note else "")


def template_page(template: str, note: str = "") -> str:
	return f"/templates/{quote(template, safe='')}" + (f"?{urlencode({'note': note})}" if note else "")


def _try(caller: Caller, name: str, form: Form) -> str:
	"""Put the documents in, then start the flow: by hand, or by the event it listens to."""
	host = caller.host
	template = host.templates.get(name)
	trigger = host.templates.trigger_of(name)
	raw = read.json_value(form.get("documents") or "[]", "documents")
	documents = read_documents(raw)
	for document in documents:
		host.runs.transact(lambda document=document: host.documents.put(document))
	about = {}
	if documents:
		about = {"doctype": documents[0]["doctype"], "docname": documents[0]["name"]}
	variables = form.get("variables")
	mark = caller.worker.mark()
	if trigger.event in ("manual", "doc_event"):
		run = doors.start(
			host, host.templates, template["name"], variables=variables, user="operator", **about
		)["run"]
	else:
		triggers = host.templates.active_triggers(trigger.event)
		told = doors.event(host, triggers, trigger.event, variables=variables, user="operator", **about)
		mine = next((r for r in told["results"] if r["template"] == template["name"]), None)
		if mine is None:
			return template_page(template["name"], "Nothing started: the flow does not listen to this.")
		if not mine["run"]:
			return template_page(
				template["name"], f"Nothing started: {mine['reason']} ({mine['read'] or ''})"
			)
		run = mine["run"]
	caller.worker.follow(run, mark, PATIENCE_SECONDS)
	return run_page(run)


def _switch(caller: Caller, name: str, form: Form) -> str:
	active = read.flag(form.get("is_active", ""), "is_active")
	doors.update_template(caller.host.templates, name, {"is_active": active})
	return template_page(name, "The flow is switched on." if active else "The flow is paused.")


def _publish(caller: Caller, name: str, form: Form) -> str:
	made = doors.publish_template(caller.host.templates, name)["template"]
	return template_page(name, f"Version {made['published_version']} is published.")


def _fire(caller: Caller, run: str, form: Form) -> str:
	value = str(form.get("value") or "").strip()
	mark = caller.worker.mark()
	doors.complete(caller.host, run, form.get("step_id"), read.json_value(value, "value") if value else None)
	caller.worker.follow(run, mark, PATIENCE_SECONDS)
	return run_page(run)


def _retry(caller: Caller, run: str, form: Form) -> str:
	mark = caller.worker.mark()
	doors.retry(caller.host, run, form.get("step_id"))
	caller.worker.follow(run, mark, PATIENCE_SECONDS)
	return run_page(run)


def _cancel(caller: Caller, run: str, form: Form) -> str:
	in_flight = doors.cancel(caller.host, run, form.get("reason"))["in_flight"]
	if in_flight:
		return run_page(run, f"Cancelled; a call was in flight and may have arrived: {', '.join(in_flight)}.")
	return run_page(run)


# POST /templates/<name>/<action> and /runs/<name>/<action>.
ACTIONS: Mapping[str, Callable[[Caller, str, Form], str]] = {
	"try": _try,
	"switch": _switch,
	"publish": _publish,
	"fire": _fire,
	"retry": _retry,
	"cancel": _cancel,
}
