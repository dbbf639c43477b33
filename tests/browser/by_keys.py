"""An operator without a mouse: what has the focus is found by its name, and reached by the keys alone."""

from __future__ import annotations

from playwright.sync_api import Page, expect

MOST_TABS = 160
# What a screen reader would say of what has the focus.
NAME = """() => {
	const one = document.activeElement;
	if (!one || one === document.body) return '';
	const by = (one.getAttribute('aria-labelledby') || '').split(' ').filter(Boolean);
	const labels = by.map((id) => document.getElementById(id)?.textContent || '');
	return one.getAttribute('aria-label') || labels.join(' ').trim() || one.labels?.[0]?.textContent.trim()
		|| one.textContent.trim();
}"""


class Keys:
	"""The keyboard of one page on which a flow is open."""

	def __init__(self, page: Page):
		self.page = page

	def press(self, *keys: str) -> None:
		for key in keys:
			self.page.keyboard.press(key)

	def type(self, text: str) -> None:
		self.page.keyboard.type(text)

	def focused(self) -> str:
		return " ".join(self.page.evaluate(NAME).split())

	def tab_to(self, name: str, key: str = "Tab") -> None:
		"""Until what has the focus begins with this name."""
		seen = []
		for _ in range(MOST_TABS):
			now = self.focused()
			if now.startswith(name):
				return
			seen.append(now)
			self.page.keyboard.press(key)
		raise AssertionError(f"{name!r} is not reached by {key}; met: {seen}")

	def fill(self, name: str, text: str) -> None:
		self.tab_to(name)
		self.press("Control+a")
		self.type(text)

	def select(self, name: str, label: str) -> None:
		"""An option of a list, as typing its first letters chooses it."""
		self.tab_to(name)
		self.type(label)
		chosen = self.page.evaluate("() => document.activeElement.selectedOptions[0].label")
		assert chosen.startswith(label), chosen

	def add(self, kind: str, name: str) -> None:
		"""After the card that has the focus: the first kind that is found by these words, then its name."""
		self.press("a")
		expect(self.page.get_by_role("combobox", name="Search kinds of steps")).to_be_focused()
		self.type(kind)
		self.press("Enter")
		expect(self.page.get_by_role("combobox", name="Search kinds of steps")).to_have_count(0)
		expect(self.page.get_by_label("Name of the step")).to_be_focused()
		self.type(name)

	def back(self) -> None:
		"""From the panel to its card. A list of values that is still open is closed first."""
		if self.page.locator(".fe-values").count():
			self.press("Escape")
			expect(self.page.locator(".fe-values")).to_have_count(0)
		self.press("Escape")
		self.page.wait_for_function("document.activeElement.classList.contains('fe-card')")


def build_onboarding(keys: Keys, value: str) -> None:
	"""Signed above 5,000: install, tell the customer, two days before the start remind, see, escalate.

	value: what finds the contract's value in the list of values.
	"""
	page = keys.page
	keys.tab_to("Trigger")
	keys.press("Enter")
	keys.select("When", "A contract is signed")
	keys.tab_to("+ Condition")
	keys.press("Enter")
	keys.tab_to("Value to look at")
	keys.press("Enter")
	search = page.get_by_role("combobox", name="Search values")
	expect(search).to_be_focused()
	keys.type(value)
	expect(page.locator(".fe-values-label", has_text="Contract Value").first).to_be_visible()
	keys.press("Enter")
	keys.select("Operator", "is more than")
	keys.fill("Compared with", "5000")
	keys.press("Tab")
	keys.back()

	keys.add("dispatch", "Fibre installation")
	keys.fill("Subject", "Installation {{customer.customer_name}}")
	keys.back()
	keys.add("notify", "Tell the customer")
	keys.fill("To", "marie@example.com")
	keys.fill("Subject", "Welcome")
	keys.fill("Body", "Hello")
	keys.back()
	keys.add("wait: on a date", "Two days before the start")
	keys.tab_to("Use a value of the flow")
	keys.press("Enter")
	keys.fill("Date", "{{doc.start_date}}")
	keys.select("Before or after the date", "days before")
	keys.tab_to("Days", "Shift+Tab")
	keys.press("Control+a")
	keys.type("2")
	keys.back()
	keys.add("notify", "Remind the technician")
	keys.fill("To", "field@example.com")
	keys.fill("Subject", "In two days")
	keys.fill("Body", "Please be there")
	keys.back()
	keys.add("wait: after a delay", "Three days later")
	keys.fill("Days", "3")
	keys.back()
	keys.add("wait: person", "Is it installed?")
	keys.fill("Wait at most (hours)", "72")
	keys.back()
	keys.add("issue", "Escalate")
	keys.fill("Subject", "Late for {{customer.customer_name}}")
	keys.back()
