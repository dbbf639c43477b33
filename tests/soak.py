"""A soak of a bench: flows made by chance run for half an hour while workers, connections, the database and
Redis die.

`make soak` starts it; FRAPPE_BENCH and FRAPPE_SITE name the bench and the site. Where MariaDB can be started,
it works on a copy of the database on a server of its own, and so with Redis; both are killed too. Where
it cannot, it says so, works on the site itself, which nobody may need meanwhile, and cuts connections only.
SOAK_MINUTES (30), SOAK_WORKERS (2) and SOAK_SEED (by chance, printed) may be set. Before anything dies each
flow has one run to its end. At the end everything is counted from outside: documents by subject in the
database, calls by key at the receiver, and runs of one flow against each other. The last line is the summary
as JSON; the exit code says whether anything was lost or happened twice.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "native"))
sys.path.insert(0, str(Path(__file__).parent))

from counting_receiver import CountingReceiver
from own_servers import OwnServers, why_not
from processes import REPO, Bench, descendants
from site_python import SiteError, SitePython

from flow_engine.testing.generated_flows import BUSY_ONCE, generate, steps_that_wait_for_a_call

FLOWS = 12
# Minutes that a delay takes.
DELAYS = (0.05, 0.5, 1.5)
PATIENCE_SECONDS = 900
# Runs that may be under way before new ones are held back: the soak is about crashes, not about backlog.
UNDER_WAY = 120


class Soak:
	def __init__(
		self,
		bench: Bench,
		site: SitePython,
		receiver: CountingReceiver,
		seed: int,
		workers: int,
		servers: OwnServers | None = None,
	):
		self.bench, self.site, self.receiver, self.servers = bench, site, receiver, servers
		self.random = random.Random(seed)
		self.mark = f"Soak {seed:x} {int(time.time()):x}"
		self.workers = [self._new_worker() for _ in range(workers)]
		self.seen: Counter[str] = Counter()
		self.flows: list[tuple[str, dict[str, Any]]] = []
		self.runs: dict[str, dict[str, Any]] = {}
		self.to_call: list[tuple[str, str]] = []

	def _new_worker(self) -> Any:
		return self.bench._frappe("soak-worker", "worker", "--queue", "short,default")

	def publish(self, flows: int = FLOWS, delays: tuple[float, ...] = DELAYS) -> None:
		self.site(SETTLE_IN)
		for place in range(flows):
			seed = self.random.randrange(10**9)
			delay = {"delay_minutes": self.random.choice(delays)}
			definition = generate(
				seed, self.receiver.url, size=self.random.randint(9, 16), delay=delay, operated=False
			)
			name = self.site(PUBLISH, title=f"{self.mark} {place}", definition=json.dumps(definition))
			self.flows.append((name, definition))
			print(f"flow {name}: seed {seed}, {len(definition['steps'])} steps", flush=True)

	# --- what happens meanwhile -----------------------------------------------------------------------------

	def calm(self) -> None:
		"""One run of each flow to its end while nothing dies: what the others have to end like."""
		for flow, definition in self.flows:
			mark = f"{self.mark}.{len(self.runs)}"
			self.runs[mark] = {"flow": flow, "definition": definition}
		self.settle()

	def plan(self) -> list[tuple[Any, float, float]]:
		"""What happens, and every how many seconds."""
		accidents = [
			(self.kill_a_worker, 4, 12),
			(self.cut_connections, 10, 25),
			(self.flush_the_queue, 20, 60),
		]
		if self.servers is not None:
			accidents += [(self.restart_the_database, 40, 90), (self.stop_redis, 50, 120)]
		return [*self.work(), *accidents]

	def work(self) -> list[tuple[Any, float, float]]:
		return [
			(self.start_some, 0.5, 2),
			(self.call_some, 1, 3),
			(self.tick, 10, 15),
			(self.see_to_the_workers, 1, 3),
		]

	def go(self, minutes: float, plan: list[tuple[Any, float, float]] | None = None) -> None:
		until = time.monotonic() + minutes * 60
		plan = plan or self.plan()
		due = [(time.monotonic() + self.random.uniform(low, high), act, low, high) for act, low, high in plan]
		reported = time.monotonic()
		while time.monotonic() < until:
			due.sort(key=lambda entry: entry[0])
			at, act, low, high = due[0]
			time.sleep(max(at - time.monotonic(), 0))
			self._try(act)
			due[0] = (time.monotonic() + self.random.uniform(low, high), act, low, high)
			if time.monotonic() - reported > 60:
				reported = time.monotonic()
				left = int((until - reported) / 60)
				print(f"{left} minutes left: {len(self.runs)} runs, {dict(self.seen)}", flush=True)

	def _try(self, act: Any) -> None:
		try:
			act()
		except SiteError as error:
			# The soak's own process lives among the same accidents as everybody else.
			self.seen["own_calls_failed"] += 1
			print(str(error).strip().splitlines()[-1][:200], flush=True)

	def start_some(self) -> None:
		if self.site(COUNT_UNDER_WAY, flows=[name for name, _ in self.flows]) > UNDER_WAY:
			self.seen["starts_held_back"] += 1
			return
		for _ in range(self.random.randint(1, 3)):
			flow, definition = self.random.choice(self.flows)
			mark = f"{self.mark}.{len(self.runs)}"
			# Known before it is asked for: a start whose answer is lost is asked for again, with its key.
			self.runs[mark] = {"flow": flow, "definition": definition}
			self._begin(mark)

	def _begin(self, mark: str) -> None:
		run = self.site(START, flow=self.runs[mark]["flow"], mark=mark)
		self.runs[mark]["run"] = run
		calls = [(run, step) for step in steps_that_wait_for_a_call(self.runs[mark]["definition"])]
		self.to_call += self.random.sample(calls, len(calls))

	def call_some(self) -> None:
		"""Other systems answer, sometimes before they are asked."""
		while self.to_call and self.random.random() < 0.8:
			run, step = self.to_call[0]
			self.site(COMPLETE, run=run, step=step)
			self.to_call.pop(0)

	def tick(self) -> None:
		self.site(TICK)
		self.seen["ticks"] += 1

	def kill_a_worker(self) -> None:
		"""With everything it had forked, or only the process that holds the job."""
		place = self.random.randrange(len(self.workers))
		worker = self.workers[place]
		horses = descendants(worker.pid)
		self.seen["kills"] += 1
		self.seen["kills_at_work"] += bool(horses)
		if horses and self.random.random() < 0.4:
			for horse in horses:
				try:
					os.kill(horse, 9)
				except ProcessLookupError:
					pass
			return
		self.bench.kill(worker)
		self.workers[place] = self._new_worker()

	def see_to_the_workers(self) -> None:
		"""As a supervisor does: what has ended by itself is started again."""
		for place, worker in enumerate(self.workers):
			if worker.poll() is not None:
				self.seen["workers_that_ended"] += 1
				self.workers[place] = self._new_worker()

	def restart_the_database(self) -> None:
		"""Mostly as by a power cut. People go on working, or try to."""
		assert self.servers is not None
		if self.random.random() < 0.75:
			self.servers.kill_database()
			self.seen["database_kills"] += 1
		else:
			self.servers.stop_database()
			self.seen["database_stops"] += 1
		self._meanwhile()
		self.servers.start_database()

	def stop_redis(self) -> None:
		"""Queue and cache are gone, and come back empty. What is saved meanwhile is nobody told of."""
		assert self.servers is not None
		self.servers.stop_redis()
		self.seen["redis_stops"] += 1
		self._meanwhile()
		self.servers.start_redis()

	def _meanwhile(self) -> None:
		until = time.monotonic() + self.random.uniform(0.2, 5)
		self._try(self.start_some)
		time.sleep(max(until - time.monotonic(), 0))

	def cut_connections(self) -> None:
		self.seen["connections_cut"] += self.site(CUT)

	def flush_the_queue(self) -> None:
		self.bench.redis("FLUSHALL")
		self.seen["queue_flushes"] += 1

	# --- the end --------------------------------------------------------------------------------------------

	def settle(self) -> None:
		"""Nothing dies any more: everything that was started comes to its end."""
		until = time.monotonic() + PATIENCE_SECONDS
		while time.monotonic() < until:
			self.see_to_the_workers()
			for mark, known in self.runs.items():
				if "run" not in known:
					self._begin(mark)
			while self.to_call:
				run, step = self.to_call[0]
				self.site(COMPLETE, run=run, step=step)
				self.to_call.pop(0)
			self._try(self.tick)
			left = self.site(COUNT_UNDER_WAY, flows=[name for name, _ in self.flows])
			if not left:
				return
			print(f"{left} runs to end", flush=True)
			time.sleep(5)

	def count(self) -> dict[str, Any]:
		found = {entry["mark"]: entry for entry in self.site(LOOK, flows=[name for name, _ in self.flows])}
		subjects = Counter(dict(self.site(SUBJECTS, mark=self.mark)))
		result: Counter[str] = Counter()
		incidents: Counter[str] = Counter()
		shapes: dict[str, Counter[str]] = {}
		examples: list[str] = []

		def wrong(what: str, where: str) -> None:
			result[what] += 1
			examples.append(f"{what}: {where}")

		for mark, known in self.runs.items():
			run = found.pop(mark, None)
			if run is None or run["status"] == "running":
				wrong("lost", f"run of {mark}")
				continue
			result["runs"] += 1
			clean = True
			for step in known["definition"]["steps"]:
				state = run["steps"][step["id"]]
				result["steps"] += state["status"] in ("done", "failed")
				if state["status"] == "failed":
					clean = False
					incidents[state["code"]] += 1
				self._count_effects(mark, run["name"], step, state, subjects, result, wrong)
			if clean:
				shape = json.dumps({k: v["status"] for k, v in run["steps"].items()}, sort_keys=True)
				shapes.setdefault(known["flow"], Counter())[shape] += 1
		for mark in found:
			wrong("duplicates", f"run nobody started: {mark}")
		for flow, kinds in shapes.items():
			if len(kinds) > 1:
				wrong("lost", f"runs of {flow} that ended unlike each other: {dict(kinds)}")
		return {
			**self.seen,
			**result,
			"duplicates": result["duplicates"],
			"lost": result["lost"],
			"incidents": dict(incidents),
			"examples": examples[:20],
		}

	def _count_effects(self, mark, run, step, state, subjects, result, wrong) -> None:
		done = state["status"] == "done"
		if step["kind"] == "issue":
			many = subjects[f"{mark}/{step['id']}"]
			result["documents"] += many
			if many > 1 or (many and not done):
				wrong("duplicates", f"{many} documents of {run} {step['id']} ({state['status']})")
			if done and not many:
				wrong("lost", f"document of {run} {step['id']}")
		elif step["kind"] == "webhook":
			key = f"{self.bench.site}:{run}:{step['id']}"
			arrived, acted = self.receiver.arrivals[key], self.receiver.effects[key]
			result["calls"] += arrived
			repeatable = step["payload"]["method"] == "PUT"
			if repeatable:
				result["calls_repeated_with_their_key"] += max(acted - 1, 0)
			if (acted > 1 and not repeatable) or (acted and state["status"] not in ("done", "failed")):
				wrong("duplicates", f"{acted} calls of {run} {step['id']} ({state['status']})")
			if done and not acted:
				wrong("lost", f"call of {run} {step['id']}")
			if not done and state["code"] == "outcome_unknown":
				result[
					"unknown_outcomes_that_had_happened" if acted else "unknown_outcomes_that_had_not"
				] += 1


SETTLE_IN = """
doc = frappe.get_doc("Flow Engine Settings")
doc.update({"allowed_private_hosts": "127.0.0.1", "disabled": 0})
doc.save()
"""

PUBLISH = """
answer = frappe.get_doc({"doctype": "Flow Template", "template_name": title, "category": "other",
	"flow_definition": definition, "is_active": 1}).insert().name
