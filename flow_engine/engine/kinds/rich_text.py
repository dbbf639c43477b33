"""Texts that are written once and read as HTML (emails, descriptions) or as plain text (SMS)."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>")

# What escaping a value writes, and nothing more: a URL's `&region=` must not turn into a registered sign. The
# ampersand comes last, so that nothing is undone twice.
_ESCAPES = (
	("&lt;", "<"),
	("&gt;", ">"),
	("&quot;", '"'),
	("&#34;", '"'),
	("&#x27;", "'"),
	("&#39;", "'"),
	("&amp;", "&"),
)


def as_html(text: str) -> str:
	"""Text whose values are escaped already → HTML: as it is where its author wrote tags, else by line."""
	if _MARKUP.search(text):
		return text
	return "<br>\n".join(text.splitlines())


def as_plain(text: str) -> str:
	"""Text whose values are escaped → the text a person typed and the values as they are."""
	for escaped, character in _ESCAPES:
		text = text.replace(escaped, character)
	return text


def one_line(text: object, limit: int = 140) -> str:
	"""A subject: one line of at most `limit` characters, which is what Frappe's Data fields hold."""
	line = " ".join(str(text or "").split())
	return line if len(line) <= limit else line[: limit - 1] + "…"
