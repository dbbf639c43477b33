"""The tree in a real browser: what is added, walked, moved, copied and undone is what the server then has."""

import re

import pytest
from playwright.sync_api import expect
from tree_page import Tree

from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.served import ServedHost

HOSTILE = "<img src=x onerror=alert(1)> & co"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("canvas")) as server:
		yield server


@pytest.fixture
def opened(served, open_page, request):
	"""`opened(definition, …)` → the tree of a new draft with this definition, in a page of its own."""
	count = iter(range(100))

	def make(definition, page=None, **options):
		title = f"{request.node.name[:80]} {next(count)}"
		made = served.api("templates.create", template_name=title, flow_definition=definition)
		return Tree(page or open_page(**options), served, made["template"]["name"])

	return make


def chain(*labels):
	"""Steps one after the other."""
	ids = [label.lower() for label in labels]
	return flow(
		*(
			issue(one, label, after=[ids[at - 1]] if at else [], label=label)
			for at, (one, label) in enumerate(zip(ids, labels, strict=True))
		)
	)


def forked(*, no=True):
	"""A → condition with Yes (and No) → after both."""
	inner = [issue("yes", "y", parent="ask", branch="yes", label="Yes step")]
	if no:
		inner.append(issue("no", "n", parent="ask", branch="no", label="No step"))
	question = {"field": "doc.status", "op": "==", "value": "Open"}
	return flow(
		issue("first", "First", label="First"),
		step("ask", "condition", payload=question, after=["first"], label="Is it open?"),
		*inner,
		issue("last", "Last", after=["yes", "no"] if no else ["yes", "ask"], label="Last"),
	)


# --- adding -------------------------------------------------------------------------------------------------


def test_a_step_added_between_two_keeps_the_chain(opened):
	tree = opened(chain("A", "B"))
	tree.add("Add a step after A", "Issue")
	expect(tree.page.locator(".fe-card")).to_have_count(4)
	tree.save()
	assert tree.waits() == {"A": [], "B": ["Issue"], "Issue": ["A"]}


def test_plus_after_a_block_waits_for_every_branch_and_for_the_step_whose_branch_is_empty(opened):
	tree = opened(
		flow(
			step("ask", "condition", payload={"field": "doc.a", "op": "empty"}, label="Empty?"),
			issue("yes", "y", parent="ask", branch="yes", label="Yes step"),
		)
	)
	tree.add("Add a step after Empty?", "Issue")
	tree.save()
	assert tree.waits()["Issue"] == ["Empty?", "Yes step"]


def test_a_step_is_added_on_a_branch(opened):
	tree = opened(forked(no=False))
	tree.add("Add a step on branch no of Is it open?", "Issue")
	tree.save()
	assert tree.places()["Issue"] == ("Is it open?", "no")


def test_kinds_are_found_by_typing_and_chosen_by_keys(opened):
	tree = opened(chain("A"))
	tree.card("A").click()
	tree.press("Escape", "a")
	expect(tree.page.get_by_role("combobox", name="Search kinds of steps")).to_be_focused()
	tree.page.keyboard.type("nothing like this")
	expect(tree.page.get_by_text("No kind of step is called so.")).to_be_visible()
	tree.page.get_by_role("combobox", name="Search kinds of steps").fill("person")
	tree.press("Enter")
	expect(tree.page.get_by_role("dialog")).to_have_count(0)
	tree.save()
	assert [one["trigger"]["type"] for one in tree.stored()["steps"]] == ["on_prev_complete", "manual"]


def test_escape_gives_the_focus_back_to_where_the_picker_was_opened(opened):
	tree = opened(chain("A"))
	tree.card("A").click()
	tree.press("Escape", "a", "Escape")
	expect(tree.page.get_by_role("dialog")).to_have_count(0)
	assert tree.focused() == "A"


# --- walking ------------------------------------------------------------------------------------------------


def test_arrows_walk_enter_edits_and_escape_comes_back(opened):
	tree = opened(forked())
	tree.page.locator(".fe-trigger").click()
	tree.press("Escape", "ArrowDown")
	assert tree.focused() == "First"
	tree.press("ArrowDown", "ArrowDown")
	assert tree.focused() == "Yes step"
	tree.press("ArrowRight")
	assert tree.focused() == "No step"
	tree.press("ArrowLeft", "ArrowLeft")
	assert tree.focused() == "Is it open?"
	tree.press("End")
	assert tree.focused() == "Last"
	tree.press("Home", "ArrowDown", "Enter")
	panel = tree.page.get_by_role("complementary")
	expect(panel).to_be_visible()
	assert panel.evaluate("(one) => one.contains(document.activeElement)")
	tree.press("Escape")
	expect(panel).to_have_count(0)
	assert tree.focused() == "First"


def test_a_slash_searches_steps(opened):
	tree = opened(chain("Alpha", "Beta", "Gamma"))
	tree.card("Alpha").click()
	tree.press("Escape", "/")
	tree.page.keyboard.type("gam")
	tree.press("Enter")
	expect(tree.page.get_by_role("dialog")).to_have_count(0)
	expect(tree.card("Gamma")).to_have_attribute("aria-selected", "true")


