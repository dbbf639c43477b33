"""Who calls the site over HTTP: by password, by API key, or as a guest."""

from __future__ import annotations

import itertools
import json
from typing import Any
from urllib.parse import quote

import requests

_addresses = itertools.count(1)


class Caller:
	"""One client of the site. Calls answer `(status, body)`, the body as data."""

	def __init__(self, url: str, **headers: str):
		self.url = url
		self.session = requests.Session()
		# An address of its own: nobody is slowed down for what another caller did.
		number = next(_addresses)
		self.session.headers["X-Forwarded-For"] = f"10.9.{number // 250}.{number % 250 + 1}"
		self.session.headers["Accept"] = "application/json"
		self.session.headers.update(headers)

	def get(self, function: str, **query: Any) -> tuple[int, Any]:
		return self.send("GET", f"/api/method/flow_engine.api.{function}", params=query)

	def post(self, function: str, **arguments: Any) -> tuple[int, Any]:
		return self.send("POST", f"/api/method/flow_engine.api.{function}", json=arguments)

	def resource(self, method: str, doctype: str, name: str = "", **values: Any) -> tuple[int, Any]:
		"""The framework's own REST door."""
		path = f"/api/resource/{quote(doctype)}" + (f"/{quote(name)}" if name else "")
		return self.send(method, path, **({"json": values} if values else {}))

	def send(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
		reply = self.reply(method, path, **options)
		try:
			return reply.status_code, reply.json()
		except ValueError:
			return reply.status_code, reply.text

	def reply(self, method: str, path: str, **options: Any) -> requests.Response:
		options.setdefault("timeout", 60)
		return self.session.request(method, self.url + path, **options)

	def log_in(self, user: str, password: str) -> str:
		"""As the login page does; answers the CSRF token, which is not sent by itself."""
		reply = self.reply("POST", "/api/method/login", data={"usr": user, "pwd": password})
		assert reply.status_code == 200, reply.text
		page = self.reply("GET", "/app", headers={"Accept": "text/html"}).text
		return page.split('csrf_token = "', 1)[1].split('"', 1)[0]


def is_readable(body: Any) -> bool:
	"""A refusal as people may see it: a code and a sentence, nothing of the machinery."""
	text = json.dumps(body)
	return bool(body.get("code") and body.get("message")) and not any(
		word in text for word in ("Traceback", "exc_type", '"exc"', 'File \\"', "_server_messages", "/apps/")
	)
