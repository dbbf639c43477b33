"""The shipped flows in the language of those who run them."""

import json

from flow_engine.service.templates import in_language, library, seed
from flow_engine.sqlite_host.host import open_host


def labels(host, name):
	(row,) = host.templates.find({"template_name": name})
	return {step["id"]: step["label"] for step in json.loads(row["flow_definition"])["steps"]}


def test_a_french_site_gets_french_labels_and_an_english_one_english():
	for language, wanted in (("fr", "fr"), ("fr-CA", "fr"), ("fr_CA", "fr"), ("en", None), ("de", None)):
		host = open_host()
		seed(host.templates, language=language)
		for entry in library():
			english = {step["id"]: step["label"] for step in entry["definition"]["steps"]}
			expected = entry["translations"][wanted]["labels"] if wanted else english
			assert labels(host, entry["template_name"]) == {**english, **expected}, (language, entry)


def test_seeding_again_in_the_same_language_changes_nothing_and_in_another_updates():
	host = open_host()
	seed(host.templates, language="fr")
	assert {row["outcome"] for row in seed(host.templates, language="fr")} == {"unchanged"}
	assert {row["outcome"] for row in seed(host.templates, language="en")} == {"updated"}


def test_a_language_changes_words_only():
	for entry in library():
		french = in_language(entry, "fr")
		assert french["template_name"] == entry["template_name"]
		bare = [{**step, "label": ""} for step in french["definition"]["steps"]]
		assert bare == [{**step, "label": ""} for step in entry["definition"]["steps"]]
