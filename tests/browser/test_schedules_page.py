"""Schedules on the standalone page: listed, made, checked, paused, fired, and what they have done."""

import re

import pytest
from playwright.sync_api import expect

from flow_engine.testing.builders import flow, issue, step
from flow_engine.testing.served import ServedHost

HOSTILE = "<img src=x onerror=alert(1)> & co"
SCHEMA = {
	"type": "object",
	"required": ["region"],
	"properties": {
		"region": {"type": "string", "enum": ["north", "south"], "title": "Region"},
		"limit": {"type": "integer", "minimum": 1, "title": "Limit"},
	},
	"additionalProperties": False,
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("schedules")) as server:
		regional = {**flow(issue("tell", "For {{variables.region}}", label="Tell")), "payload_schema": SCHEMA}
		server.regional = server.flow("Regional report", regional)["name"]
		server.plain = server.flow("Reminder", flow(step("a")))["name"]
		server.api("templates.create", template_name="Draft", flow_definition=flow(step("a")))
		for number in range(12):
			status = "Open" if number % 3 else "Closed"
			server.api("documents.put", doc={"doctype": "Issue", "name": f"ISS-{number}", "status": status})
		yield server


@pytest.fixture(params=[(1360, 900, "light"), (375, 720, "dark")], ids=["desk", "phone"])
def page(request, open_page):
	width, height, scheme = request.param
	return open_page(width=width, height=height, scheme=scheme, timezone_id="Europe/Paris")


def schedule(served, name, **values):
	"""A stored schedule; its row."""
	given = {"schedule_name": name, "flow_template": served.plain, "cron": "0 9 * * 1", "timezone": "UTC"}
	return served.api("schedules.create", values={**given, **values})["schedule"]


def stored(served, name):
	return next(
		one for one in served.get("schedules.list", search=name)["schedules"] if one["schedule_name"] == name
	)


def row(page, name):
	return page.locator(".fe-schedule-row").filter(
		has=page.locator(".fe-list-name", has_text=re.compile(f"^{re.escape(name)}$"))
	)


def names(page):
	return page.locator(".fe-schedule-row .fe-list-name").all_inner_texts()


def fits(page):
	return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def form_of(page):
	return page.get_by_role("dialog").last


def begin(page, served, name, flow_name="Reminder"):
	"""The form of a new schedule with its name and its flow."""
	page.goto(f"{served.url}/schedules")
	page.get_by_role("button", name="New schedule").click()
	form = form_of(page)
	form.get_by_label("Name", exact=True).fill(name)
	choose_flow(page, form, flow_name)
	return form


def choose_flow(page, form, name):
	flow_field = form.get_by_role("combobox", name="Flow", exact=True)
	flow_field.fill(name)
	form.locator(".fe-pick").get_by_role("option", name=name).click()


def create(form):
	form.get_by_role("button", name="Create").click()


# --- the list -----------------------------------------------------------------------------------------------


def test_schedules_are_listed_with_what_they_do_and_filtered_and_the_address_keeps_it(served, page, request):
	mark = request.node.name[-8:]
	schedule(served, f"Mondays {mark}")
	schedule(served, f"{HOSTILE} {mark}", flow_template=served.regional, payload={"region": "north"})
	once = {"schedule_type": "once", "run_at": "2090-03-01T09:00"}
	paused = schedule(served, f"One day {mark}", **once)["name"]
	served.api("schedules.pause", name=paused)
	page.goto(f"{served.url}/schedules?search={mark}")
	expect(row(page, f"Mondays {mark}")).to_contain_text("every Monday at 09:00")
	expect(row(page, f"Mondays {mark}").locator(".fe-badge")).to_have_text("Enabled")
	expect(row(page, f"One day {mark}")).to_contain_text("2090")
	expect(row(page, f"{HOSTILE} {mark}")).to_be_visible()
	assert page.locator("img").count() == 0
	assert fits(page)
	page.get_by_label("Type").select_option("once")
	expect(row(page, f"Mondays {mark}")).to_have_count(0)
	assert names(page) == [f"One day {mark}"]
	page.get_by_label("Type").select_option("")
	page.get_by_label("Status").select_option("paused")
	expect(page.locator(".fe-schedule-row")).to_have_count(1)
	page.reload()
	expect(row(page, f"One day {mark}")).to_be_visible()
	assert names(page) == [f"One day {mark}"]
	page.get_by_label("Status").select_option("")
	page.get_by_label("Flow", exact=True).select_option(label="Regional report")
	expect(page.locator(".fe-schedule-row")).to_have_count(1)
	page.get_by_label("Search schedules").fill(f"{mark} of nobody")
	expect(page.get_by_text("No schedule fits.")).to_be_visible()
	page.get_by_role("button", name="Show all").click()
	expect(row(page, f"Mondays {mark}")).to_be_visible()


