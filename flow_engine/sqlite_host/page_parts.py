"""Small pieces of HTML that the pages share."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from flow_engine.sqlite_host.host import StandaloneHost

MAX_SHOWN = 20_000


def badge(state: str, label: str | None = None) -> Markup:
	return Markup('<span class="badge {}">{}</span>').format(state, label or state.capitalize())


def moment(host: StandaloneHost, text: str | None) -> Markup:
	"""An ISO time as people read it, in the host's time zone."""
	if not text:
		return Markup("")
	try:
		when = datetime.fromisoformat(text)
	except ValueError:
		return Markup("{}").format(text)
	if when.tzinfo is not None:
		when = when.astimezone(host.clock.time_zone)
	return Markup('<time datetime="{}">{}</time>').format(when.isoformat(), when.strftime("%Y-%m-%d %H:%M"))


def document_link(doctype: str | None, name: str | None) -> Markup:
	if not doctype or not name:
		return Markup("")
	url = f"/documents/{quote(doctype, safe='')}/{quote(name, safe='')}"
	return Markup('<a class="document" href="{}">{} {}</a>').format(url, doctype, name)


def code(data: Any) -> Markup:
	text = data if isinstance(data, str) else json.dumps(data, indent=2, ensure_ascii=False, default=str)
	return Markup("<pre>{}</pre>").format(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "\n…")


def rows(items: Iterable[Markup], kind: str = "") -> Markup:
	return Markup('<ul class="rows {}">{}</ul>').format(kind, Markup("").join(items))


def empty(text: str | Markup) -> Markup:
	return Markup('<p class="empty">{}</p>').format(text)


def section(title: str, body: Markup, anchor: str = "") -> Markup:
	return Markup("<section{}><h2>{}</h2>{}</section>").format(
		Markup(' id="{}"').format(anchor) if anchor else "", title, body
	)
