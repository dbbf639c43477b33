"""The editor as a reader of the page finds it: cards by the names of their steps, "+" by what they say."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from flow_engine.testing.served import ServedHost


class Tree:
	"""One open flow. `name`: the template's."""

	def __init__(self, page: Page, served: ServedHost, name: str | None = None, path: str | None = None):
		self.page = page
		self.served = served
		self.name = name
		page.goto(served.url + (path or f"/templates/{name}"))
		expect(page.get_by_role("tree")).to_be_visible()

	def card(self, label: str) -> Locator:
		return self.page.locator(".fe-card").filter(
			has=self.page.locator(".fe-name", has_text=re.compile(f"^{re.escape(label)}$"))
		)

	def plus(self, label: str) -> Locator:
		return self.page.get_by_role("button", name=label, exact=True)

	def labels(self) -> list[str]:
		"""Names of the cards, from the top."""
		return self.page.evaluate(
			"""() => [...document.querySelectorAll('.fe-card')]
			.sort((a, b) => a.offsetTop - b.offsetTop || a.offsetLeft - b.offsetLeft)
			.map((card) => card.querySelector('.fe-name').textContent)"""
		)

	def focused(self) -> str:
		"""The name of the card that has the focus; an empty text where no card has it."""
		return self.page.evaluate(
			"() => document.activeElement?.querySelector('.fe-name')?.textContent || ''"
		)

	def add(self, plus: str, kind: str) -> None:
		"""By mouse: the "+", then the kind of that name."""
		self.plus(plus).click()
		self.page.get_by_role("option", name=kind).first.click()

	def press(self, *keys: str) -> None:
		for key in keys:
			self.page.keyboard.press(key)

	def save(self) -> None:
		self.page.keyboard.press("Control+s")
		expect(self.page.locator(".fe-saved")).to_have_text(re.compile("^(Saved|Saved on its own)$"))

	def stored(self) -> dict[str, Any]:
		"""The definition as the server has it."""
		return self.served.get("templates.get", name=self.name)["template"]["flow_definition"]

	def waits(self) -> dict[str, list[str]]:
		"""Label → labels of the steps it waits for, as stored."""
		steps = self.stored()["steps"]
		labels = {step["id"]: step["label"] for step in steps}
		return {step["label"]: sorted(labels[one] for one in step.get("depends_on") or []) for step in steps}

	def places(self) -> dict[str, tuple[str | None, str | None]]:
		"""Label → label of its parent and its branch, as stored."""
		steps = self.stored()["steps"]
		labels = {step["id"]: step["label"] for step in steps}
		return {
			step["label"]: (labels.get(step.get("parent_id")), step.get("branch") or None) for step in steps
		}

	def carry(self, label: str, plus: str) -> None:
		"""Take a card and hold it over a "+"; nothing is let go yet."""
		start, end = self.card(label).bounding_box(), self.plus(plus).bounding_box()
		self.page.mouse.move(start["x"] + 60, start["y"] + 20)
		self.page.mouse.down()
		self.page.mouse.move(start["x"] + 80, start["y"] + 30, steps=3)
		self.page.mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=8)
		expect(self.page.locator(".fe-ghost")).to_be_visible()

	def drop(self) -> None:
		self.page.mouse.up()
		expect(self.page.locator(".fe-ghost")).to_have_count(0)