def test_a_flow_leads_to_its_own_schedules(served, open_page):
	schedule(served, "Of the reminder")
	schedule(served, "Of the report", flow_template=served.regional, payload={"region": "south"})
	page = open_page()
	page.goto(f"{served.url}/templates/{served.regional}")
	page.get_by_role("button", name="More", exact=True).click()
	page.get_by_role("menuitem", name="Schedules of the flow").click()
	expect(row(page, "Of the report")).to_be_visible()
	expect(row(page, "Of the reminder")).to_have_count(0)
	# What is made from there is of that flow.
	page.get_by_role("button", name="New schedule").click()
	expect(form_of(page).get_by_role("combobox", name="Flow", exact=True)).to_have_value("Regional report")
	page.goto(served.url)
	line = page.locator(".fe-flow-row", has_text="Reminder")
	line.get_by_role("link", name="Schedules").click()
	expect(row(page, "Of the reminder")).to_be_visible()
	expect(row(page, "Of the report")).to_have_count(0)


def test_a_schedule_is_paused_with_a_reason_resumed_and_deleted(served, page, request):
	name = request.node.name
	made = schedule(served, name)
	page.goto(f"{served.url}/schedules")
	row(page, name).get_by_role("button", name=re.compile("^Pause")).click()
	form_of(page).get_by_label("Reason").fill("Holidays")
	form_of(page).get_by_role("button", name="Pause").click()
	expect(row(page, name).locator(".fe-badge")).to_have_text("Paused")
	assert stored(served, name)["status"] == "paused"
	row(page, name).get_by_role("button", name=re.compile("^Resume")).click()
	form_of(page).get_by_role("button", name="Resume").click()
	expect(row(page, name).locator(".fe-badge")).to_have_text("Enabled")
	row(page, name).get_by_role("button", name=re.compile("^Delete")).click()
	form_of(page).get_by_role("button", name="Back").click()
	assert served.get("schedules.get", name=made["name"])
	row(page, name).get_by_role("button", name=re.compile("^Delete")).click()
	form_of(page).get_by_role("button", name="Delete").click()
	expect(row(page, name)).to_have_count(0)
	assert not served.get("schedules.list", search=name)["schedules"]


# --- the form -----------------------------------------------------------------------------------------------


def test_a_schedule_is_made_with_the_form_of_its_payload(served, page, request):
	name = request.node.name
	form = begin(page, served, name, "Regional report")
	form.get_by_label("How often").select_option("week")
	form.get_by_label("Thu").check()
	form.get_by_label("Time of day").fill("07:30")
	times = form.get_by_role("list", name="Next times").get_by_role("listitem")
	expect(times).to_have_count(5)
	expect(times.first).to_contain_text(re.compile("(Monday|Thursday),? .* at 07:30"))
	form.get_by_label("Region").select_option(label="south")
	form.get_by_label("Limit").fill("5")
	assert fits(page)
	create(form)
	expect(row(page, name)).to_contain_text("every Monday and Thursday at 07:30")
	kept = served.get("schedules.get", name=stored(served, name)["name"])["schedule"]
	assert (kept["cron"], kept["timezone"]) == ("30 7 * * 1,4", "Europe/Paris")
	assert kept["payload"] == {"region": "south", "limit": 5}


