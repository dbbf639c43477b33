"""Which way the arrows point, and what may stand where: read from the sources."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "flow_engine"
LINKED = PACKAGE / "doctype"
# What reaches beyond the process, or reads its clock.
NETWORK = (
	"requests",
	"urllib3",
	"httpx",
	"aiohttp",
	"socket",
	"ssl",
	"http",
	"smtplib",
	"asyncio",
	"urllib.request",
)
CLOCKS = ("time", "random", "secrets", "uuid", "os", "subprocess", "threading", "multiprocessing")
OUTER = (
	"frappe_host",
	"sqlite_host",
	"service",
	"api",
	"commands",
	"cli",
	"hooks",
	"install",
	"patches",
	"outbound",
)
HOSTS = ("frappe_host", "sqlite_host")
MAX_LINES = 500


@cache
def modules() -> dict[str, Path]:
	"""Dotted name → file; the linked folder and a site's own tests left out."""
	found = {}
	for path in sorted(PACKAGE.rglob("*.py")):
		if LINKED in path.parents or "tests" in path.parts or path.name.startswith("test_"):
			continue
		parts = path.relative_to(ROOT).with_suffix("").parts
		found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
	return found


@cache
def tree(path: Path) -> ast.Module:
	return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def imports(name: str) -> frozenset[str]:
	"""Dotted names a module imports, wherever in it; `from a import b` gives both `a` and `a.b`."""
	path = modules()[name]
	package = name if path.name == "__init__.py" else name.rpartition(".")[0]
	found = set()
	for node in ast.walk(tree(path)):
		if isinstance(node, ast.Import):
			found |= {alias.name for alias in node.names}
		elif isinstance(node, ast.ImportFrom):
			base = node.module or ""
			if node.level:
				above = package.split(".")[: len(package.split(".")) - node.level + 1]
				base = ".".join([*above, base]).rstrip(".")
			found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
	return frozenset(found)


def within(prefix: str) -> list[str]:
	return [name for name in modules() if name == prefix or name.startswith(prefix + ".")]


def forbidden(names: list[str], targets: tuple[str, ...]) -> list[str]:
	return sorted(
		f"{name} imports {imported}"
		for name in names
		for imported in imports(name)
		if any(imported == target or imported.startswith(target + ".") for target in targets)
	)


def ours(*parts: str) -> tuple[str, ...]:
	return tuple(f"flow_engine.{part}" for part in parts)


# --- arrows ---------------------------------------------------------------------------------------


def test_there_is_something_to_look_at():
	assert len(within("flow_engine.engine")) > 20


def test_the_engine_imports_no_host_and_nothing_that_depends_on_it():
	assert (
		forbidden(within("flow_engine.engine"), ours(*OUTER, "flow_engine", "store", "testing", "clock"))
		== []
	)


@pytest.mark.parametrize(
	"target", ["frappe", "erpnext", "sqlite3", "werkzeug", "redis", "rq", *NETWORK, *CLOCKS]
)
def test_the_engine_has_no_database_no_network_no_clock_and_no_chance(target):
	assert forbidden(within("flow_engine.engine"), (target,)) == []


def test_the_engine_asks_nothing_for_the_time():
	calls = [
		f"{name}:{node.lineno}"
		for name in within("flow_engine.engine")
		for node in ast.walk(tree(modules()[name]))
		if isinstance(node, ast.Attribute)
		and node.attr in ("now", "utcnow", "today")
		and isinstance(node.value, ast.Name)
		and node.value.id in ("datetime", "date")
	]
	assert calls == []


@pytest.mark.parametrize("part", ["service", "store"])
def test_what_the_hosts_share_imports_no_host_and_no_frappe(part):
	targets = (*ours(*HOSTS, "api", "flow_engine"), "frappe", "erpnext", "sqlite3")
	assert forbidden(within(f"flow_engine.{part}"), targets) == []


def test_outbound_calls_know_no_host():
	targets = (*ours(*HOSTS, "api", "service", "store", "flow_engine"), "frappe", "sqlite3")
	assert forbidden(within("flow_engine.outbound"), targets) == []


def test_the_hosts_do_not_know_each_other():
	assert (
		forbidden(within("flow_engine.sqlite_host"), (*ours("frappe_host", "api", "flow_engine"), "frappe"))
		== []
	)
	assert forbidden(within("flow_engine.frappe_host"), (*ours("sqlite_host", "api"), "sqlite3")) == []


def test_the_contract_knows_ports_only():
	targets = (*ours(*HOSTS, "api", "service", "store"), "frappe", "sqlite3")
	names = [
		*within("flow_engine.testing.contract"),
		"flow_engine.testing.host_contract",
		"flow_engine.testing.builders",
	]
	assert forbidden(names, targets) == []


def test_only_hooks_by_name_lead_into_the_frappe_host():
	assert imports("flow_engine.hooks") == frozenset()


