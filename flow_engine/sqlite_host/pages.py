"""The plain page: flows, runs, the outbox and the documents of the standalone host, as HTML.

Everything from outside goes through markupsafe's `format`, which escapes it. Pages only read; what buttons do
is page_actions'.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from flow_engine.engine.errors import BadToken, FlowError, StepNotFound
from flow_engine.service import doors
from flow_engine.sqlite_host.api import UnknownPath
from flow_engine.sqlite_host.host import StandaloneHost
from flow_engine.sqlite_host.page_of_run import run_body
from flow_engine.sqlite_host.page_parts import badge, code, document_link, empty, moment, rows, section
from flow_engine.sqlite_host.samples import sample_documents

Query = Mapping[str, str]

_LAYOUT = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} · Flow Engine</title>
<link rel="icon" href="/assets/icon.svg">
<link rel="stylesheet" href="/assets/page.css">
<script src="/assets/page.js" defer></script>
</head>
<body{live}>
<header class="bar"><a class="home" href="/">Flow Engine</a><nav aria-label="Pages">{nav}</nav></header>
<main>{note}{body}</main>
</body>
</html>
""")
_NAV = (
	("flows", "/", "Flows"),
	("runs", "/#runs", "Runs"),
	("outbox", "/outbox", "Outbox"),
	("documents", "/documents", "Documents"),
)


def layout(title: str, body: Markup, here: str = "", note: str = "", live: bool = False) -> str:
	nav = Markup("").join(
		Markup('<a href="{}"{}>{}</a>').format(
			url, Markup(' aria-current="page"') if key == here else "", label
		)
		for key, url, label in _NAV
	)
	told = Markup('<p class="note" role="status">{}</p>').format(note) if note else ""
	return str(
		_LAYOUT.format(title=title, nav=nav, body=body, note=told, live=Markup(" data-live") if live else "")
	)


def draw(host: StandaloneHost, parts: Sequence[str], query: Query) -> str:
	"""The page at this path. Raises UnknownPath and what reading raises."""
	if len(parts) == 0:
		return _home(host, query)
	page = _PAGES.get((parts[0], len(parts)))
	if page is None:
		raise UnknownPath()
	return page(host, parts, query)


def _home(host: StandaloneHost, query: Query) -> str:
	templates = doors.list_templates(host.templates)["templates"]
	status, template = query.get("status") or None, query.get("template") or None
	runs = doors.list_runs(host, status=status, template=template, limit=100)["runs"]
	flows = rows(_template_row(host, row) for row in templates)
	if not templates:
		hint = f"flow-engine seed --db {host.database.path}"
		flows = empty(Markup("No flows yet. <code>{}</code> puts the seeded ones in.").format(hint))
	filters = Markup("").join(
		Markup('<a href="{}"{}>{}</a>').format(
			f"/?status={value}#runs" if value else "/#runs",
			Markup(' aria-current="true"') if (status or "") == value else "",
			label,
		)
		for value, label in (
			("", "All"),
			*((s, s.capitalize()) for s in ("running", "completed", "failed", "cancelled")),
		)
	)
	listed = rows(_run_row(host, row) for row in runs) if runs else empty("No runs here yet.")
	body = section("Flows", flows, "flows") + section(
		"Runs",
		Markup('<nav class="filters" aria-label="Runs by status">{}</nav>{}').format(filters, listed),
		"runs",
	)
	return layout("Flows and runs", body, "flows", query.get("note", ""), live=True)


def _template_row(host: StandaloneHost, row: Mapping[str, Any]) -> Markup:
	event = host.templates.events.get(row["trigger_event"])
	return Markup(
		'<li><div class="what"><a href="/templates/{url}">{name}</a>{system}<p>{description}</p></div>'
		'<div class="meta"><span>{event}</span><span>{steps}</span></div>'
		'<div class="state">{badge}</div></li>'
	).format(
		url=quote(row["name"], safe=""),
		name=row["template_name"],
		system=Markup(' <span class="tag">system</span>') if row["is_system"] else "",
		description=row["description"] or "",
		event=event.label if event else row["trigger_event"],
		steps=_count(row["step_count"], "step"),
		badge=_template_badge(row),
	)