def test_a_payload_is_written_as_json_and_what_does_not_fit_is_said_beside_it(served, page, request):
	name = request.node.name
	form = begin(page, served, name, "Regional report")
	form.get_by_role("button", name="Edit as JSON").click()
	text = form.get_by_label("Payload as JSON")
	text.fill('{"region": "west"')
	create(form)
	expect(form.get_by_text("Not valid JSON yet")).to_be_visible()
	text.fill('{"region": "west", "limit": 0}')
	create(form)
	expect(form.locator(".fe-payload .fe-fault")).to_have_count(2)
	assert not served.get("schedules.list", search=name)["schedules"]
	text.fill('{"region": "north"}')
	create(form)
	expect(row(page, name)).to_be_visible()
	kept = served.get("schedules.get", name=stored(served, name)["name"])["schedule"]
	assert kept["payload"] == {"region": "north"}


def test_only_published_flows_can_be_chosen(served, open_page):
	page = open_page()
	page.goto(f"{served.url}/schedules")
	page.get_by_role("button", name="New schedule").click()
	form_of(page).get_by_role("combobox", name="Flow", exact=True).click()
	expect(form_of(page).locator(".fe-pick").get_by_role("option", name="Reminder")).to_be_visible()
	expect(form_of(page).locator(".fe-pick").get_by_role("option", name="Draft")).to_have_count(0)


def test_what_is_missing_is_said_when_somebody_tries_to_save_and_not_before(served, open_page):
	page = open_page()
	page.goto(f"{served.url}/schedules")
	page.get_by_role("button", name="New schedule").click()
	form = form_of(page)
	expect(form.get_by_role("list", name="Next times")).to_be_visible()
	expect(form.locator(".fe-fault")).to_have_count(0)
	create(form)
	expect(
		form.locator(".fe-field", has=page.locator("#fe-schedule-name")).locator(".fe-fault")
	).to_be_visible()
	expect(
		form.locator(".fe-field", has=page.locator("#fe-schedule-flow")).locator(".fe-fault")
	).to_be_visible()
	expect(form.get_by_label("Name", exact=True)).to_be_focused()


@pytest.mark.parametrize(
	("line", "said"),
	[("61 9 * * *", "minute"), ("0 0 30 2 *", "No date fits"), ("0 9 * *", "five fields")],
	ids=["out of range", "30 February", "four fields"],
)
def test_a_cron_line_that_says_nothing_is_told_while_it_is_typed(served, open_page, line, said):
	page = open_page()
	form = begin(page, served, "Bad cron")
	form.get_by_label("How often").select_option("raw")
	form.get_by_label(re.compile("^Cron line")).fill(line)
	expect(form.locator(".fe-timing .fe-fault")).to_contain_text(said)
	form.get_by_label(re.compile("^Cron line")).fill("0 9 1,15 * *")
	expect(form.locator(".fe-timing .fe-fault")).to_have_count(0)
	expect(form.get_by_role("list", name="Next times").get_by_role("listitem")).to_have_count(5)
	create(form)
	expect(row(page, "Bad cron").last).to_contain_text("0 9 1,15 * *")


def test_an_unknown_zone_and_a_time_that_has_passed_are_told_beside_their_fields(served, open_page):
	page = open_page()
	form = begin(page, served, "Nowhere")
	zone = form.get_by_role("combobox", name="By the clocks of")
	zone.fill("Mars/Olympus")
	zone.press("Tab")
	expect(form.get_by_text("It does not fire any more.")).to_have_count(0)
	expect(form.locator(".fe-timing .fe-fault")).to_contain_text("time zone")
	zone.fill("Kolkata")
	form.locator(".fe-pick").get_by_role("option", name="Asia/Kolkata").click()
	form.get_by_label("Once", exact=True).check()
	form.get_by_label("On", exact=True).fill("2001-01-01T09:00")
	expect(form.locator(".fe-timing .fe-fault")).to_contain_text("passed")
	form.get_by_label("On", exact=True).fill("2090-01-01T09:00")
	# The reader's clocks are others: both are told.
	times = form.get_by_role("list", name="Next times")
	expect(times).to_contain_text("1 January 2090 at 09:00")
	expect(times).to_contain_text("for you")
	create(form)
	expect(row(page, "Nowhere")).to_contain_text("once")
	assert stored(served, "Nowhere")["next_fire_at"] == "2090-01-01T03:30:00+00:00"