"""

START = """
from flow_engine.engine.errors import DuplicateTrigger
from flow_engine.frappe_host.host import get_host
from flow_engine.service.doors import start
try:
	answer = start(get_host(), get_host().templates, flow, variables={"mark": mark}, key=mark)["run"]
except DuplicateTrigger:
	frappe.db.rollback()
	answer = frappe.db.get_value("Flow Run", {"trigger_key": f"api:{flow}:{mark}"})
"""

COMPLETE = """
from flow_engine.engine.errors import RunFinal, StepNotWaiting
from flow_engine.engine.interventions import complete_step
from flow_engine.frappe_host.host import get_host
try:
	complete_step(get_host(), run, step, {"answer": 1}, by_webhook=True)
except (RunFinal, StepNotWaiting):  # it was skipped: nobody waits
	pass
"""

TICK = """
from flow_engine.frappe_host.tick import tick
answer = tick()
"""

COUNT_UNDER_WAY = """
answer = frappe.db.count("Flow Run", {"flow_template": ("in", flows), "status": "running"})
"""

CUT = """
answer = 0
for (number,) in frappe.db.sql("select id from information_schema.processlist where db = database()"
		" and id != connection_id()"):
	try:
		frappe.db.sql(f"KILL {int(number)}")
		answer += 1
	except Exception:
		pass
