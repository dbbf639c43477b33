import pytest


def test_an_issue_belongs_to_the_customer_and_escapes_values_in_its_description(world):
	outcome = world.do(
		"issue",
		{
			"subject": "Line down {{doc.name}}",
			"description": "<p>{{customer.customer_name}}</p>",
			"issue_type": "",
		},
	)
	issue = world.documents.get("Issue", outcome.result["name"])
	assert outcome.touched == (("Issue", issue["name"], "created"),)
	assert issue == {
		"doctype": "Issue",
		"name": issue["name"],
		"subject": "Line down ISS-1",
		"description": "<p>Zoé &lt;b&gt;Roy&lt;/b&gt; &amp; fils</p>",
		"customer": "CUST-1",
	}


def test_plain_lines_stay_lines(world):
	outcome = world.do("issue", {"subject": "x", "description": "one\ntwo"})
	assert world.documents.get("Issue", outcome.result["name"])["description"] == "one<br>\ntwo"


@pytest.mark.parametrize(
	("given", "stored"), [("high", "High"), ("High", "High"), ("Élevée", "Élevée"), ("P1 site", "P1 site")]
)
def test_priorities_are_this_sites_own(world, given, stored):
	outcome = world.do("issue", {"subject": "x", "priority": given})
	assert world.documents.get("Issue", outcome.result["name"])["priority"] == stored


def test_without_a_customer_none_is_linked(world):
	world.run["customer"] = None
	world.values["customer"] = None
	outcome = world.do("issue", {"subject": "x"})
	assert "customer" not in world.documents.get("Issue", outcome.result["name"])