def test_days_that_are_left_out_are_told_with_the_reason_and_so_are_clock_changes(served, open_page):
	page = open_page()
	form = begin(page, served, "Workdays")
	form.get_by_role("combobox", name="By the clocks of").fill("America/Toronto")
	form.locator(".fe-pick").get_by_role("option", name="America/Toronto").click()
	form.get_by_label("Time of day").fill("02:30")
	expect(form.locator(".fe-clock-note")).to_contain_text(
		re.compile("March .* clocks go forward over 02:30")
	)
	form.get_by_text("More: days off").click()
	form.get_by_label("On weekends and holidays").select_option("skip")
	expect(form.get_by_text("left out: a weekend").first).to_be_visible()
	# A weekend is no day on which it would fire: nothing is said of its clocks.
	expect(form.locator(".fe-clock-note")).to_have_count(0)
	create(form)
	expect(row(page, "Workdays")).to_be_visible()
	kept = served.get("schedules.get", name=stored(served, "Workdays")["name"])["schedule"]
	assert kept["day_policy"] == "skip"


def test_a_fan_out_shows_which_documents_fit_and_runs_for_each(served, page, request):
	name = request.node.name
	form = begin(page, served, name)
	form.get_by_label("One run for every document of a kind").check()
	doctype = form.get_by_role("combobox", name="Kind of document")
	doctype.fill("Issue")
	form.locator(".fe-pick").get_by_role("option", name="Issue", exact=True).click()
	matches = form.locator(".fe-matches")
	expect(matches).to_contain_text("12 documents fit now")
	form.get_by_role("button", name="+ Filter").click()
	filters = form.get_by_role("group", name="Filter 1")
	filters.get_by_label("Field").select_option(label="Status")
	filters.get_by_label("Value").select_option("Open")
	expect(matches).to_contain_text("8 documents fit now")
	filters.get_by_label("Operator").select_option("in")
	filters.get_by_label("Values, with commas between").fill("Open, Closed")
	filters.get_by_label("Values, with commas between").press("Tab")
	expect(matches).to_contain_text("12 documents fit now")
	form.get_by_role("button", name="+ Condition").click()
	form.get_by_role("button", name=re.compile("^Value to look at")).click()
	page.get_by_role("combobox", name="Search values").fill("Status")
	form.locator(".fe-values").get_by_role("option", name=re.compile("^Status")).first.click()
	form.get_by_label("Compared with").select_option("Closed")
	expect(matches).to_contain_text("4 documents fit now")
	expect(matches.get_by_role("link", name="ISS-3", exact=True)).to_be_visible()
	assert fits(page)
	create(form)
	kept = served.get("schedules.get", name=stored(served, name)["name"])["schedule"]
	assert kept["fan_out_filters"] == [["status", "in", ["Open", "Closed"]]]
	row(page, name).get_by_role("link", name=name).click()
	expect(page.get_by_text("Status is one of Open, Closed")).to_be_visible()
	expect(page.get_by_text("Status is Closed")).to_be_visible()
	expect(page.locator(".fe-matches")).to_contain_text("4 documents fit now")
	page.get_by_role("button", name="Fire now…").click()
	form_of(page).get_by_label("Reason").fill("Today already")
	form_of(page).get_by_role("button", name="Fire now").click()
	done = page.get_by_role("list", name="Times it has fired").get_by_role("listitem").first
	expect(done).to_contain_text("Today already")
	expect(done).to_contain_text("4 runs started", timeout=20_000)
	expect(done.locator(".fe-badge")).to_have_text("Done", timeout=20_000)
	assert fits(page)
	done.get_by_role("link", name="Its runs").click()
	expect(page.locator(".fe-run-row")).to_have_count(4)
	expect(page.locator(".fe-run-row").filter(has_text="ISS-3")).to_have_count(1)
	page.get_by_role("button", name="Show runs of every schedule").click()
	expect(page).to_have_url(f"{served.url}/runs")


