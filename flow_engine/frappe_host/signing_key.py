"""What a site signs deliveries with that go to no endpoint.

Derived from the site's encryption key and a number, so that no row of the database gives it away; with the
next number comes another secret.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

import frappe
from frappe.utils import cint
from frappe.utils.password import get_encryption_key

from flow_engine.service.webhooks import secrets_in_use

SETTINGS = "Flow Engine Settings"


def signing_secrets() -> Sequence[str]:
	"""The present one first; while both are in use, the former one after it."""
	from flow_engine.frappe_host.host import get_host

	number, until = _kept()
	runs = get_host().runs
	previous = _secret(number - 1) if number else None
	return secrets_in_use(_secret(number), previous, runs.from_site(until), runs.now())


def replace_key(overlap_until: str | None) -> None:
	"""Sign with the next one, in the current transaction. `overlap_until`: until when, in site time, the
	former one signs too."""
	number, _until = _kept()
	frappe.db.set_single_value(
		SETTINGS, {"signing_key": number + 1, "signing_overlap_until": overlap_until}, update_modified=False
	)


def _kept() -> tuple[int, datetime | None]:
	found = frappe.db.get_singles_dict(SETTINGS, cast=False)
	return cint(found.get("signing_key")), found.get("signing_overlap_until") or None


def _secret(number: int) -> str:
	told = "flow_engine deliveries" + (f" {number}" if number else "")
	return hmac.new(get_encryption_key().encode(), told.encode(), hashlib.sha256).hexdigest()
