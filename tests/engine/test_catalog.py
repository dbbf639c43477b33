import json
from dataclasses import replace

import pytest

from flow_engine.engine.errors import KindRefused
from flow_engine.engine.kinds import AGENT_KINDS, PROJECT_KINDS, register
from flow_engine.engine.kinds.base import FIELD_TYPES, Effect, Field, Kind
from flow_engine.engine.outcomes import Done

# As the language describes them: effect, and the payload in the editor's order.
PROJECT = {
	"dispatch_job": (
		"database",
		"subject job_type priority duration_h assigned_group on_open_webhook on_close_webhook merge_key",
	),
	"issue": ("database", "subject description priority issue_type"),
	"notify": ("database", "channel to template_id subject body"),
	"webhook": ("external", "url method headers body_template repeat_safe"),
	"erp_update": ("database", "doctype docname_ref fields_json"),
	"wait": ("none", ""),
	"condition": ("none", "field op value all any logic"),
	"subscription_activate": ("database", "subscription_ref"),
}
ALL = [*PROJECT_KINDS.values(), *AGENT_KINDS.values()]

EXTRA = Kind(
	name="portal_invite",
	label="Portal invitation",
	icon="mail",
	colour="#0ea5e9",
	effect=Effect.DATABASE,
	fields=(Field("to", "To", required=True),),
	handle=lambda ctx: Done(),
)


def test_the_catalog_has_the_eight_project_kinds_with_their_effects_and_payloads():
	assert set(PROJECT_KINDS) == set(PROJECT)
	for name, (effect, fields) in PROJECT.items():
		kind = PROJECT_KINDS[name]
		assert kind.effect.value == effect
		assert set(fields.split()) <= {field.name for field in kind.fields}
		assert kind.catalog == "project"
		assert kind.handle is not None


def test_the_agent_catalog_has_six_kinds_that_cannot_run_yet():
	assert len(AGENT_KINDS) == 6
	for kind in AGENT_KINDS.values():
		assert kind.catalog == "agent"
		assert kind.handle is None
		assert kind.as_dict()["runnable"] is False


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_every_kind_is_complete_for_the_editor_and_is_plain_data(kind):
	data = json.loads(json.dumps(kind.as_dict()))
	assert data["label"] and data["icon"] and data["help"]
	assert len(data["colour"]) == 7 and int(data["colour"][1:], 16) >= 0
	for field in data["fields"]:
		assert field["label"]
		assert field["type"] in FIELD_TYPES
		assert field["help"] or field["type"] == "select" or field["name"] in ("subject", "doctype")
		if field["type"] == "select" and field["default"] is not None:
			assert field["default"] in field["options"]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_a_kind_answers_about_any_payload_without_raising(kind):
	for payload in (
		{},
		{field.name: None for field in kind.fields},
		{field.name: 7 for field in kind.fields},
	):
		assert isinstance(kind.effect_for(payload), Effect)
		assert isinstance(kind.repeat_safe(payload), bool)
		if kind.check:
			assert isinstance(kind.check(payload), list)


def test_another_apps_kind_joins_what_ships():
	for extra in ([EXTRA], {"portal_invite": EXTRA}, (EXTRA,)):
		assert register(extra) == {**PROJECT_KINDS, **AGENT_KINDS, "portal_invite": EXTRA}
	assert "portal_invite" not in register()


@pytest.mark.parametrize("name", ["notify", "wait", next(iter(AGENT_KINDS))])
def test_a_kind_cannot_take_the_name_of_one_that_ships(name):
	with pytest.raises(KindRefused):
		register([replace(EXTRA, name=name)])


def test_two_apps_cannot_bring_the_same_name():
	with pytest.raises(KindRefused):
		register([EXTRA, replace(EXTRA, label="Another")])


UNUSABLE = [
	replace(EXTRA, name="Portal Invite"),
	replace(EXTRA, name=""),
	replace(EXTRA, fields=(Field("to", "To"), Field("to", "To again"))),
	replace(EXTRA, fields=(Field("to", "To", "colour_wheel"),)),
	replace(EXTRA, fields=(Field("to", "To", "select"),)),
	replace(EXTRA, fields=(Field("to", "To", "link"),)),
	replace(EXTRA, branches=("yes", "error")),
	replace(EXTRA, branches=("yes", "compensate")),
	replace(EXTRA, document_field="doctype"),
	"portal_invite",
	None,
]


@pytest.mark.parametrize("kind", UNUSABLE)
def test_an_unusable_kind_is_refused(kind):
	with pytest.raises(KindRefused):
		register([kind])
