"""Years of schedules on a virtual clock whose ticks stop and jump: the runs there are at the end are the
library's times, each once, but for those that were given up and say so."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from flow_engine.clock import VirtualClock
from flow_engine.engine.schedules.zones import moments
from flow_engine.service import schedules
from flow_engine.service.schedule_firing import fire_due
from flow_engine.sqlite_host.host import open_host
from flow_engine.testing.builders import flow, step

UTC = timezone.utc
START = datetime(2024, 1, 15, 12, tzinfo=UTC)

crons = st.sampled_from(
	["0 9 * * *", "30 2 * * *", "15 1 * * 0", "0 9 29 2 *", "0 0 L * *", "45 */7 * * 1-5"]
)
zones = st.sampled_from(["America/Toronto", "Europe/Paris", "Asia/Kolkata", "Australia/Sydney"])
# Minutes until the next tick: mostly one soon after, now and then an outage of days or months.
waits = st.lists(
	st.one_of(st.integers(1, 5), st.integers(1, 2_000), st.integers(1, 200_000)), min_size=20, max_size=60
)


def library_times(cron: str, zone: ZoneInfo, until: datetime) -> set[datetime]:
	found: set[datetime] = set()
	times = croniter(cron, START.astimezone(zone).replace(tzinfo=None) - timedelta(days=1))
	while True:
		local = times.get_next(datetime)
		if local > until.astimezone(zone).replace(tzinfo=None):
			return {at for at in found if START < at <= until}
		shown = moments(local, zone)
		found |= set(shown[:1])


@settings(max_examples=25, deadline=None)
@given(
	crons, zones, waits, st.sampled_from(["skip", "run_once", "run_all"]), st.integers(1, 10), st.booleans()
)
def test_runs_are_the_librarys_times_but_for_those_given_up(cron, zone, jumps, missed, most, restarts):
	clock = VirtualClock(START, "America/Toronto")
	host = open_host(clock=clock, make_http=lambda outbox: None)
	definition = json.dumps(flow(step("only")))
	made = host.templates.insert({"template_name": "Yearly", "flow_definition": definition, "is_active": 1})
	name = schedules.create(
		host,
		{
			"schedule_name": "S",
			"flow_template": made["name"],
			"cron": cron,
			"timezone": zone,
			"missed_policy": missed,
			"missed_limit": most,
			"gap_policy": "skip",
			"jitter_minutes": 5,
		},
	)["schedule"]["name"]
	for place, minutes in enumerate(jumps):
		clock.move_to(clock.now() + timedelta(minutes=minutes))
		fire_due(host, 600)
		if restarts and place % 7 == 0:
			fire_due(host, 600)
	# What is spread has had its time as well.
	ended = clock.now()
	clock.move_to(ended + timedelta(minutes=5))
	fire_due(host, 600)
	fires = schedules.list_fires(host, name, 500)["fires"]
	keys = [row["trigger_key"] for row in host.database.rows("SELECT trigger_key FROM `tabFlow Run`")]
	fired = [datetime.strptime(key.rpartition(":")[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) for key in keys]
	given_up = sum(fire["missed_count"] for fire in fires)
	last = max([ended, *fired])
	wanted = library_times(cron, ZoneInfo(zone), last)
	assert len(fired) == len(set(fired))
	assert set(fired) <= wanted
	assert len(fired) + given_up == len(wanted)
	host.database.close()
