"""A real Chromium, whose pages fail a test when a script fails or the page's own rules are broken."""

import shutil
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Error, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))

from flow_engine.sqlite_host import editor_page

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser():
	installed = next((path for path in map(shutil.which, NAMES) if path), None)
	with sync_playwright() as playwright:
		try:
			opened = playwright.chromium.launch(executable_path=installed, args=["--no-sandbox"])
		except Error as error:
			if installed:
				raise
			pytest.skip(f"no chromium is installed: {error.message.splitlines()[0]}")
		yield opened
		opened.close()


@pytest.fixture(scope="session")
def built():
	"""The editor's page must be there: these tests are about it."""
	assert (editor_page.BUILT / "index.html").is_file(), "The page is not built: run `make page` first."


@pytest.fixture
def open_page(browser, built):
	"""`open_page(width=…, height=…, scheme=…, locale=…)` → a page of its own."""
	made = []

	def open_one(width=1360, height=900, scheme="light", locale="en-GB", **options):
		context = browser.new_context(
			viewport={"width": width, "height": height}, color_scheme=scheme, locale=locale, **options
		)
		page = context.new_page()
		page.faults = []
		page.on("pageerror", lambda error: page.faults.append(str(error)))
		page.on("console", lambda said: page.faults.append(said.text) if _is_fault(said) else None)
		made.append((context, page))
		return page

	yield open_one
	faults = [fault for _, page in made for fault in page.faults]
	for context, _ in made:
		context.close()
	assert faults == []


def _is_fault(said):
	# A refusal that the page shows to its reader is no fault of the page.
	return said.type == "error" and "the server responded with a status of" not in said.text
