"""The panel beside the tree, as its reader finds it: fields by their labels, problems under them."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect
from tree_page import Tree
from werkzeug.serving import make_server

from flow_engine.engine.kinds import register
from flow_engine.engine.kinds.base import Kind
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.server import Application
from flow_engine.sqlite_host.worker import Worker
from flow_engine.testing.served import ServedHost


class Panel:
	"""The panel of one card of a tree, opened by a click on it."""

	def __init__(self, tree: Tree, label: str):
		self.tree = tree
		self.page: Page = tree.page
		tree.card(label).click()
		expect(self.root).to_be_visible()

	@property
	def root(self) -> Locator:
		return self.page.locator(".fe-frame")

	def field(self, label: str) -> Locator:
		return self.root.get_by_label(label, exact=True)

	def place(self, name: str) -> Locator:
		"""The field at a place such as `payload.subject`, with its label, help and problems."""
		return self.root.locator(f"[data-place='{name}']")

	def button(self, name: str) -> Locator:
		return self.root.get_by_role("button", name=name, exact=True)

	def tab(self, name: str) -> None:
		self.root.get_by_role("tab", name=re.compile(f"^{re.escape(name)}")).click()

	def options(self) -> list[str]:
		"""What the open list offers: the label of each row."""
		return self.page.locator(".fe-values-option .fe-values-label").all_inner_texts()

	def shown(self, label: str) -> str:
		"""What a reader sees of a field with placeholders while it is not edited."""
		field = self.field(label)
		return field.evaluate(
			"(area) => area.parentElement.querySelector('.fe-template-mirror').innerText"
		).strip("\u200b\n ")

	def choose_value(self, typed: str, nth: int = 0) -> None:
		"""Open the picker of the nth condition's left side, search and take the first that matches."""
		self.root.get_by_role("button", name=re.compile("^Value to look at")).nth(nth).click()
		self.page.get_by_role("combobox", name="Search values").fill(typed)
		self.page.keyboard.press("Enter")

	def step(self, label: str) -> dict[str, Any]:
		"""The step as the server has it, once everything is saved."""
		self.tree.save()
		return next(step for step in self.tree.stored()["steps"] if step["label"] == label)

	def trigger(self) -> dict[str, Any]:
		self.tree.save()
		return self.tree.stored()["trigger"]


class AppServer(ServedHost):
	"""A standalone server in this process, with the kinds that another app adds."""

	@contextmanager
	def serving(self, kinds: Iterable[Kind]) -> Iterator[AppServer]:
		host = open_host(str(self.database), kinds=register(kinds))
		worker = Worker(host)
		server = make_server("127.0.0.1", 0, Application(host, worker), threaded=True)
		thread = threading.Thread(target=server.serve_forever, daemon=True)
		worker.start()
		thread.start()
		self.url = f"http://127.0.0.1:{server.server_port}"
		try:
			yield self
		finally:
			server.shutdown()
			thread.join(10)
			worker.stop()


def app_server(folder: Path, *kinds: Kind):
	"""`with app_server(folder, KIND) as served:` a server whose catalog has these kinds too."""
	return AppServer(folder).serving(kinds)
