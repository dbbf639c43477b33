"""The plain pages beside the editor: outbox, documents, and what the link of a waiting step shows.

Everything from outside goes through markupsafe's `format`, which escapes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from flow_engine.engine.compensation import definition_of
from flow_engine.engine.errors import BadToken, FlowError, StepNotFound
from flow_engine.service import doors
from flow_engine.sqlite_host.api import UnknownPath
from flow_engine.sqlite_host.host import StandaloneHost
from flow_engine.sqlite_host.page_parts import badge, code, document_link, empty, moment, rows, section

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
</head>
<body>
<header class="bar"><a class="home" href="/">Flow Engine</a><nav aria-label="Pages">{nav}</nav></header>
<main>{body}</main>
</body>
</html>
""")
_NAV = (
	("flows", "/", "Flows"),
	("runs", "/runs", "Runs"),
	("schedules", "/schedules", "Schedules"),
	("audit", "/audit", "Audit trail"),
	("outbox", "/outbox", "Outbox"),
	("documents", "/documents", "Documents"),
)


def layout(title: str, body: Markup, here: str = "") -> str:
	nav = Markup("").join(
		Markup('<a href="{}"{}>{}</a>').format(
			url, Markup(' aria-current="page"') if key == here else "", label
		)
		for key, url, label in _NAV
	)
	return str(_LAYOUT.format(title=title, nav=nav, body=body))


def draw(host: StandaloneHost, parts: Sequence[str], query: Query) -> str:
	"""The page at this path. Raises UnknownPath and what reading raises."""
	page = _PAGES.get((parts[0] if parts else "", len(parts)))
	if page is None:
		raise UnknownPath()
	return page(host, parts, query)


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
	definition = definition_of(host, record)
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
	("outbox", 1): _outbox,
	("documents", 1): _documents,
	("documents", 3): _document,
}
