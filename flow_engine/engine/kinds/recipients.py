"""Whom a message goes to: how addresses and numbers are written, and which are refused beforehand."""

from __future__ import annotations

import re

from flow_engine.engine.errors import MessageRefused

MAX_EMAILS = 50
MAX_NUMBERS = 10

_SEPARATORS = re.compile(r"[,;\n]")
# Deliberately modest: one @, a dot in the domain, nothing that could end a header or a command.
_EMAIL = re.compile(r"\A[^@\s<>()\[\],;:\\\"]{1,64}@[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+\Z")
_NAMED = re.compile(r"\A[^<>\x00-\x1f]*<([^<>]+)>\Z")
_NUMBER = re.compile(r"\A\+?[0-9]{3,15}\Z")
_PUNCTUATION = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]")


def email_addresses(text: object) -> list[str]:
	"""`a@x.ca; Bo <b@x.ca>` → bare addresses, each once. Raises MessageRefused."""
	found = []
	for part in _parts(text):
		named = _NAMED.match(part)
		address = (named[1] if named else part).strip()
		if not _EMAIL.match(address) or len(address) > 254:
			raise MessageRefused(f"“{_shown(part)}” is not an email address.")
		found.append(address)
	return _checked(found, MAX_EMAILS)


def phone_numbers(text: object) -> list[str]:
	"""`+1 (514) 555-0134, …` → digits with their `+`, each once. Raises MessageRefused."""
	found = []
	for part in _parts(text):
		number = _PUNCTUATION.sub("", part)
		if not _NUMBER.match(number):
			raise MessageRefused(f"“{_shown(part)}” is not a phone number.")
		found.append(number)
	return _checked(found, MAX_NUMBERS)


def _parts(text: object) -> list[str]:
	return [part.strip() for part in _SEPARATORS.split(str(text or "")) if part.strip()]


def _checked(found: list[str], limit: int) -> list[str]:
	unique = list(dict.fromkeys(found))
	if not unique:
		raise MessageRefused(
			"Nobody to send to: neither the step nor the document nor the customer names one."
		)
	if len(unique) > limit:
		raise MessageRefused(f"A message goes to at most {limit} recipients, not {len(unique)}.")
	return unique


def _shown(part: str) -> str:
	return part if len(part) <= 80 else part[:79] + "…"
