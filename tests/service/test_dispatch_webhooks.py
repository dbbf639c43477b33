"""Who is told of a Dispatch Job's opening and closing."""

from datetime import datetime, timezone

import pytest

from flow_engine.service.dispatch_webhooks import has_webhooks, job_deliveries

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def job(status="Open", **values):
	urls = {"on_open_webhook": "https://open.example", "on_close_webhook": "https://close.example"}
	return {"name": "DJ-1", "status": status, **urls, **values}


def told(before, after):
	return [(d.event.split(".")[1], d.url) for d in job_deliveries(before, after, NOW)]


OPENED, CLOSED = ("opened", "https://open.example"), ("closed", "https://close.example")


@pytest.mark.parametrize(
	("before", "after", "expected"),
	[
		(None, "Open", [OPENED]),
		(None, "Scheduled", [OPENED]),
		(None, "Completed", [CLOSED]),
		("Open", "Open", []),
		("Open", "Scheduled", []),
		("Scheduled", "In Progress", []),
		("Open", "Completed", [CLOSED]),
		("In Progress", "Cancelled", [CLOSED]),
		("Completed", "Completed", []),
		("Cancelled", "Cancelled", []),
		("Cancelled", "Open", [OPENED]),
	],
)
def test_every_move_tells_whom_it_concerns(before, after, expected):
	assert told(before and job(before), job(after)) == expected


def test_each_joined_request_is_told_for_itself():
	first = {"idx": 1, "on_open_webhook": "https://a.example", "on_close_webhook": "https://b.example"}
	second = {"idx": 2, "on_close_webhook": "https://c.example", "flow_run": "FR-2", "flow_step": "s9"}
	joined = job(merged_requests=[first])
	assert told(job(), joined) == [("opened", "https://a.example")]
	assert told(joined, job(merged_requests=[first, second])) == []
	closing = list(job_deliveries(joined, job("Completed", merged_requests=[first, second]), NOW))
	assert [d.url for d in closing] == ["https://close.example", "https://b.example", "https://c.example"]
	assert [d.body["merged"] for d in closing] == [False, True, True]
	assert (closing[2].flow_run, closing[2].flow_step) == ("FR-2", "s9")


def test_what_is_sent_says_nothing_of_other_receivers_or_merge_keys():
	after = job(merge_key="secret-key", merged_requests=[{"idx": 1, "on_close_webhook": "https://x.example"}])
	text = str(next(job_deliveries(None, after, NOW)).body)
	assert "example" not in text
	assert "secret-key" not in text


@pytest.mark.parametrize(
	("values", "expected"),
	[
		({}, False),
		({"on_open_webhook": ""}, False),
		({"on_close_webhook": "https://x.example"}, True),
		({"merged_requests": [{"on_open_webhook": "https://x.example"}]}, True),
		({"merged_requests": [{}]}, False),
	],
)
def test_a_job_without_webhooks_is_known_as_one(values, expected):
	assert has_webhooks(values) is expected