def test_a_block_is_folded_and_what_is_searched_in_it_is_shown_again(opened):
	tree = opened(forked())
	tree.page.get_by_role("button", name="Fold the branches of Is it open?").click()
	expect(tree.card("Yes step")).to_have_count(0)
	expect(tree.card("Is it open?")).to_have_attribute("aria-expanded", "false")
	tree.card("Last").click()
	tree.press("Escape", "/")
	tree.page.keyboard.type("Yes")
	tree.press("Enter")
	expect(tree.card("Yes step")).to_be_visible()


def test_a_question_mark_shows_the_keys(opened):
	tree = opened(chain("A"))
	tree.card("A").click()
	tree.press("Escape", "?")
	expect(tree.page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("duplicate it")
	tree.press("Escape")
	expect(tree.page.get_by_role("dialog")).to_have_count(0)


# --- moving -------------------------------------------------------------------------------------------------


def test_a_step_dragged_within_its_chain_leaves_a_chain(opened):
	tree = opened(chain("A", "B", "C"))
	tree.carry("C", "Add a step after A")
	expect(tree.page.locator(".fe-drop-over")).to_have_count(1)
	tree.drop()
	assert tree.labels()[1:] == ["A", "C", "B"]
	tree.save()
	assert tree.waits() == {"A": [], "C": ["A"], "B": ["C"]}


def test_a_step_dragged_into_a_branch_hangs_there_and_nothing_dangles(opened):
	tree = opened(forked(no=False))
	tree.carry("Last", "Add a step on branch no of Is it open?")
	tree.drop()
	tree.save()
	assert tree.places()["Last"] == ("Is it open?", "no")
	assert tree.waits()["Last"] == []


def test_what_a_move_would_break_is_said_before_the_drop(opened):
	reads = issue("b", "{{steps.a.result.name}}", after=["a"], label="B")
	tree = opened(flow(issue("a", "x", label="A"), reads, issue("c", "z", after=["b"], label="C")))
	tree.carry("A", "Add a step after C")
	expect(tree.page.locator(".fe-ghost-warning")).to_contain_text("B")
	before = tree.labels()
	tree.press("Escape")
	tree.page.mouse.up()
	assert tree.labels() == before
	assert "not saved" not in tree.page.locator(".fe-saved").inner_text().lower()


def test_alt_and_arrows_move_a_step(opened):
	tree = opened(chain("A", "B", "C"))
	tree.card("C").click()
	tree.press("Escape", "Alt+ArrowUp")
	assert tree.labels()[1:] == ["A", "C", "B"]
	assert tree.focused() == "C"
	tree.press("Alt+ArrowDown")
	assert tree.labels()[1:] == ["A", "B", "C"]
	tree.save()
	assert tree.waits() == {"A": [], "B": ["A"], "C": ["B"]}


def test_alt_and_arrows_carry_a_step_into_the_branch_beside_it(opened):
	tree = opened(forked())
	tree.card("Yes step").click()
	tree.press("Escape", "Alt+ArrowRight")
	tree.save()
	assert tree.places()["Yes step"] == ("Is it open?", "no")


# --- copying, deleting, undoing -----------------------------------------------------------------------------


def test_steps_travel_between_flows_with_what_hangs_under_them(opened, open_page):
	page = open_page(permissions=["clipboard-read", "clipboard-write"])
	source = opened(forked(), page=page)
	source.card("Is it open?").click()
	source.press("Escape", "Control+c")
	target = opened(chain("A"), page=page)
	target.card("A").click()
	target.press("Escape", "Control+v")
	expect(target.card("Yes step")).to_be_visible()
	target.save()
	assert target.places()["No step"] == ("Is it open?", "no")
	assert target.waits()["Is it open?"] == ["A"]


def test_cut_and_paste_moves_a_step(opened, open_page):
	tree = opened(chain("A", "B", "C"), page=open_page(permissions=["clipboard-read", "clipboard-write"]))
	tree.card("A").click()
	tree.press("Escape", "Control+x")
	expect(tree.card("A")).to_have_count(0)
	tree.card("C").click()
	tree.press("Escape", "Control+v")
	expect(tree.card("A")).to_be_visible()
	tree.save()
	assert tree.waits() == {"B": [], "C": ["B"], "A": ["C"]}


def test_duplicate_and_delete_by_keys(opened):
	tree = opened(chain("A", "B"))
	tree.card("B").click()
	tree.press("Escape", "Control+d")
	expect(tree.page.locator(".fe-card")).to_have_count(4)
	tree.card("A").click()
	tree.press("Escape", "Delete")
	expect(tree.card("A")).to_have_count(0)
	tree.save()
	assert "A" not in tree.waits() and tree.waits()["B"] == []


def test_the_focus_stays_in_the_tree_when_its_card_goes(opened):
	tree = opened(chain("A", "B"))
	tree.card("B").click()
	tree.press("Escape", "Control+d")
	expect(tree.card("B 2")).to_be_focused()
	tree.press("Control+z")
	expect(tree.card("B")).to_be_focused()


def test_twenty_edits_undone_are_the_flow_as_it_was(opened):
	definition = forked()
	tree = opened(definition)
	before = tree.stored()
	tree.card("First").click()
	tree.press("Escape")
	for _ in range(20):
		tree.press("Control+d")
	expect(tree.page.get_by_role("button", name="Undo", exact=True)).to_be_enabled()
	tree.save()
	assert len(tree.stored()["steps"]) == len(before["steps"]) + 20
	tree.page.locator(".fe-card.fe-selected").focus()
	for _ in range(20):
		tree.press("Control+z")
	expect(tree.page.get_by_role("button", name="Undo", exact=True)).to_be_disabled()
	tree.save()
	assert tree.stored() == before
	for _ in range(20):
		tree.press("Control+Shift+z")
	tree.save()
	assert len(tree.stored()["steps"]) == len(before["steps"]) + 20


# --- what is shown ------------------------------------------------------------------------------------------


def test_problems_are_counted_listed_and_gone_to(opened):
	tree = opened(flow(issue("b", label="B"), step("a", "condition", after=["b"], label="A")))
	button = tree.page.get_by_role("button", name=re.compile(r"\d+ problems"))
	expect(button).to_be_visible()
	expect(tree.card("A").get_by_text("2 problems")).to_be_visible()
	button.click()
	tree.page.get_by_role("dialog", name="Problems").get_by_role("button").first.click()
	expect(tree.card("A")).to_have_attribute("aria-selected", "true")
	expect(tree.page.get_by_role("complementary")).to_be_visible()


@pytest.mark.parametrize(
	"label", [HOSTILE, "x" * 10_000, "‮مرحبا بالعالم", "👩‍🚒🔥 שלום"], ids=["markup", "long", "rtl", "emoji"]
)
def test_what_people_wrote_is_text_wherever_it_stands(opened, label):
	definition = chain("A", "B")
	definition["steps"][0]["label"] = label
	definition["steps"][0]["note"] = label
	tree = opened(definition)
	shown = tree.page.locator("#fe-card-a .fe-name")
	expect(shown).to_have_text(label if len(label) < 300 else re.compile("^x{300}…$"))
	tree.page.locator("#fe-card-a").click()
	tree.press("Escape", "/")
	expect(tree.page.get_by_role("dialog")).to_be_visible()
	tree.press("Escape")
	assert tree.page.locator("img").count() == 0
	assert tree.page.evaluate(
		"() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
	)


def test_json_is_taken_over_only_when_it_is_a_flow(opened):
	tree = opened(chain("A"))
	tree.page.get_by_role("button", name="More").click()
	tree.page.get_by_role("menuitem", name="Definition as JSON").click()
	text = tree.page.get_by_role("textbox", name="Definition as JSON")
	text.fill("{not json")
	tree.page.get_by_role("button", name="Take it over").click()
	expect(tree.page.get_by_role("alert")).to_contain_text("not JSON")
	assert tree.labels()[1:] == ["A"]
	text.fill('{"version": 1, "trigger": {"event": "manual", "condition": ""}, "variables": {}, "steps": []}')
	tree.page.get_by_role("button", name="Take it over").click()
	expect(tree.page.get_by_text("Press + to add the first step.")).to_be_visible()
	tree.page.get_by_role("button", name="Undo", exact=True).click()
	expect(tree.card("A")).to_be_visible()


def test_a_card_says_its_branch_and_its_place_to_a_screen_reader(opened):
	tree = opened(forked())
	card = tree.page.get_by_role("treeitem", name=re.compile("Yes step.*branch yes of Is it open[?]"))
	expect(card).to_have_attribute("aria-level", "2")
	expect(card).to_have_attribute("aria-setsize", "1")


def test_all_of_a_large_flow_is_shown_at_once_when_asked(opened):
	tree = opened(chain(*(f"Step{n}" for n in range(16))))
	last = tree.card("Step15")
	assert last.count() == 0 or not last.is_visible() or last.bounding_box()["y"] > 900
	tree.page.get_by_role("button", name="Show all of it").click()
	expect(last).to_be_in_viewport(ratio=0.99)
	expect(tree.page.locator(".fe-trigger")).to_be_in_viewport(ratio=0.99)
	tree.page.get_by_role("button", name=re.compile("back to actual size")).click()
	expect(tree.page.get_by_role("button", name="100 %: back to actual size")).to_be_visible()


def test_a_project_flow_is_not_offered_what_only_conversations_have(opened):
	tree = opened(chain("A"))
	tree.plus("Add a step after A").click()
	picker = tree.page.get_by_role("dialog")
	expect(picker.get_by_role("option", name="Dispatch job")).to_be_visible()
	assert picker.get_by_role("option", name="Understand").count() == 0


def test_a_phone_reads_the_flow_as_a_list(opened):
	tree = opened(forked(), width=375, height=720, scheme="dark")
	assert tree.labels()[1:] == ["First", "Is it open?", "Yes step", "No step", "Last"]
	assert tree.page.evaluate(
		"() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
	)
	tree.card("No step").click()
	expect(tree.page.get_by_role("complementary")).to_be_visible()