"""

LOOK = """
import json
from flow_engine.engine.session import Session
from flow_engine.frappe_host.host import get_host
host, answer = get_host(), []
for name in frappe.get_all("Flow Run", {"flow_template": ("in", flows)}, pluck="name"):
	record = host.runs.read(name)
	session = Session(host, record)
	states = {step.id: session.state(step.id) for step in session.definition.steps}
	answer.append({"name": name, "mark": record.variables["mark"], "status": record.status, "steps": {
		k: {"status": v.status.value, "code": (v.error or {}).get("code")} for k, v in states.items()}})
"""

SUBJECTS = """
answer = frappe.db.sql("select subject, count(*) from `tabIssue` where subject like %s group by subject",
	(mark + "%",))
"""

REMOVE = """
issues = frappe.get_all("Issue", {"subject": ("like", mark + "%")}, pluck="name")
runs = frappe.get_all("Flow Run", {"flow_template": ("in", flows)}, pluck="name") or [""]
for doctype, field in (("Flow Step Pending", "flow_run"), ("Flow Step Log", "flow_run"),
		("Flow Run Document", "parent"), ("Notification Log", "document_name"), ("Flow Run", "name")):
	frappe.db.delete(doctype, {field: ("in", runs)})
frappe.db.delete("Issue", {"name": ("in", issues or [""])})
frappe.db.delete("Flow Template Version", {"flow_template": ("in", flows)})
frappe.db.delete("Flow Template", {"name": ("in", flows)})
frappe.clear_cache()
"""


def commit() -> str:
	"""What was soaked; `+` when the checkout had changes that are in no commit."""

	def git(*arguments: str) -> str:
		done = subprocess.run(["git", *arguments], cwd=REPO, capture_output=True, text=True)
		return done.stdout.strip()

	changed = git("status", "--porcelain", "--untracked-files=no", "--", "flow_engine")
	return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


def main() -> int:
	root, name = os.environ.get("FRAPPE_BENCH"), os.environ.get("FRAPPE_SITE")
	if not root or not name:
		print("FRAPPE_BENCH and FRAPPE_SITE name the bench and the site.", file=sys.stderr)
		return 2
	minutes = float(os.environ.get("SOAK_MINUTES") or 30)
	seed = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(10**6))
	print(f"seed {seed}, {minutes:g} minutes on {name}", flush=True)
	logs = Path(tempfile.mkdtemp(prefix="flow-engine-soak-"))
	bench = Bench(Path(root).expanduser(), name, logs)
	receiver = CountingReceiver(seed, drop=0.01, slow=0.3, paths={BUSY_ONCE: 1})
	site = None
	servers = None if why_not() else OwnServers(bench, logs)
	try:
		if servers is None:
			print(f"MariaDB and Redis are not killed. {why_not()}", flush=True)
		else:
			servers.make()
		bench.start_queue()
		site = SitePython(bench.python, bench.sites, name, bench.env)
		workers = int(os.environ.get("SOAK_WORKERS") or 2)
		soak = Soak(bench, site, receiver, seed, workers, servers)
		soak.publish()
		soak.calm()
		began = time.monotonic()
		soak.go(minutes)
		soak.settle()
		summary = {
			"commit": commit(),
			"seed": seed,
			"minutes": round((time.monotonic() - began) / 60, 1),
			"workers": workers,
			"own_servers": servers is not None,
			**soak.count(),
		}
		if servers is None:
			site(REMOVE, mark=soak.mark, flows=[flow for flow, _ in soak.flows])
	finally:
		bench.stop()
		receiver.stop()
		if site:
			site.stop()
		if servers:
			servers.stop()
	print(f"logs of the processes: {logs}")
	print(json.dumps(summary))
	return 1 if summary["lost"] or summary["duplicates"] else 0


if __name__ == "__main__":
	sys.exit(main())
