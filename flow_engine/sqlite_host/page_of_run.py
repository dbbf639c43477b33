"""One run as HTML: what it is, and its steps as a timeline with what may be done to each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from flow_engine.sqlite_host.host import StandaloneHost
from flow_engine.sqlite_host.page_parts import badge, code, document_link, empty, moment, section

_WORDS = {
	"pending": "Not yet",
	"not_taken": "branch not taken",
	"disabled": "disabled",
	"operator": "by hand",
}
_MAX_DEPTH = 3


def run_body(host: StandaloneHost, view: Mapping[str, Any]) -> Markup:
	url = f"/runs/{quote(view['name'], safe='')}"
	facts = [
		("About", document_link(view["context_doctype"], view["context_docname"]) or "no document"),
		("Customer", view["customer"] or "none"),
		("Started", moment(host, view["started_at"])),
	]
	if view["completed_at"]:
		facts.append(("Ended", moment(host, view["completed_at"])))
	elif view["wake_at"]:
		facts.append(("Next", moment(host, view["wake_at"])))
	facts.append(("Started by", view["trigger_event"]))
	cancel = Markup("")
	if view["status"] in ("running", "failed"):
		cancel = Markup(
			'<form method="post" action="{}/cancel"><button class="quiet">Cancel the run</button></form>'
		).format(url)
	error = view.get("error")
	body = Markup(
		'<p class="crumb"><a href="/">Flows</a> / <a href="/templates/{}">{}</a></p>'
		'<div class="title"><h1>{} <span class="id">{}</span></h1>{}</div><dl class="facts">{}</dl>{}{}'
	).format(
		quote(view["flow_template"], safe=""),
		view["template_name"],
		view["template_name"],
		view["name"],
		badge(view["status"]),
		Markup("").join(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(*fact) for fact in facts),
		Markup('<div class="buttons">{}</div>').format(cancel) if cancel else "",
		Markup('<p class="error" role="alert">{}</p>').format(error["message"]) if error else "",
	)
	depths = _depths(view["steps"])
	steps = Markup("").join(_step(host, view["name"], step, depths[step["id"]]) for step in view["steps"])
	body += section(
		"Steps", Markup('<ol class="steps">{}</ol>').format(steps) if steps else empty("No steps.")
	)
	if view.get("variables"):
		body += section("Variables", code(view["variables"]))
	return body


def _depths(steps: list[Mapping[str, Any]]) -> dict[str, int]:
	"""How far to the right each step stands. Parents may come after their children in the list."""
	parents = {step["id"]: step["parent_id"] for step in steps}
	depths: dict[str, int] = {}
	for step_id in parents:
		chain = []
		at: str | None = step_id
		while at is not None and at not in depths:
			chain.append(at)
			at = parents.get(at)
		depth = depths[at] + 1 if at is not None else 0
		for known in reversed(chain):
			depths[known] = min(depth, _MAX_DEPTH)
			depth += 1
	return depths


def _step(host: StandaloneHost, run: str, step: Mapping[str, Any], depth: int) -> Markup:
	status = step["status"]
	kind = host.kinds.get(step["kind"])
	branch = Markup('<span class="tag">if {}</span> ').format(step["branch"]) if step["branch"] else ""
	failed = step["error"] if status in ("failed", "scheduled") else None
	error = Markup("")
	if failed:
		error = Markup('<p class="error">{} <span class="id">{}</span></p>').format(
			failed.get("message") or "", failed.get("code") or ""
		)
	result = Markup("")
	if step.get("result"):
		result = Markup("<details><summary>Result</summary>{}</details>").format(code(step["result"]))
	return Markup(
		'<li class="{status} depth-{depth}" id="step-{id}"><span class="dot"></span><div>'
		'<div class="head"><div>{branch}<strong>{label}</strong></div>{badge}</div>'
		'<p class="meta">{kind}{times}</p>{error}{result}{buttons}</div></li>'
	).format(
		status=status,
		depth=depth,
		id=step["id"],
		branch=branch,
		label=step["label"],
		badge=badge(status, _WORDS.get(status)),
		kind=kind.label if kind else step["kind"],
		times=_times(host, step),
		error=error,
		result=result,
		buttons=_link(host, run, step) + _buttons(f"/runs/{quote(run, safe='')}", step),
	)


def _times(host: StandaloneHost, step: Mapping[str, Any]) -> Markup:
	parts = []
	if step["status"] == "scheduled":
		parts.append(Markup("due {}").format(moment(host, step["trigger_at"])))
	elif step["status"] == "waiting":
		who = "its link" if step["trigger_type"] == "on_webhook" else "somebody"
		parts.append(Markup("waits for {}").format(who))
		if step["trigger_at"]:
			parts.append(Markup("until {}").format(moment(host, step["trigger_at"])))
	elif step["completed_at"]:
		parts.append(moment(host, step["completed_at"]))
	if step["attempts"] > 1:
		parts.append(Markup("{} attempts").format(step["attempts"]))
	if step["reason"]:
		parts.append(Markup("{}").format(_WORDS.get(step["reason"], step["reason"])))
	if step["handled"]:
		parts.append(Markup("handled: {}").format(step["handled"]))
	return Markup("").join(Markup(" · {}").format(part) for part in parts)


def _link(host: StandaloneHost, run: str, step: Mapping[str, Any]) -> Markup:
	if step["trigger_type"] != "on_webhook" or step["status"] not in ("pending", "waiting"):
		return Markup("")
	return Markup('<p class="meta"><a href="{}">Its link</a></p>').format(host.links.url(run, step["id"]))


def _buttons(url: str, step: Mapping[str, Any]) -> Markup:
	hidden = Markup('<input type="hidden" name="step_id" value="{}">').format(step["id"])
	forms = Markup("")
	if "complete" in step["allowed"]:
		label = "Fire" if step["status"] == "waiting" else "Do it now"
		value = Markup("")
		if step["status"] == "waiting":
			value = Markup(
				'<details><summary>With a value</summary><textarea name="value" rows="3" spellcheck="false" '
				'aria-label="Value for {} as JSON" placeholder="{}"></textarea></details>'
			).format(step["label"], '{"ok": true}')
		forms += Markup(
			'<form method="post" action="{}/fire">{}<button class="{}" aria-label="{}">{}</button>{}</form>'
		).format(
			url,
			hidden,
			"primary" if step["status"] == "waiting" else "",
			f"{label}: {step['label']}",
			label,
			value,
		)
	if "retry" in step["allowed"]:
		forms += Markup(
			'<form method="post" action="{}/retry">{}<button aria-label="{}">Try again</button></form>'
		).format(url, hidden, f"Try again: {step['label']}")
	return Markup('<div class="buttons">{}</div>').format(forms) if forms else forms