def _template_badge(row: Mapping[str, Any]) -> Markup:
	if row["is_active"]:
		return badge("active", "Active")
	if row["draft_state"] == "invalid":
		return badge("failed", "Has problems")
	return badge("paused", "Paused" if row["published_version"] else "Draft")


def _count(number: Any, word: str) -> str:
	return f"{number} {word}{'' if number == 1 else 's'}"


def _run_row(host: StandaloneHost, row: Mapping[str, Any]) -> Markup:
	if row["status"] == "running":
		due = row["wake_at"]
		then = Markup("next {}").format(moment(host, due)) if due else Markup("waits for somebody")
	elif row["completed_at"]:
		then = Markup("ended {}").format(moment(host, row["completed_at"]))
	else:
		then = Markup("")
	about = document_link(row["context_doctype"], row["context_docname"])
	return Markup(
		'<li><div class="what"><a href="/runs/{url}">{name}</a> <span class="id">{id}</span>'
		"<p>{about}{error}</p></div>"
		'<div class="meta"><span>started {started}</span><span>{then}</span></div>'
		'<div class="state">{badge}</div></li>'
	).format(
		url=quote(row["name"], safe=""),
		name=row["template_name"],
		id=row["name"],
		about=about,
		error=Markup(' <span class="error">{}</span>').format(row["error_message"])
		if row["error_message"]
		else "",
		started=moment(host, row["started_at"]),
		then=then,
		badge=badge(row["status"]),
	)


def _template(host: StandaloneHost, parts: Sequence[str], query: Query) -> str:
	row = doors.get_template(host.templates, parts[1])["template"]
	definition = row["flow_definition"]
	problems = Markup("").join(
		Markup('<li class="{}"><code>{}</code> {} <span class="id">{}</span></li>').format(
			problem["severity"], problem["path"] or "the flow", problem["message"], problem["code"]
		)
		for problem in row["problems"]
	)
	body = Markup(
		'<p class="crumb"><a href="/">Flows</a></p><div class="title"><h1>{}</h1>{}</div>'
		'<p class="lead">{}</p>{}{}{}'
	).format(
		row["template_name"],
		_template_badge(row),
		row["description"] or "",
		_template_facts(host, row),
		_template_buttons(row),
		Markup('<ul class="problems">{}</ul>').format(problems) if problems else "",
	)
	steps = definition.get("steps") if isinstance(definition.get("steps"), list) else []
	body += section(_count(len(steps), "step"), _steps(host, steps))
	if row["published_version"]:
		body += section("Try it", _try_form(row, definition))
	body += section(
		"Definition", Markup("<details><summary>Show the JSON</summary>{}</details>").format(code(definition))
	)
	return layout(row["template_name"], body, "flows", query.get("note", ""))


def _template_facts(host: StandaloneHost, row: Mapping[str, Any]) -> Markup:
	event = host.templates.events.get(row["trigger_event"])
	published = f"version {row['published_version']}" if row["published_version"] else "not yet"
	if row["draft_state"] == "changed":
		published += ", changed since"
	return _facts(
		("Starts when", event.label if event else row["trigger_event"]),
		("For", row["applies_to"] or "any document, or none"),
		("Published", published),
		("Runs", Markup('<a href="/?template={}#runs">show them</a>').format(quote(row["name"], safe=""))),
	)


def _facts(*facts: tuple[str, Any]) -> Markup:
	return Markup('<dl class="facts">{}</dl>').format(
		Markup("").join(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(*fact) for fact in facts)
	)


