"""Run the native suite on a real ERPNext site, and leave a record of it.

Finds the bench (`FRAPPE_BENCH`, default ~/frappe-bench) and its site (`FRAPPE_SITE`, else the bench's
default), starts that bench's MariaDB and Redis if they are down, makes this checkout the one the bench runs,
keeps the bench's own scheduler and workers off the site meanwhile, and runs every native test. Writes
`.native-run.json`: `{tree, site, versions, passed, failed, skipped, seconds}`. Without a bench it says so and
leaves nothing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "native"))

from alone import SiteIsBusy, site_to_itself
from processes import Bench

REPO = Path(__file__).resolve().parent.parent
RECORD = REPO / ".native-run.json"
APP = "flow_engine"


def main() -> int:
	bench = Path(os.environ.get("FRAPPE_BENCH") or Path.home() / "frappe-bench").expanduser()
	if not (bench / "sites").is_dir() or not (bench / "env" / "bin" / "python").exists():
		print(f"The native suite did not run: there is no bench at {bench} (set FRAPPE_BENCH to name one).")
		return 0
	RECORD.unlink(missing_ok=True)
	started = time.monotonic()
	config = json.loads((bench / "sites" / "common_site_config.json").read_text())
	site = site_of(bench, config)
	if not site:
		print(
			f"The native suite did not run: the bench at {bench} has no site (set FRAPPE_SITE to name one)."
		)
		return 1
	start_services(bench, config)
	try:
		with this_checkout(bench):
			prepare(bench, site)
			with site_to_itself(bench, site), tempfile.TemporaryDirectory() as folder:
				outcome = run_site_tests(bench, site, Path(folder))
				add(outcome, run_browser_tests(bench, site, Path(folder)))
	except SiteIsBusy as error:
		print(f"The native suite did not run. {error}")
		return 1
	record = {
		"tree": tree_of(REPO),
		"site": site,
		"versions": versions(bench),
		**outcome,
		"seconds": round(time.monotonic() - started),
	}
	RECORD.write_text(json.dumps(record, indent=1) + "\n")
	print(
		f"Native suite on {site} ({', '.join(f'{k} {v}' for k, v in record['versions'].items())}), tree "
		f"{record['tree']}"
	)
	print(f"{outcome['passed']} passed, {outcome['failed']} failed, {outcome['skipped']} skipped")
	return 1 if outcome["failed"] or not outcome["passed"] else 0


def site_of(bench: Path, config: dict) -> str | None:
	current = bench / "sites" / "currentsite.txt"
	named = os.environ.get("FRAPPE_SITE") or config.get("default_site")
	return named or (current.read_text().strip() if current.exists() else None)


# --- services -----------------------------------------------------------------------------------------------


def start_services(bench: Path, config: dict) -> None:
	"""MariaDB and both Redis, if nobody listens where the bench expects them."""
	host, port = config.get("db_host") or "127.0.0.1", int(config.get("db_port") or 3306)
	if not listens(host, port):
		print("Starting MariaDB …", flush=True)
		if shutil.which("service"):
			quietly(["service", "mariadb", "start"])
		if not wait_for(host, port, 20) and shutil.which("mysqld_safe"):
			subprocess.Popen(
				["mysqld_safe"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
			)
		if not wait_for(host, port, 60):
			sys.exit(f"MariaDB does not answer on {host}:{port}.")
	for name in ("redis_cache", "redis_queue"):
		found = re.match(r"rediss?://(?:[^@/]*@)?([^:/]+):(\d+)", config.get(name) or "")
		if not found:
			continue
		host, port = found[1], int(found[2])
		if not listens(host, port):
			print(f"Starting {name} …", flush=True)
			file = bench / "config" / f"{name}.conf"
			subprocess.Popen(
				["redis-server", *([str(file)] if file.exists() else ["--port", str(port)])],
				cwd=bench,
				stdout=subprocess.DEVNULL,
				stderr=subprocess.DEVNULL,
				start_new_session=True,
			)
			if not wait_for(host, port, 30):
				sys.exit(f"{name} does not answer on {host}:{port}.")


def listens(host: str, port: int) -> bool:
	try:
		with socket.create_connection((host, port), timeout=1):
			return True
	except OSError:
		return False


def wait_for(host: str, port: int, seconds: float) -> bool:
	until = time.monotonic() + seconds
	while time.monotonic() < until:
		if listens(host, port):
			return True
		time.sleep(0.3)
	return False


# --- the checkout under test --------------------------------------------------------------------------------


@contextmanager
def this_checkout(bench: Path):
	"""For the duration, the bench's app is this checkout; afterwards what it was before."""
	link = bench / "apps" / APP
	before = os.readlink(link) if link.is_symlink() else None
	if before is None and link.exists():
		if link.resolve() != REPO:
			sys.exit(f"{link} is a folder of its own: remove it, or run the suite from there.")
		yield
		return
	if before is None or Path(before).resolve() != REPO:
		link.unlink(missing_ok=True)
		link.symlink_to(REPO)
	try:
		yield
	finally:
		if before is not None and Path(before).resolve() != REPO and Path(before).exists():
			link.unlink(missing_ok=True)
			link.symlink_to(before)


def environment() -> dict[str, str]:
	"""The bench's Python finds this checkout first, whatever was installed into it before."""
	return {**os.environ, "PYTHONPATH": str(REPO), "PYTHONDONTWRITEBYTECODE": "1"}


