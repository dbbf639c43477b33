"""axe-core on the editor: light and dark, wide and narrow, with everything open that can be."""

from pathlib import Path

import pytest
from playwright.sync_api import expect
from tree_page import Tree

from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.served import ServedHost

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => {
	const found = await axe.run(document, { resultTypes: ['violations'] });
	const said = (id) => (node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary}`;
	return found.violations
		.filter((one) => ['serious', 'critical'].includes(one.impact))
		.flatMap((one) => one.nodes.map(said(one.id)));
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("access")) as server:
		yield server


@pytest.fixture(scope="module")
def name(served):
	definition = flow(
		issue("a", label="A"),
		step("ask", "condition", after=["a"], label="Nothing to ask"),
		issue("yes", parent="ask", branch="yes", label="Yes", disabled=True),
		step("person", after=["yes", "ask"], when=("manual", {"timeout_hours": 4}), label="A person"),
	)
	made = served.api("templates.create", template_name="Access", flow_definition=definition)
	return made["template"]["name"]


def serious(page):
	# Evaluated, not inserted: the page's own rules allow no script that is not its own.
	page.evaluate(AXE.read_text(encoding="utf-8"))
	return page.evaluate(RUN)


SHOWN = {
	"tree": lambda tree: None,
	"step": lambda tree: tree.card("A").click(),
	"condition": lambda tree: tree.card("Nothing to ask").click(),
	"service level": lambda tree: (
		tree.card("A person").click(),
		tree.page.get_by_role("tab", name="When").click(),
		tree.page.get_by_label("It must be done in time").check(),
	),
	"trigger": lambda tree: tree.page.locator(".fe-trigger").click(),
	"picker": lambda tree: tree.plus("Add a step after A").click(),
	"menu": lambda tree: tree.page.get_by_role("button", name="More").click(),
	"problems": lambda tree: tree.page.get_by_role("button", name="problems").first.click(),
	"search": lambda tree: (tree.card("A").click(), tree.press("Escape", "/")),
	"keys": lambda tree: (tree.card("A").click(), tree.press("Escape", "?")),
	"settings": lambda tree: (
		tree.page.get_by_role("button", name="More").click(),
		tree.page.get_by_role("menuitem", name="Settings of the flow").click(),
	),
	"json": lambda tree: (
		tree.page.get_by_role("button", name="More").click(),
		tree.page.get_by_role("menuitem", name="Definition as JSON").click(),
	),
	"test run": lambda tree: tree.page.get_by_role("button", name="Test run").click(),
	"runs": lambda tree: tree.page.get_by_role("button", name="Runs").click(),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("what", SHOWN)
def test_nothing_serious_is_wrong_with(served, name, open_page, what, scheme):
	tree = Tree(open_page(scheme=scheme), served, name)
	expect(tree.page.get_by_role("button", name="problems")).to_be_visible()
	SHOWN[what](tree)
	assert serious(tree.page) == []


def test_nothing_serious_is_wrong_on_a_phone(served, name, open_page):
	tree = Tree(open_page(width=375, height=720), served, name)
	assert serious(tree.page) == []