def test_what_was_entered_is_not_lost_by_a_stray_key_or_the_way_back(served, open_page):
	page = open_page()
	page.goto(f"{served.url}/runs")
	page.get_by_role("link", name="Schedules", exact=True).click()
	page.get_by_role("button", name="New schedule").click()
	form = page.get_by_role("dialog", name="New schedule")
	form.get_by_label("Name", exact=True).fill("Almost")
	page.keyboard.press("Escape")
	question = form_of(page)
	expect(question).to_contain_text("is not saved")
	question.get_by_role("button", name="Cancel").click()
	expect(form.get_by_label("Name", exact=True)).to_have_value("Almost")
	page.go_back()
	form_of(page).get_by_role("button", name="Cancel").click()
	expect(form.get_by_label("Name", exact=True)).to_have_value("Almost")
	page.keyboard.press("Escape")
	form_of(page).get_by_role("button", name="Leave").click()
	expect(page.get_by_role("dialog")).to_have_count(0)


# --- one schedule -------------------------------------------------------------------------------------------


def test_a_schedule_shows_its_runs_and_a_run_says_what_started_it(served, page, request):
	made = schedule(served, request.node.name, flow_template=served.regional, payload={"region": "north"})
	page.goto(f"{served.url}/schedules/{made['name']}")
	expect(page.get_by_role("heading", level=1)).to_have_text(request.node.name)
	expect(page.get_by_text("every Monday at 09:00")).to_be_visible()
	expect(page.get_by_text('"region": "north"')).to_be_visible()
	page.get_by_role("button", name="Fire now…").click()
	form_of(page).get_by_role("button", name="Fire now").click()
	fired = page.get_by_role("list", name="Times it has fired")
	fired.get_by_role("link").first.click()
	expect(page.locator(".fe-run-status")).to_be_visible()
	run = page.url.rsplit("/", 1)[-1]
	assert served.run(run)["variables"]["region"] == "north"
	page.locator(".fe-card.fe-trigger").click()
	back = page.get_by_role("complementary").get_by_role("link", name=request.node.name)
	expect(back).to_have_attribute("href", f"/schedules/{made['name']}")


def test_a_schedule_that_no_longer_fits_its_flow_says_why_and_is_put_right(served, page, request):
	name = request.node.name
	open_schema = {**SCHEMA, "required": []}
	definition = {**flow(issue("tell")), "payload_schema": open_schema}
	template = served.flow(f"Flow of {name}", definition)["name"]
	made = schedule(served, name, flow_template=template)
	served.api("templates.update", name=template, flow_definition={**definition, "payload_schema": SCHEMA})
	served.api("templates.publish", name=template)
	page.goto(f"{served.url}/schedules")
	expect(row(page, name).locator(".fe-badge")).to_have_text("Invalid")
	page.goto(f"{served.url}/schedules/{made['name']}")
	expect(page.get_by_role("alert")).to_contain_text("payload.region")
	assert fits(page)
	page.get_by_role("button", name="Change…").click()
	form_of(page).get_by_label("Region").select_option(label="north")
	form_of(page).get_by_role("button", name="Save").click()
	expect(page.locator(".fe-schedule-title .fe-badge")).to_have_text("Enabled")
	expect(page.get_by_role("alert")).to_have_count(0)


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(served, open_page):
	made = schedule(served, "Of two people")
	page = open_page()
	page.goto(f"{served.url}/schedules/{made['name']}")
	page.get_by_role("button", name="Change…").click()
	served.api("schedules.update", name=made["name"], values={"schedule_name": "Theirs"})
	form_of(page).get_by_label("Name", exact=True).fill("Mine")
	form_of(page).get_by_role("button", name="Save").click()
	expect(form_of(page).get_by_role("alert")).to_be_visible()
	assert served.get("schedules.get", name=made["name"])["schedule"]["schedule_name"] == "Theirs"


def test_a_schedule_is_made_without_a_mouse(served, open_page):
	page = open_page()
	page.goto(f"{served.url}/schedules")
	page.get_by_role("button", name="New schedule").focus()
	page.keyboard.press("Enter")
	expect(form_of(page).get_by_label("Name", exact=True)).to_be_focused()
	page.keyboard.type("By keys")
	page.keyboard.press("Tab")
	page.keyboard.type("Remind")
	expect(form_of(page).locator(".fe-pick").get_by_role("option", name="Reminder")).to_be_visible()
	for key in ("Enter", "Enter"):
		page.keyboard.press(key)
	expect(row(page, "By keys")).to_be_visible()
	expect(page.get_by_role("button", name="New schedule")).to_be_focused()
