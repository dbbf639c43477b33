"""What follows from a publication happens in its transaction."""

import pytest

from flow_engine.engine.errors import BadInput
from flow_engine.sqlite_host.host import open_host


@pytest.fixture
def host():
	host = open_host()
	yield host
	host.database.close()


def test_what_follows_sees_the_version_and_takes_it_back_when_it_raises(host):
	name = host.templates.insert({"template_name": "A flow"})["name"]
	first = host.templates.publish(name, "first")["published_version"]
	seen = []

	def refuse(template, version, note, restored_from):
		seen.append((host.templates.version(template, version)["note"], note))
		raise BadInput("No.")

	host.templates.update(name, {"description": "other"})
	host.templates.after_publish = refuse
	with pytest.raises(BadInput):
		host.templates.publish(name, "second")
	assert seen == [("second", "second")]
	assert host.templates.get(name)["published_version"] == first
	published = host.database.rows("SELECT version FROM `tabFlow Template Version`")
	assert [row["version"] for row in published] == [first]


def test_each_publication_is_told_once(host):
	name = host.templates.insert({"template_name": "A flow"})["name"]
	host.templates.publish(name, "because")
	rows = host.database.rows(
		"SELECT reason FROM `tabFlow Audit Event` WHERE event_type = 'template.published'"
	)
	assert [row["reason"] for row in rows] == ["because"]