def _template_buttons(row: Mapping[str, Any]) -> Markup:
	url = f"/templates/{quote(row['name'], safe='')}"
	switch = Markup(
		'<form method="post" action="{}/switch"><input type="hidden" name="is_active" value="{}">'
		'<button class="{}">{}</button></form>'
	).format(
		url,
		0 if row["is_active"] else 1,
		"" if row["is_active"] else "primary",
		"Pause" if row["is_active"] else "Switch on",
	)
	publish = Markup("")
	if row["published_version"] and row["draft_state"] == "changed":
		publish = Markup(
			'<form method="post" action="{}/publish"><button>Publish the draft</button></form>'
		).format(url)
	return Markup('<div class="buttons">{}{}</div>').format(switch, publish)


def _steps(host: StandaloneHost, steps: Iterable[Any]) -> Markup:
	items = []
	for step in steps:
		if not isinstance(step, Mapping):
			continue
		kind = host.kinds.get(step.get("kind")) if isinstance(step.get("kind"), str) else None
		trigger = step.get("trigger") if isinstance(step.get("trigger"), Mapping) else {}
		branch = (
			Markup('<span class="tag">if {}</span> ').format(step["branch"]) if step.get("branch") else ""
		)
		items.append(
			Markup(
				'<li class="{}"><span class="dot"></span><div>{}<strong>{}</strong>'
				'<p class="meta">{} · {}</p></div></li>'
			).format(
				"inside" if step.get("parent_id") else "",
				branch,
				step.get("label") or step.get("id") or "",
				kind.label if kind else step.get("kind") or "",
				_trigger_text(trigger),
			)
		)
	return (
		Markup('<ol class="steps">{}</ol>').format(Markup("").join(items))
		if items
		else empty("No steps yet.")
	)


def _trigger_text(trigger: Mapping[str, Any]) -> str:
	kind = trigger.get("type")
	if kind == "after_delay":
		units = (("delay_days", "day"), ("delay_hours", "hour"), ("delay_minutes", "minute"))
		parts = [_count(trigger[key], word) for key, word in units if trigger.get(key)]
		return f"after {' '.join(parts) or 'no time'}"
	texts = {
		"on_flow_start": "at the start",
		"on_date": f"on {trigger.get('at') or 'a date'}",
		"on_webhook": "when its link is called",
		"manual": "when somebody fires it",
	}
	return texts.get(kind, "right after") if isinstance(kind, str) else "right after"


def _try_form(row: Mapping[str, Any], definition: Mapping[str, Any]) -> Markup:
	if not row["is_active"]:
		return empty("The flow is paused: switch it on to start it.")
	trigger = definition.get("trigger") if isinstance(definition.get("trigger"), Mapping) else {}
	documents = json.dumps(sample_documents(row["applies_to"]), indent=2, ensure_ascii=False)
	variables = definition.get("variables") if isinstance(definition.get("variables"), Mapping) else {}
	event = trigger.get("event")
	how = "Start it" if event in ("manual", "doc_event") else f"Let {event} happen"
	return Markup(
		'<form class="try" method="post" action="/templates/{}/try">'
		'<label for="documents">Documents '
		"<span>the first is what the flow is about; all are put into the store</span></label>"
		'<textarea id="documents" name="documents" rows="14" spellcheck="false">{}</textarea>'
		'<label for="variables">Variables</label>'
		'<textarea id="variables" name="variables" rows="{}" spellcheck="false">{}</textarea>'
		'<button class="primary">{}</button></form>'
	).format(
		quote(row["name"], safe=""),
		documents,
		min(len(variables) + 2, 12),
		json.dumps(variables, indent=2, ensure_ascii=False),
		how,
	)


def _run(host: StandaloneHost, parts: Sequence[str], query: Query) -> str:
	view = doors.get_run(host, parts[1])["run"]
	messages = section("Messages", _messages(host, host.outbox.recent(run=view["name"])))
	body = run_body(host, view) + messages
	return layout(
		f"{view['template_name']} {view['name']}",
		body,
		"flows",
		query.get("note", ""),
		live=view["status"] == "running",
	)


def _outbox(host: StandaloneHost, parts: Sequence[str], query: Query) -> str:
	lead = Markup(
		'<h1>Outbox</h1><p class="lead">Emails and texts stay here: the standalone host sends none. '
		"Web calls are really made.</p>"
	)
	return layout("Outbox", lead + _messages(host, host.outbox.recent(), runs=True), "outbox")