def frappe(bench: Path, *arguments: str, **options) -> subprocess.CompletedProcess:
	python = bench / "env" / "bin" / "python"
	return subprocess.run(
		[str(python), "-m", "frappe.utils.bench_helper", "frappe", *arguments],
		cwd=bench / "sites",
		**{"env": environment(), **options},
	)


def prepare(bench: Path, site: str) -> None:
	"""The app is installed on the site, with this checkout's requirements and DocTypes."""
	python = str(bench / "env" / "bin" / "python")
	probe = subprocess.run(
		[python, "-c", "import json_logic, jsonschema, flow_engine"],
		env=environment(),
		cwd=bench,
		capture_output=True,
	)
	if probe.returncode:
		print("Installing the app's requirements into the bench …", flush=True)
		quietly([python, "-m", "pip", "install", "-q", "-e", str(bench / "apps" / APP)])
	apps_file = bench / "sites" / "apps.txt"
	apps = apps_file.read_text().split()
	if APP not in apps:
		apps_file.write_text("\n".join([*apps, APP]) + "\n")
	installed = frappe(bench, "--site", site, "list-apps", capture_output=True, text=True).stdout
	if APP not in installed:
		print(f"Installing the app on {site} …", flush=True)
		checked(frappe(bench, "--site", site, "install-app", APP))
	else:
		print(f"Migrating {site} …", flush=True)
		checked(frappe(bench, "--site", site, "migrate", "--skip-search-index", stdout=subprocess.DEVNULL))
	checked(frappe(bench, "--site", site, "set-config", "allow_tests", "true"))
	print("Building the desk's bundles …", flush=True)
	checked(frappe(bench, "build", "--app", APP, stdout=subprocess.DEVNULL))


def checked(result: subprocess.CompletedProcess) -> None:
	if result.returncode:
		sys.exit(f"{' '.join(map(str, result.args[3:]))} failed with exit code {result.returncode}.")


def quietly(command: list[str]) -> int:
	return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


# --- the tests ----------------------------------------------------------------------------------------------


def run_site_tests(bench: Path, site: str, folder: Path) -> dict[str, int]:
	"""Everything that bench itself collects from the app. What these tests queue, no worker of the bench
	takes."""
	report = folder / "site.xml"
	print("Running the site's tests …", flush=True)
	own = Bench(bench, site, folder)
	try:
		own.start_queue()
		command = ("run-tests", "--app", APP, "--junit-xml-output", str(report))
		result = frappe(bench, "--site", site, *command, env={**environment(), **own.queue_env})
	finally:
		own.stop()
	return read_report(report, result.returncode)


def run_browser_tests(bench: Path, site: str, folder: Path) -> dict[str, int]:
	"""What needs the bench's own web server, worker and a browser: tests/native."""
	if not any((REPO / "tests" / "native").glob("test_*.py")):
		return {"passed": 0, "failed": 0, "skipped": 0}
	report = folder / "native.xml"
	print("Running the tests over HTTP, with workers and in the browser …", flush=True)
	result = subprocess.run(
		[sys.executable, "-m", "pytest", "tests/native", "-p", "no:cacheprovider", f"--junit-xml={report}"],
		cwd=REPO,
		env={**environment(), "FRAPPE_BENCH": str(bench), "FRAPPE_SITE": site},
	)
	return read_report(report, result.returncode)


def read_report(report: Path, returncode: int) -> dict[str, int]:
	"""Counts of a JUnit report; a run that left none, or that failed without saying where, counts as a
	failure."""
	counts = {"passed": 0, "failed": 0, "skipped": 0}
	if not report.exists() or not report.read_text().strip():
		counts["failed"] = 1
		return counts
	root = ElementTree.parse(report).getroot()
	for suite in root.iter("testsuite"):
		total = int(suite.get("tests") or 0)
		failed = int(suite.get("failures") or 0) + int(suite.get("errors") or 0)
		skipped = int(suite.get("skipped") or suite.get("skip") or 0)
		counts["passed"] += total - failed - skipped
		counts["failed"] += failed
		counts["skipped"] += skipped
	if returncode and not counts["failed"]:
		counts["failed"] = 1
	return counts


def add(counts: dict[str, int], more: dict[str, int]) -> None:
	for key, value in more.items():
		counts[key] += value


def versions(bench: Path) -> dict[str, str]:
	found = {}
	for app in ("frappe", "erpnext"):
		text = (bench / "apps" / app / app / "__init__.py").read_text()
		match = re.search(r"__version__\s*=\s*[\"']([^\"']+)", text)
		found[app] = match[1] if match else "unknown"
	return found


def tree_of(repo: Path) -> str:
	"""The hash git would give these files: the committed tree's when nothing is changed."""
	with tempfile.TemporaryDirectory() as folder:
		env = {**os.environ, "GIT_INDEX_FILE": str(Path(folder) / "index")}
		subprocess.run(["git", "read-tree", "HEAD"], cwd=repo, env=env, check=True, capture_output=True)
		subprocess.run(["git", "add", "-A"], cwd=repo, env=env, check=True, capture_output=True)
		done = subprocess.run(
			["git", "write-tree"], cwd=repo, env=env, check=True, capture_output=True, text=True
		)
	return done.stdout.strip()


if __name__ == "__main__":
	sys.exit(main())
