"""Secrets of one call: put in at the last moment, taken out of whatever comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

from flow_engine.engine.errors import BadTemplate

_PLACEHOLDER = re.compile(r"\{\{\s*secret\.([\w .-]+?)\s*\}\}")
_ANY_SECRET = re.compile(r"\{\{\s*secret\b")
# Shorter values would blank out ordinary text, and are no secrets.
_LEAST_LENGTH = 4
REDACTED = "***"
# What a secret may bring into a path: slashes too, because whole tails of webhook URLs are secrets.
SAFE_IN_PATH = "/:@!$&'()*+,;="
SAFE_IN_QUERY = "/"


def has_secret(text: str) -> bool:
	"""Does the text ask for a secret, well-formed or not?"""
	return bool(_ANY_SECRET.search(text))


class Secrets:
	"""Resolves `{{secret.<name>}}` for the host at hand and remembers what to redact.

	resolve: `(name, host) -> value`; raises a StepError when the secret may not go to that host.
	"""

	def __init__(self, resolve: Callable[[str, str], str] | None):
		self._resolve = resolve
		self._spellings: set[str] = set()

	def fill(self, text: str, host: str, *, safe: str | None = None) -> str:
		"""The text with its secrets; with `safe`, values are percent-encoded but for these characters.

		Raises BadTemplate for a placeholder that cannot be resolved.
		"""
		if not has_secret(text):
			return text
		if self._resolve is None or has_secret(_PLACEHOLDER.sub("", text)):
			raise BadTemplate("A secret is asked for in a way that cannot be resolved.")

		def value_of(match: re.Match[str]) -> str:
			value = str(self._resolve(match[1], host))
			self._remember(value)
			return value if safe is None else quote(value, safe=safe)

		return _PLACEHOLDER.sub(value_of, text)

	def redact(self, text: str) -> str:
		"""The text without any value filled in so far, as it is or percent- or JSON-encoded."""
		for spelling in sorted(self._spellings, key=len, reverse=True):
			text = text.replace(spelling, REDACTED)
		return text

	def _remember(self, value: str) -> None:
		if len(value) < _LEAST_LENGTH:
			return
		percent = {quote(value, safe=""), quote(value), quote_plus(value), quote(value, safe=SAFE_IN_PATH)}
		in_json = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
		self._spellings |= {value} | percent | in_json
