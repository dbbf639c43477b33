"""The flows that ship, as something to begin from: read without being seeded, in the reader's language."""


def test_the_shipped_flows_can_be_read_before_anything_is_seeded(served):
	before = served.get("templates.list")["templates"]
	found = served.get("templates.library")["templates"]
	assert len(found) >= 5
	assert all(entry["template_name"] and entry["description"] for entry in found)
	assert all(served.api("templates.validate", definition=e["definition"])["problems"] == [] for e in found)
	assert served.get("templates.list")["templates"] == before


def test_its_labels_are_in_the_language_that_is_asked_for(served):
	english = served.get("templates.library")["templates"]
	french = served.get("templates.library", language="fr-CA")["templates"]
	assert [entry["template_name"] for entry in french] == [entry["template_name"] for entry in english]
	for one, other in zip(english, french, strict=True):
		assert one["description"] != other["description"]
		assert "translations" not in other


def test_each_has_a_title_for_people_beside_its_name_for_programs(served):
	titles = {
		language: {
			entry["template_name"]: entry["title"]
			for entry in served.get("templates.library", language=language)["templates"]
		}
		for language in ("en", "fr")
	}
	assert titles["en"]["residential_onboarding"] == "Residential onboarding"
	assert titles["fr"]["residential_onboarding"] == "Accueil résidentiel"
	assert not any("_" in title for found in titles.values() for title in found.values())
