"""The pages beside the editor, which the server draws: messages, documents, the link of a waiting step."""

import pytest
from playwright.sync_api import expect

from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.served import ServedHost

HOSTILE = "<img src=x onerror=alert(1)> & co"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("page")) as server:
		server.api("documents.put", doctype="Gadget", name=HOSTILE)
		definition = flow(
			issue("tell", "{{links.ask}}", label="Tell"),
			step("ask", label=HOSTILE, when="on_webhook"),
		)
		server.flow("Order approval", definition, description=HOSTILE)
		yield server


@pytest.fixture(params=[(1200, 900, "light"), (375, 720, "dark")], ids=["desk", "phone"])
def page(request, open_page):
	width, height, scheme = request.param
	return open_page(width=width, height=height, scheme=scheme)


def fits(page):
	return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("path", ["/outbox", "/documents", "/nowhere"])
def test_every_page_fits_the_screen(served, page, path):
	page.goto(served.url + path)
	expect(page.get_by_role("banner")).to_be_visible()
	assert fits(page)


def test_what_people_wrote_is_shown_as_text(served, page):
	page.goto(f"{served.url}/documents")
	expect(page.get_by_text(HOSTILE).first).to_be_visible()
	assert page.locator("img").count() == 0


def test_mistakes_are_told_on_a_page_and_not_as_a_traceback(served, page):
	page.goto(f"{served.url}/documents/Gadget/nothing")
	expect(page.get_by_role("alert")).to_contain_text("nothing")


def test_a_person_confirms_at_the_link_of_a_waiting_step(served, page):
	run = served.api("runs.start", template="Order approval", wait_seconds=20)["run"]
	told = served.run(run)["steps"][0]["result"]["name"]
	page.goto(served.get("documents.get", doctype="Issue", name=told)["document"]["subject"])
	expect(page.get_by_role("heading")).to_have_text(HOSTILE)
	assert fits(page)
	page.get_by_role("button", name="Confirm").click()
	expect(page.get_by_role("heading")).to_have_text("Thank you")
	while served.run(run)["status"] == "running":
		served.get("runs.list")
	assert served.steps(run) == {"tell": "done", "ask": "done"}
