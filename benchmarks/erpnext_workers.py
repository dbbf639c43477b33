"""Real workers of a bench on a queue of their own: how fast they work off a backlog, how soon they begin.

The backlog is made of runs whose only step is due and has no effect, written straight into the table. Beside
the speed stands what it was spent on: the machine's busy share while it lasted, and how long InnoDB made
anybody wait for a row. The site must have no other worker and no scheduler meanwhile.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Measurement, median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "native"))

from processes import Bench, eventually
from site_python import SitePython

BACKLOG = 10_000
RUNS_PER_SECOND = 500
FIRST_STEP_MS = 250
TITLE = "Benchmark of workers"


class Workers(Bench):
	def add_worker(self) -> None:
		known = int(self.redis("scard", "rq:workers") or 0)
		self._frappe("worker", "worker", "--queue", "short")
		eventually(lambda: int(self.redis("scard", "rq:workers") or 0) > known, "the worker listening")


def measure(root: Path, site: str, rounds: int) -> Iterator[Measurement]:
	with tempfile.TemporaryDirectory() as folder:
		bench = Workers(root, site, Path(folder))
		try:
			bench.start_queue()
			inside = SitePython(bench.python, bench.sites, site, bench.env)
			try:
				yield from _measure(bench, inside, rounds)
			finally:
				inside(REMOVE, title=TITLE)
				inside.stop()
		finally:
			bench.stop()


def _measure(bench: Workers, inside: SitePython, rounds: int) -> Iterator[Measurement]:
	inside(REMOVE, title=TITLE)
	template = inside(PUBLISH, title=TITLE)
	bench.add_worker()
	waits = inside(EVENTS, template=template, rounds=max(rounds, 9) + 1)[1:]
	yield Measurement(
		"erpnext: event to first step done, idle site, one worker",
		median(waits),
		"ms",
		f"{FIRST_STEP_MS} ms",
		median(waits) / FIRST_STEP_MS,
		"<= 1",
	)
	alone = [_work_off(bench, inside, template) for _ in range(max(rounds // 3, 3))]
	bench.add_worker()
	both = [_work_off(bench, inside, template) for _ in range(max(rounds // 3, 3))]
	speed = {workers: median([one["speed"] for one in found]) for workers, found in ((1, alone), (2, both))}
	for workers, found in ((1, alone), (2, both)):
		yield Measurement(
			f"erpnext: backlog of {BACKLOG:,} due pure steps, {workers} worker{'s' * (workers > 1)}",
			speed[workers],
			"runs/s",
			f"{RUNS_PER_SECOND} runs/s; machine {median([one['busy'] for one in found]):.0%} busy, "
			f"{median([one['waited'] for one in found]):.0f} ms of row lock waits",
			speed[workers] / RUNS_PER_SECOND,
			">= 1" if workers == 2 else "",
		)
	yield Measurement(
		"erpnext: backlog, what a second worker brings", speed[2] / speed[1], "times", "one worker"
	)


def _work_off(bench: Workers, inside: SitePython, template: str) -> dict[str, float]:
	# What the round before has queued must not begin before the clock does.
	eventually(lambda: inside(IS_IDLE), "the queue running empty")
	inside(MAKE_DUE, template=template, count=BACKLOG)
	locks = inside(ROW_LOCK_TIME)
	with busy_share() as busy:
		answer = inside(WATCH_BACKLOG, template=template)
	return {
		"speed": BACKLOG / answer,
		"busy": busy[0],
		"waited": inside(ROW_LOCK_TIME) - locks,
	}


@contextmanager
def busy_share() -> Iterator[list[float]]:
	"""How much of all cores' time was spent working, 0 to 1; 0 where the system does not say."""
	share = [0.0]
	before = _cpu_times()
	yield share
	worked, all_time = (after - earlier for after, earlier in zip(_cpu_times(), before, strict=True))
	share[0] = worked / all_time if all_time else 0.0


