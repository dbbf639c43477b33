"""Conditions written as text on the standalone host: saved as data, refused or compared as the file says."""

from datetime import datetime, timezone

import pytest

from flow_engine.engine.errors import BadInput, InvalidDefinition
from flow_engine.service import editor, templates
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.scenario import Scenario
from flow_engine.sqlite_host.settings import change_settings, read_settings
from flow_engine.sqlite_host.simulation import simulate
from flow_engine.testing.builders import flow, step

CHANGES = "SELECT * FROM `tabFlow Audit Event` WHERE event_type = 'settings.changed'"
OPEN = {"field": "doc.status", "op": "==", "value": "Open"}


@pytest.fixture
def host(tmp_path):
	return open_host(str(tmp_path / "flows.sqlite3"))


def compatible(host):
	return change_settings(host.database, host.runs.audit, {"condition_strategy": "compatible"})


def stored(template):
	return template["flow_definition"]["trigger"]["condition"], template["trigger_condition"]


def test_what_is_saved_and_shown_afterwards_is_data(host):
	made = templates.create_template(
		host.templates,
		{"template_name": "x", "trigger_event": "on_issue_opened", "trigger_condition": "Open"},
	)
	condition, column = stored(made)
	assert (condition, made["problems"]) == (OPEN, [])
	assert "doc.status" in column and "eq:" not in column
	definition = {**made["flow_definition"], "trigger": {"event": "manual", "condition": "doc.x in:A,B"}}
	changed = templates.update_template(host.templates, made["name"], {"flow_definition": definition})
	assert stored(changed)[0] == {"field": "doc.x", "op": "in", "value": ["A", "B"]}


def test_text_that_is_no_condition_is_kept_in_a_strict_draft_and_cannot_be_published(host):
	values = {"template_name": "x", "trigger_event": "on_issue_opened", "trigger_condition": "is open"}
	made = templates.create_template(host.templates, values)
	assert stored(made)[0] == "is open"
	assert [(p["path"], p["code"]) for p in made["problems"]] == [("trigger.condition", "bad_condition")]
	with pytest.raises(InvalidDefinition):
		host.templates.update(made["name"], {"is_active": 1})


def test_a_compatible_file_compares_instead(host):
	assert read_settings(host.database) == {"condition_strategy": "strict"}
	assert compatible(host) == {"condition_strategy": "compatible"}
	values = {"template_name": "x", "trigger_event": "on_issue_opened", "trigger_condition": "is open"}
	made = templates.create_template(host.templates, values)
	assert (stored(made)[0], made["problems"]) == ({**OPEN, "value": "is open"}, [])
	told = host.database.rows(CHANGES)
	assert [(row["from_status"], row["to_status"]) for row in told] == [("strict", "compatible")]
	compatible(host)
	assert told == host.database.rows(CHANGES)


@pytest.mark.parametrize("values", [{"link_key": "strict"}, {"condition_strategy": "lax"}, {"": ""}])
def test_nothing_else_can_be_set(host, values):
	key = host.links.key
	with pytest.raises(BadInput):
		change_settings(host.database, host.runs.audit, values)
	assert read_settings(host.database) == {"condition_strategy": "strict"}
	again = host.database.rows("SELECT value FROM setting WHERE name = 'link_key'")
	assert again == [{"value": key.hex()}]


def test_importing_a_flow_with_texts_again_changes_nothing(host):
	definition = {**flow(step("a")), "trigger": {"event": "manual", "condition": "Open"}}
	entry = {"template_name": "x", "definition": definition}
	outcomes = [templates.import_templates(host.templates, entry)[0]["outcome"] for _ in range(2)]
	assert outcomes == ["created", "unchanged"]


def test_the_editor_asks_what_a_text_means_where_it_stands(host):
	ask = step("ask", when="manual")
	definition = flow(ask, step("decide", "condition", after=["ask"]))

	def condition(text, **where):
		return editor.condition(host.templates.condition_strategy, text, **where)

	assert condition("Open") == {"condition": OPEN, "problems": []}
	inside = condition("Open", definition=definition, step_id="decide")["condition"]
	assert inside["field"] == "steps.ask.result.input.answer"
	for shape in (definition, {"steps": 5, "trigger": []}, None):
		found = condition("is open", definition=shape)
		assert (found["condition"], found["problems"][0]["code"]) == (None, "bad_condition")
	for bad in (None, "", 5, "x" * 5_000):
		with pytest.raises(BadInput):
			condition(bad)


NOW = datetime(2026, 3, 4, 9, 0, tzinfo=timezone.utc)
TIMED = [
	("2026-03-01T08:59:00+00:00", "yes"),
	("2026-03-01 09:00:00", "yes"),
	("2026-03-01T09:01:00+00:00", "no"),
	("", "no"),
]


def outcome(definition, opened):
	doc = {"doctype": "Issue", "name": "I-1", "opened": opened}
	return simulate(Scenario(definition, doc, now=NOW))


@pytest.mark.parametrize(("opened", "branch"), TIMED)
def test_timeout_is_true_once_so_much_time_has_passed(opened, branch):
	decide = step("decide", "condition", payload={"all": "doc.opened timeout:3d"})
	assert outcome(flow(decide), opened)["steps"]["decide"]["result"]["branch"] == branch
	starting = {**flow(step("x")), "trigger": {"event": "manual", "condition": "doc.opened timeout:3d"}}
	started = outcome(starting, opened)["run"]["status"] == "completed"
	assert started is (branch == "yes")


def test_timeout_counts_from_the_start_of_the_run():
	soon = step("soon", "condition", payload={"all": "timeout:3d"})
	wait = step("wait", when=("after_delay", {"delay_days": 3}))
	later = step("later", "condition", payload={"all": "timeout:3d"}, after=["wait"])
	found = outcome(flow(soon, wait, later), "")["steps"]
	assert [found[name]["result"]["branch"] for name in ("soon", "later")] == ["no", "yes"]