def test_there_is_no_circle_among_the_engines_modules():
	"""At import time: what a function imports when it is called is a choice made in that function."""

	def top(name):
		found = set()
		nodes = [n for n in tree(modules()[name]).body if isinstance(n, ast.Import | ast.ImportFrom)]
		for node in nodes:
			if isinstance(node, ast.Import):
				found |= {alias.name for alias in node.names}
			else:
				parts = {f"{node.module}.{alias.name}" for alias in node.names}
				found |= parts if parts & modules().keys() else {node.module or ""}
		return found & set(within("flow_engine.engine"))

	graph = {name: top(name) - {name} for name in within("flow_engine.engine")}
	while leaves := [name for name, needs in graph.items() if not needs & graph.keys()]:
		for leaf in leaves:
			del graph[leaf]
	assert graph == {}


# --- the symlink ----------------------------------------------------------------------------------


def test_the_linked_folder_is_a_relative_symlink_and_never_imported():
	assert LINKED.is_symlink()
	assert not Path(LINKED.readlink()).is_absolute()
	assert LINKED.resolve() == (PACKAGE / "flow_engine" / "doctype").resolve()
	assert forbidden(list(modules()), ("flow_engine.doctype",)) == []
	texts = [p for name, p in modules().items() if re.search(r"[\"']flow_engine\.doctype\.", p.read_text())]
	assert texts == []


def test_the_linked_folder_is_not_packaged():
	assert '"flow_engine.doctype"' in (ROOT / "setup.py").read_text()


# --- what may stand in a source file --------------------------------------------------------------


def test_nothing_in_the_package_evaluates_code():
	found = []
	for name, path in modules().items():
		for node in ast.walk(tree(path)):
			if isinstance(node, ast.Call):
				function = node.func
				called = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
				if (
					isinstance(function, ast.Name) and called in ("eval", "exec", "compile", "__import__")
				) or called in (
					"safe_eval",
					"safe_exec",
					"literal_eval",
				):
					found.append(f"{name}:{node.lineno} {called}")
	assert found == []


# The engine's own tables in SQL, that is: statements, not prose.
_STATEMENT = re.compile(
	r"\b(SELECT\s+.+\s+FROM|INSERT\s+(OR\s+IGNORE\s+)?INTO|UPDATE\s+`|DELETE\s+FROM|REPLACE\s+INTO)\b",
	re.S | re.I,
)
# Where SQL lives: the run protocol's one home and the hosts' stores; beside them what a host keeps for
# itself.
_SQL_HOMES = re.compile(
	r"flow_engine\.(store(\.\w+)?|sqlite_host\.\w+|frappe_host\.\w+|install|patches\.\w+\.\w+"
	r"|flow_engine\.doctype\.\w+\.\w+|commands(\.\w+)?)"
)


def _texts(path):
	docs = {
		id(node.body[0].value)
		for node in ast.walk(tree(path))
		if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
		and node.body
		and isinstance(node.body[0], ast.Expr)
	}
	for node in ast.walk(tree(path)):
		if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
			yield node


def test_sql_stands_in_stores_and_hosts_only():
	found = [
		f"{name}:{node.lineno}"
		for name, path in modules().items()
		if not _SQL_HOMES.fullmatch(name)
		for node in _texts(path)
		if _STATEMENT.search(node.value)
	]
	assert found == []


def test_the_run_protocols_statements_stand_once():
	"""What claims, fences or logs is in the one store: a second writer of its columns is a second
	protocol."""
	columns = re.compile(r"\b(SET|UPDATE)\b.*\b(lease_token|lease_until|state_seq|log_seq)\b", re.S)
	found = {name for name, path in modules().items() for node in _texts(path) if columns.search(node.value)}
	assert found <= {f"flow_engine.store.{part}" for part in ("runs", "claims", "deliveries")}


def test_no_module_is_a_table_of_contents():
	long = {name: len(path.read_text().splitlines()) for name, path in modules().items()}
	assert {name: lines for name, lines in long.items() if lines > MAX_LINES} == {}


def test_no_module_is_named_after_nothing():
	vague = {"utils", "util", "helpers", "helper", "misc", "common", "tools"}
	assert [name for name in modules() if name.rpartition(".")[2] in vague] == []


def test_every_module_says_what_it_is():
	silent = [
		name
		for name, path in modules().items()
		if path.read_text().strip() and path.name != "__init__.py" and not ast.get_docstring(tree(path))
	]
	assert [name for name in silent if name.startswith(("flow_engine.engine", "flow_engine.store"))] == []


def test_nothing_waits_to_be_written():
	words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError\(")
	assert [name for name, path in modules().items() if words.search(path.read_text())] == []


def test_whitelisted_functions_keep_their_argument_types():
	"""With postponed annotations Frappe checks no argument of a whitelisted function."""
	found = [
		name
		for name, path in modules().items()
		if "frappe.whitelist" in path.read_text() and "__future__.annotations" in imports(name)
	]
	assert found == []


def test_hooks_are_data():
	kinds = {type(node).__name__ for node in tree(modules()["flow_engine.hooks"]).body}
	assert kinds <= {"Assign", "AnnAssign", "Expr"}
