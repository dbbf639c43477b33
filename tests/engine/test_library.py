"""The seeded flows are files that someone could switch on as they are."""

import json
from pathlib import Path

import pytest

import flow_engine
from flow_engine.engine.definition import dump_definition, parse_definition
from flow_engine.engine.kinds import register
from flow_engine.engine.validation import validate_definition

LIBRARY = Path(flow_engine.__file__).parent / "library"
FILES = sorted(LIBRARY.glob("*.json"))
FLOWS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FILES}

EVENTS = {
	"fiber_install": "manual",
	"phone_service": "manual",
	"move_service": "manual",
	"repair_service": "on_issue_opened",
	"residential_onboarding": "on_contract_signed",
	"quotation_follow_up": "on_quotation_accepted",
	"quotation_reminder": "on_quotation_created",
}
CATEGORIES = ("residential", "commercial", "incident", "billing", "other")
KEYS = {
	"template_name",
	"category",
	"applies_to",
	"icon",
	"trigger_event",
	"description",
	"tags",
	"notes",
	"translations",
	"definition",
}

each = pytest.mark.parametrize("name", sorted(FLOWS))


def steps(name, kind=None):
	return [step for step in FLOWS[name]["definition"]["steps"] if kind in (None, step["kind"])]


def test_the_library_has_the_seven_flows_and_no_others():
	assert {name: flow["trigger_event"] for name, flow in FLOWS.items()} == EVENTS


@each
def test_a_flow_is_found_under_its_own_name_and_says_what_it_is(name):
	flow = FLOWS[name]
	assert set(flow) == KEYS
	assert flow["template_name"] == name
	assert flow["category"] in CATEGORIES
	assert flow["trigger_event"] == flow["definition"]["trigger"]["event"]
	assert all(flow[key] for key in KEYS)


@each
def test_a_flow_is_valid_without_errors_and_without_warnings(name):
	problems = validate_definition(FLOWS[name]["definition"], register(), events=set(EVENTS.values()))
	assert [problem.as_dict() for problem in problems] == []


@each
def test_a_flow_is_stored_as_it_would_be_written(name):
	definition = FLOWS[name]["definition"]
	assert dump_definition(parse_definition(definition)) == definition


@each
def test_every_step_is_labelled_in_english_and_in_french(name):
	french = FLOWS[name]["translations"]["fr"]
	assert french["title"] and french["description"] and french["notes"]
	assert set(french["labels"]) == {step["id"] for step in steps(name)}
	for step in steps(name):
		assert step["label"] and step["label"] != step["id"]
		assert french["labels"][step["id"]] not in ("", step["label"])


@each
def test_customers_are_written_to_in_french_and_then_in_english(name):
	for step in steps(name, "notify"):
		payload = step["payload"]
		if payload["channel"] == "email":
			french, english = payload["body"].split("<hr>")
			assert "Bonjour" in french and "Hello" in english
			assert " / " in payload["subject"]
		else:
			assert " / " in payload["body"]
			# Two joined messages at most, names aside; accents outside the GSM alphabet halve what fits.
			assert len(payload["body"]) <= 306


@each
def test_a_flow_that_opens_issues_does_not_start_the_repair_flow_with_them(name):
	mark = FLOWS["repair_service"]["definition"]["trigger"]["condition"]["not"]
	assert (mark["field"], mark["op"]) == ("doc.subject", "starts_with")
	for step in steps(name, "issue"):
		assert step["payload"]["subject"].startswith(mark["value"])


def test_steps_are_placed_by_real_dependencies():
	for name in FLOWS:
		starts = [s for s in steps(name) if s["parent_id"] is None and not s["depends_on"]]
		assert 1 <= len(starts) <= 2


def test_a_move_opens_both_jobs_at_once_and_joins_them():
	definition = parse_definition(FLOWS["move_service"]["definition"])
	jobs = [step for step in definition.steps if step.kind == "dispatch_job"]
	assert [step.trigger.type for step in jobs] == ["on_flow_start", "on_flow_start"]
	assert set(definition.step("note_new_address").depends_on) == {step.id for step in jobs}


@pytest.mark.parametrize("name", ["quotation_follow_up", "quotation_reminder"])
def test_quotation_emails_come_after_3_7_and_14_days_each_behind_a_question(name):
	definition = parse_definition(FLOWS[name]["definition"])

	def days(step):
		own = step.trigger.fields.get("delay_days", 0)
		return own + (days(definition.step(step.parent_id)) if step.parent_id else 0)

	emails = [step for step in definition.steps if step.kind == "notify"]
	assert [days(step) for step in emails] == [3, 7, 14]
	for step in emails:
		assert definition.step(step.parent_id).kind == "condition" and step.branch == "yes"


def test_onboarding_waits_a_day_for_the_survey_and_eleven_months_for_the_reminder():
	definition = parse_definition(FLOWS["residential_onboarding"]["definition"])
	assert definition.step("survey").trigger.fields == {"delay_hours": 24}
	assert definition.step("still_in_force").trigger.fields == {"delay_days": 334}
	assert definition.step("renewal_reminder").parent_id == "still_in_force"