def _messages(host: StandaloneHost, messages: Iterable[Mapping[str, Any]], runs: bool = False) -> Markup:
	items = []
	for row in messages:
		text = row["body"] or ""
		run = Markup("")
		if runs and row["run"]:
			run = Markup(' · <a href="/runs/{}">{}</a>').format(quote(row["run"], safe=""), row["run"])
		items.append(
			Markup(
				'<li class="message"><details><summary><span class="tag {}">{}</span> <strong>{}</strong>'
				'<span class="meta">{} · {}{}</span></summary><pre>{}</pre></details></li>'
			).format(
				row["channel"],
				row["channel"],
				row["subject"] or row["url"] or (text if len(text) <= 80 else text[:79] + "…"),
				row["to"] or row["method"] or "",
				moment(host, row["at"]),
				run,
				text,
			)
		)
	return rows(items, "messages") if items else empty("Nothing was sent.")


def _documents(host: StandaloneHost, parts: Sequence[str], query: Query) -> str:
	found = host.documents.latest(query.get("doctype") or None, 200)
	items = [
		Markup('<li><div class="what">{}</div><div class="meta"><span>changed {}</span></div></li>').format(
			document_link(row["doctype"], row["name"]), moment(host, row["modified"])
		)
		for row in found
	]
	lead = Markup('<h1>Documents</h1><p class="lead">What flows read and write here, latest first.</p>')
	return layout("Documents", lead + (rows(items) if items else empty("No documents yet.")), "documents")


def _document(host: StandaloneHost, parts: Sequence[str], query: Query) -> str:
	doctype, name = parts[1], parts[2]
	values = host.documents.get(doctype, name)
	runs = doors.list_runs(host, doctype=doctype, docname=name)["runs"]
	body = Markup(
		'<p class="crumb"><a href="/documents">Documents</a></p><h1>{} <span class="id">{}</span></h1>{}'
	).format(name, doctype, code(values))
	listed = rows(_run_row(host, row) for row in runs) if runs else empty("No flow has run on it.")
	return layout(f"{doctype} {name}", body + section("Runs", listed), "documents")


def confirmation(host: StandaloneHost, run: str, step_id: str, token: str) -> str:
	"""What the link of a waiting step shows to a person. Raises BadToken, RunNotFound, StepNotFound."""
	if not doors.token_fits(host, run, step_id, token):
		raise BadToken()
	record = host.runs.read(run)
	definition = host.definitions.load(record.flow_template, record.template_version)
	if step_id not in definition:
		raise StepNotFound()
	body = Markup(
		'<div class="card"><h1>{}</h1><p class="lead">{} {}</p>'
		'<form method="post"><button class="primary wide">Confirm</button></form></div>'
	).format(definition.step(step_id).label, record.context_doctype or "", record.context_docname or "")
	return layout("Confirm", body)


def confirmed() -> str:
	return layout(
		"Confirmed", Markup('<div class="card"><h1>Thank you</h1><p class="lead">It is noted.</p></div>')
	)


def refusal(error: FlowError) -> str:
	problems = error.as_dict().get("problems") or []
	listed = Markup("").join(
		Markup("<li><code>{}</code> {}</li>").format(problem.get("path"), problem.get("message"))
		for problem in problems
	)
	body = Markup(
		'<div class="card"><h1>This did not work</h1><p class="lead" role="alert">{}</p>{}'
		'<p class="id">{}</p>'
		'<p><a href="/">Back to the flows</a></p></div>'
	).format(
		error.message, Markup('<ul class="problems">{}</ul>').format(listed) if listed else "", error.code
	)
	return layout("This did not work", body)


_PAGES: Mapping[tuple[str, int], Callable[[StandaloneHost, Sequence[str], Query], str]] = {
	("templates", 2): _template,
	("runs", 2): _run,
	("outbox", 1): _outbox,
	("documents", 1): _documents,
	("documents", 3): _document,
}
