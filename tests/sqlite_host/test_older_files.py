"""A database file outlives the version that made it: waits of a year do."""

import sqlite3
from datetime import datetime, timedelta, timezone

from flow_engine.clock import VirtualClock
from flow_engine.engine.draining import drain, start_run
from flow_engine.engine.ports import NewRun
from flow_engine.sqlite_host.host import open_host
from flow_engine.sqlite_host.templates import store_definition
from flow_engine.testing.builders import flow, step

START = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
NEWER = {
	"tabFlow Run": ("cancel_reason", "parent_step"),
	"tabFlow Template": ("paused_reason", "recursion_limit"),
}


def test_a_file_that_lacks_newer_columns_gets_them_and_its_waits_go_on(tmp_path):
	path = str(tmp_path / "flows.sqlite3")
	clock = VirtualClock(START)
	host = open_host(path, clock=clock)
	year = step("later", "wait", when=("after_delay", {"delay_days": 365}))
	trigger = store_definition(host.templates, flow(year), "A year")
	new = NewRun(trigger.template, trigger.version, "manual", run_as=trigger.run_as)
	run = host.runs.transact(lambda: start_run(host, new))
	drain(host, 10, only=run)
	host.database.close()
	with sqlite3.connect(path) as older:
		for table, columns in NEWER.items():
			for column in columns:
				older.execute(f"ALTER TABLE `{table}` DROP COLUMN `{column}`")
	older.close()
	clock.move_to(START + timedelta(days=365, minutes=1))
	host = open_host(path, clock=clock)
	drain(host, 10, only=run)
	assert host.runs.read(run).status == "completed"
	host.templates.update("A year", {"notes": "still here"})
	host.database.close()