def _cpu_times() -> tuple[int, int]:
	try:
		times = [int(value) for value in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
	except OSError:
		return 0, 0
	idle = times[3] + times[4]
	return sum(times) - idle, sum(times)


PUBLISH = """
import json
step = {"id": "s1", "kind": "wait", "label": "Wait", "trigger": {"type": "on_flow_start"}, "payload": {},
	"parent_id": None, "branch": None, "depends_on": []}
trigger = {"event": "doc_event", "condition": "", "doctype": "ToDo", "doc_event": "after_insert"}
doc = frappe.get_doc({"doctype": "Flow Template", "template_name": title, "category": "other", "is_active": 1,
	"flow_definition": json.dumps({"version": 1, "trigger": trigger, "variables": {}, "steps": [step]})})
answer = doc.insert().name
"""

# Times are taken here: a process away they would be those of two pipes as well.
EVENTS = """
import time
answer = []
made = []
for _ in range(rounds):
	time.sleep(0.5)
	todo = frappe.get_doc({"doctype": "ToDo", "description": "Measured"}).insert()
	made.append(todo.name)
	began = time.perf_counter()
	frappe.db.commit()
	while not frappe.db.sql("select 1 from `tabFlow Run` where context_docname = %s and flow_template = %s"
		" and status = 'completed'", (todo.name, template)):
		if time.perf_counter() - began > 120:
			raise AssertionError("no worker took the run up")
		time.sleep(0.002)
		frappe.db.rollback()
	answer.append((time.perf_counter() - began) * 1e3)
frappe.db.delete("ToDo", {"name": ("in", made)})
"""

MAKE_DUE = """
from flow_engine.engine.ports import NewRun
from flow_engine.frappe_host.host import compose_host
frappe.db.delete("Flow Step Log", {"flow_run": ("like", "BENCH-%")})
frappe.db.delete("Flow Run", {"flow_template": template})
model = compose_host().runs.insert(NewRun(template, 1, "manual", run_as="Administrator"))
columns = [c for c in frappe.db.get_table_columns("Flow Run") if c not in ("name", "root_run")]
names = ", ".join(f"`{c}`" for c in columns)
frappe.db.sql(f"insert into `tabFlow Run` (name, root_run, {names}) select concat('BENCH-', seq),"
	f" concat('BENCH-', seq), {names} from seq_1_to_{int(count)} join `tabFlow Run` on name = %s", model)
frappe.db.delete("Flow Run", {"name": model})
"""

WATCH_BACKLOG = """
import time
from flow_engine.frappe_host.tick import tick
began = time.perf_counter()
assert tick()["due"] == frappe.db.count("Flow Run", {"flow_template": template})
while frappe.db.sql("select 1 from `tabFlow Run` where flow_template = %s and wake_at is not null limit 1",
	template):
	if time.perf_counter() - began > 300:
		raise AssertionError("the backlog was not worked off")
	time.sleep(0.02)
	frappe.db.rollback()
answer = time.perf_counter() - began
assert not frappe.db.count("Flow Run", {"flow_template": template, "status": ("!=", "completed")})
"""

IS_IDLE = """
from frappe.utils.background_jobs import get_queue
from flow_engine.frappe_host.queued_drains import count_drains
found = count_drains(get_queue("short"), frappe.local.site)
answer = not found.waiting and not found.running
"""

ROW_LOCK_TIME = "int(frappe.db.sql(\"show global status like 'Innodb_row_lock_time'\")[0][1])"

REMOVE = """
for name in frappe.get_all("Flow Template", {"template_name": title}, pluck="name"):
	runs = frappe.get_all("Flow Run", {"flow_template": name}, pluck="name")
	for start in range(0, len(runs), 1000):
		frappe.db.delete("Flow Step Log", {"flow_run": ("in", runs[start : start + 1000])})
	for table in ("Flow Run", "Flow Template Version", "Flow Audit Event"):
		frappe.db.delete(table, {"flow_template": name})
	frappe.db.delete("Flow Template", {"name": name})
from flow_engine.frappe_host.events import forget_triggers
forget_triggers()
"""
