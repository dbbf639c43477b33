"""Large flows in a real browser: what counts is how much is drawn, and drawn again, which no machine changes.
Times are from the browser's own trace and printed (`-s`)."""

import json
import statistics

import pytest
from playwright.sync_api import expect

from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.served import ServedHost

EDITS = 12
# More than a window and its margins hold.
MOST_CARDS = 60

# Says in the trace when the first cards have been painted.
WATCH = """
new MutationObserver((_, observer) => {
	if (!document.querySelector('.fe-card')) return;
	observer.disconnect();
	requestAnimationFrame(() => requestAnimationFrame(() => performance.mark('cards painted')));
}).observe(document, { childList: true, subtree: true });
"""
# The cards that an edit touches: ids of those under which anything is changed.
COUNT = """() => {
	window.touched = new Set();
	window.counting = new MutationObserver((changes) => {
		for (const change of changes) {
			const from = change.target.nodeType === 1 ? change.target : change.target.parentElement;
			const card = from?.closest('.fe-card');
			if (card) window.touched.add(card.id);
		}
	});
	window.counting.observe(document.querySelector('.fe-sheet'),
		{ subtree: true, childList: true, attributes: true, characterData: true });
}"""


def large(count):
	"""Blocks of a condition with two branches, one after the other: `count` steps."""
	steps, last = [], []
	for n in range(count // 4):
		question = {"field": "doc.status", "op": "==", "value": "Open"}
		steps.append(step(f"ask{n}", "condition", payload=question, after=last, label=f"Question {n}"))
		steps.append(issue(f"yes{n}", "{{doc.name}}", parent=f"ask{n}", branch="yes", label=f"Yes {n}"))
		steps.append(issue(f"no{n}", "{{doc.name}}", parent=f"ask{n}", branch="no", label=f"No {n}"))
		steps.append(issue(f"then{n}", "{{doc.name}}", after=[f"yes{n}", f"no{n}"], label=f"Then {n}"))
		last = [f"then{n}"]
	return flow(*steps)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("speed")) as server:
		yield server


@pytest.fixture(scope="module")
def names(served):
	"""Number of steps → name of a draft that large."""
	return {
		count: served.api("templates.create", template_name=f"{count}", flow_definition=large(count))[
			"template"
		]["name"]
		for count in (20, 300, 2000)
	}


class Trace:
	def __init__(self, raw):
		self.events = json.loads(raw)["traceEvents"]

	def opened_ms(self):
		"""From the navigation to the first painted cards."""
		start = max(e["ts"] for e in self.events if e["name"] == "navigationStart")
		painted = next(e["ts"] for e in self.events if e["name"] == "cards painted")
		return (painted - start) / 1000

	def edits_ms(self, count):
		"""From a key to the next paint, as the browser times events: the `count` longest. Each edit is two
		holding Control is a key too and paints nothing."""
		found = []
		for event in self.events:
			data = event.get("args", {}).get("data", {})
			if event["name"] == "EventTiming" and data.get("type") == "keydown" and data.get("duration"):
				found.append(data["duration"])
		return sorted(found)[-count:]


@pytest.mark.parametrize("count", [300, 2000])
def test_a_large_flow_opens_and_edits_with_what_is_seen_only(served, names, browser, open_page, count):
	page = open_page(height=1000)
	page.add_init_script(WATCH)
	page.goto(f"{served.url}/runs")
	browser.start_tracing(page=page, categories=["devtools.timeline", "blink.user_timing", "latencyInfo"])
	page.goto(f"{served.url}/templates/{names[count]}")
	expect(page.locator("#fe-card-ask0")).to_be_visible()
	page.wait_for_timeout(300)
	opened = Trace(browser.stop_tracing()).opened_ms()
	assert 0 < page.locator(".fe-card").count() <= MOST_CARDS
	nodes = page.evaluate("() => document.querySelectorAll('.fe-sheet *').length")

	page.locator("#fe-card-then0").click()
	page.keyboard.press("Escape")
	browser.start_tracing(page=page, categories=["devtools.timeline", "blink.user_timing"])
	for at in range(EDITS):
		page.keyboard.press("Control+d" if at % 2 == 0 else "Control+z")
		page.wait_for_timeout(120)
	edits = Trace(browser.stop_tracing()).edits_ms(EDITS)
	assert len(edits) == EDITS, "the trace has no keys"
	print(
		f"\n{count} steps: opened in {opened:.0f} ms, an edit painted in {statistics.median(edits):.0f} ms "
		f"(at most {max(edits):.0f}), {nodes} nodes in the tree"
	)


def test_what_is_drawn_does_not_grow_with_the_flow(served, names, open_page):
	def nodes(count):
		page = open_page(height=1000)
		page.goto(f"{served.url}/templates/{names[count]}")
		expect(page.locator("#fe-card-ask0")).to_be_visible()
		return page.evaluate("() => document.querySelectorAll('.fe-sheet *').length")

	assert nodes(2000) <= 1.1 * nodes(300)


def test_an_edit_of_one_step_changes_one_card_of_the_page(served, names, open_page):
	page = open_page(height=1000)
	page.goto(f"{served.url}/templates/{names[300]}")
	page.locator("#fe-card-then0").click()
	label = page.get_by_role("complementary").get_by_role("textbox").first
	expect(label).to_have_value("Then 0")
	page.evaluate(COUNT)
	label.fill("Renamed")
	expect(page.locator("#fe-card-then0 .fe-name")).to_have_text("Renamed")
	assert page.evaluate("() => [...window.touched]") == ["fe-card-then0"]


def test_scrolling_to_the_end_shows_the_last_steps(served, names, open_page):
	page = open_page(height=1000)
	page.goto(f"{served.url}/templates/{names[2000]}")
	page.locator("#fe-card-ask0").click()
	page.keyboard.press("Escape")
	page.keyboard.press("End")
	expect(page.locator("#fe-card-then499")).to_be_focused()
	expect(page.locator("#fe-card-then499")).to_be_in_viewport()
	assert page.locator(".fe-card").count() <= MOST_CARDS
