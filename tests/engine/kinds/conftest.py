"""A place for handlers to act in: documents in memory, messages and calls written down."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from flow_engine.engine.errors import DocumentNotFound
from flow_engine.engine.kinds import PROJECT_KINDS
from flow_engine.engine.kinds.base import DoneStep, StepContext
from flow_engine.engine.outside import HttpReply, unchanged
from flow_engine.engine.templating import render_payload

NOW = datetime(2026, 3, 18, 13, 0, tzinfo=timezone.utc)


class Documents:
	"""Keeps documents as written; `refuse` is raised instead of inserting, `on_call` acts for methods."""

	def __init__(self):
		self.kept: dict[tuple[str, str], dict] = {}
		self.refuse: Exception | None = None
		self.on_call = {}
		self.calls: list[tuple[str, str, str]] = []

	def keep(self, doctype, name, **values):
		self.kept[doctype, name] = {"doctype": doctype, "name": name, **values}

	def get(self, doctype, name):
		if (doctype, name) not in self.kept:
			raise DocumentNotFound(f"There is no {doctype} {name}.")
		return dict(self.kept[doctype, name])

	def find(self, doctype, filters, limit=20):
		found = [
			name
			for (kind, name), values in self.kept.items()
			if kind == doctype and all(values.get(k) == v for k, v in filters.items())
		]
		return found[:limit]

	def insert(self, doctype, values):
		if self.refuse:
			raise self.refuse
		name = f"{doctype}-{len(self.kept) + 1}"
		self.keep(doctype, name, **values)
		if values.get("merge_key"):
			self.kept[doctype, name]["open_merge_key"] = values["merge_key"]
		return self.get(doctype, name)

	def update(self, doctype, name, values):
		self.get(doctype, name)
		self.kept[doctype, name].update(values)
		return self.get(doctype, name)

	def call(self, doctype, name, method):
		self.get(doctype, name)
		self.calls.append((doctype, name, method))
		self.on_call.get(method, lambda doc: None)(self.kept[doctype, name])
		return self.get(doctype, name)

	def exchange(self, doctype, name, values, expected=None):
		before = self.get(doctype, name)
		wanted = unchanged(values, before, expected)
		return before, self.update(doctype, name, wanted)

	def remove_rows(self, doctype, name, table, filters):
		rows = self.kept[doctype, name].get(table, [])
		left = [row for row in rows if any(row.get(field) != value for field, value in filters.items())]
		self.kept[doctype, name][table] = left
		return len(rows) - len(left), self.get(doctype, name)

	def add_row(self, doctype, name, table, values):
		self.get(doctype, name)
		self.kept[doctype, name].setdefault(table, []).append(dict(values))
		return self.get(doctype, name)


class Messages:
	"""Writes down what was sent; `failures` are raised in place of the n-th SMS."""

	def __init__(self):
		self.emails: list[dict] = []
		self.texts: list[dict] = []
		self.failures: dict[int, Exception] = {}

	def send_email(self, **mail):
		self.emails.append(mail)
		return {"doctype": "Email Queue", "name": f"EQ-{len(self.emails)}"}

	def send_sms(self, **text):
		if len(self.texts) in self.failures:
			raise self.failures[len(self.texts)]
		self.texts.append(text)
		return {"gateway": "accepted"}


class Http:
	"""Writes down what was asked and answers with `reply`, or raises it."""

	def __init__(self):
		self.requests: list[dict] = []
		self.reply: HttpReply | Exception = HttpReply(200, {}, "{}")

	def request(self, method, url, *, headers=None, body=None, timeout_seconds=30, secret=None):
		self.requests.append(
			{
				"method": method,
				"url": url,
				"headers": headers,
				"body": body,
				"timeout": timeout_seconds,
				"secret": secret,
			}
		)
		if isinstance(self.reply, Exception):
			raise self.reply
		return self.reply


class World:
	def __init__(self):
		self.documents = Documents()
		self.messages = Messages()
		self.http = Http()
		self.secret = None
		self.run = {
			"name": "FR-00001",
			"context_doctype": "Issue",
			"context_docname": "ISS-1",
			"customer": "CUST-1",
		}
		self.values = {
			"doc": {
				"doctype": "Issue",
				"name": "ISS-1",
				"subject": "No signal",
				"raised_by": "ada@example.org",
			},
			"customer": {
				"name": "CUST-1",
				"customer_name": "Zoé <b>Roy</b> & fils",
				"email_id": "zoe@example.org",
				"mobile_no": "+1 514-555-0134",
			},
		}

	def context(self, kind, payload, **changes):
		"""The context a handler gets: the payload rendered as the engine renders it."""
		values = {"run": self.run, **self.values}
		return StepContext(
			**{
				"step_id": "s1",
				"label": "Step",
				"run": self.run,
				"payload": render_payload(PROJECT_KINDS[kind].fields, payload, values),
				"values": values,
				"now": NOW,
				"key": "site:FR-00001:s1",
				"attempt": 1,
				"timeout_seconds": 30,
				"documents": self.documents,
				"messages": self.messages,
				"http": self.http,
				"secret": self.secret,
				**changes,
			}
		)

	def do(self, kind, payload, **changes):
		return PROJECT_KINDS[kind].handle(self.context(kind, payload, **changes))

	def undo(self, kind, done, step_id="s1", run="FR-00001"):
		"""Undo what a step's handler answered."""
		undoes = DoneStep(run, step_id, done.result, done.kept)
		context = self.context(kind, {}, run={**self.run, "name": "FR-00002"}, undoes=undoes)
		return PROJECT_KINDS[kind].compensate(context, undoes)


@pytest.fixture
def world():
	return World()
