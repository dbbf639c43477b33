"""`bench --site SITE flow-engine …`: seeding, checking and operating flows from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
import frappe
from frappe.commands import get_site, pass_context

from flow_engine.commands.preloading import preload_in_worker
from flow_engine.commands.trail import add_commands as add_trail_commands


def on_site(function: Callable[..., int | None]) -> Callable[..., None]:
	"""Connect to the site, run, commit; a refusal is one line with its code and exit code 2, a fault one line
	and exit code 3, its traceback in the Error Log."""

	@pass_context
	@wraps(function)
	def command(context: Any, *args: Any, **kwargs: Any) -> None:
		from flow_engine.engine.errors import FlowError

		site = get_site(context)
		status: int | None = 0
		with frappe.init_site(site):
			frappe.connect()
			try:
				status = function(*args, **kwargs)
				frappe.db.commit()  # commands are a transaction of their own
			except FlowError as error:
				frappe.db.rollback()
				click.secho(f"{error.code}: {error.message}", fg="red", err=True)
				for problem in error.as_dict().get("problems") or ():
					click.echo(f"  {problem['path']}: {problem['code']}: {problem['message']}", err=True)
				status = 2
			except (click.ClickException, click.exceptions.Exit):
				raise
			except Exception as error:
				frappe.db.rollback()
				frappe.log_error(title=f"Flow Engine command {function.__name__}")
				frappe.db.commit()  # the record outlives the command that failed
				click.secho(f"internal_error: {error}", fg="red", err=True)
				click.echo(
					f"See the Error Log of {site} for where; after an update: bench migrate.", err=True
				)
				status = 3
			finally:
				frappe.destroy()
		sys.exit(status or 0)

	return command


@click.group("flow-engine")
def flow_engine() -> None:
	"""Flows: seed, validate, tick, runs, doctor, export, import."""


@flow_engine.command("seed")
@click.option("--language", help="Of the step labels: en or fr. Default: the site's own.")
@on_site
def seed(language: str | None) -> int:
	"""Put the shipped flows in as system templates (repeatable)."""
	from flow_engine.frappe_host.host import get_host
	from flow_engine.service.templates import seed as seed_templates

	language = language or frappe.db.get_single_value("System Settings", "language") or "en"
	outcomes = seed_templates(get_host().templates, language=language)
	_report_outcomes(outcomes)
	return 0


@flow_engine.command("validate")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON.")
@on_site
def validate(file: str, as_json: bool) -> int:
	"""Check a definition against this site's kinds and events. Exit 0 valid, 1 problems, 2 unreadable."""
	from flow_engine.frappe_host.host import get_host
	from flow_engine.service.templates import validate as validate_definition

	data = _read(file)
	definition = data.get("definition", data) if isinstance(data, dict) else data
	problems = validate_definition(get_host().templates, definition)
	if as_json:
		click.echo(json.dumps(problems, indent=1, ensure_ascii=False))
	else:
		for problem in problems:
			click.echo(f"{problem['path'] or '-'}: {problem['code']}: {problem['message']}")
		if not problems:
			click.secho("No problems.", fg="green")
	return int(any(problem["severity"] == "error" for problem in problems))


@flow_engine.command("tick")
@click.option("--drain", is_flag=True, help="Also advance what is due in this process, without workers.")
@on_site
def tick(drain: bool) -> int:
	"""Do now what the scheduler does every minute."""
	from flow_engine.frappe_host.jobs import drain as drain_now
	from flow_engine.frappe_host.parts import Parts
	from flow_engine.frappe_host.tick import make_tick

	parts = Parts()
	found = make_tick(parts)
	advanced = 0
	if drain and not found["disabled"]:
		advanced = parts.attempt("Advancing and sending", drain_now, 0)
	click.echo(
		f"{found['due']} due, {found['repaired']} repaired, {found['drains']} drains queued"
		+ (f", {advanced} advances made here" if drain else "")
		+ (" (the engine is switched off)" if found["disabled"] else "")
	)
	for problem in parts.problems:
		click.secho(problem, fg="red", err=True)
	return int(bool(parts.problems))


@flow_engine.command("runs")
@click.option("--status", help="running, completed, failed or cancelled.")
@click.option("--template", help="Name or number of a flow template.")
@click.option("--customer")
@click.option("--limit", default=20, show_default=True)
@click.argument("run", required=False)
@on_site
def runs(status: str | None, template: str | None, customer: str | None, limit: int, run: str | None) -> int:
	"""List runs, or show one step by step."""
	from flow_engine.frappe_host.host import get_host
	from flow_engine.service.runs import describe_run

	host = get_host()
	if run:
		view = describe_run(host, host.runs.read(run))
		click.secho(f"{view['name']}  {view['template_name']}  {view['status']}", bold=True)
		for step in view["steps"]:
			error = f"  {step['error']['code']}: {step['error']['message']}" if step["error"] else ""
			when = step["completed_at"] or step["trigger_at"] or ""
			click.echo(f"  {step['status']:<10} {step['label']:<40} {when}{error}")
		return 0
	filters = {"status": status, "customer": customer}
	if template:
		filters["flow_template"] = host.templates.get(template)["name"]
	rows = frappe.get_all(
		"Flow Run",
		{key: value for key, value in filters.items() if value},
		[
			"name",
			"flow_template",
			"status",
			"failed_steps",
			"context_doctype",
			"context_docname",
			"started_at",
		],
		order_by="creation desc",
		limit_page_length=limit,
	)
	for row in rows:
		about = f"{row.context_doctype} {row.context_docname}" if row.context_docname else ""
		failed = f"  {row.failed_steps} failed" if row.failed_steps else ""
		click.echo(
			f"{row.name}  {row.flow_template}  {row.status:<10} {row.started_at:%Y-%m-%d %H:%M}  "
			f"{about}{failed}"
		)
	click.echo(f"{len(rows)} runs")
	return 0


@flow_engine.command("doctor")
@on_site
def doctor() -> int:
	"""Say what is wrong and what to do about it. Exit 1 when something needs doing."""
	from flow_engine.frappe_host.doctor import examine

	findings = examine()
	colours = {"ok": "green", "warning": "yellow", "error": "red"}
	for finding in findings:
		click.secho(f"{finding.level:<8}", fg=colours[finding.level], nl=False)
		click.echo(f"{finding.subject}: {finding.text}")
		if finding.remedy:
			click.echo(f"         → {finding.remedy}")
	return int(any(finding.level == "error" for finding in findings))


@flow_engine.command("export")
@click.argument("templates", nargs=-1)
@click.option("--output", "-o", type=click.Path(dir_okay=False), help="A file instead of the terminal.")
@on_site
def export(templates: tuple[str, ...], output: str | None) -> int:
	"""Write flow templates (all, or those named) as JSON that another site can import."""
	from flow_engine.frappe_host.host import get_host
	from flow_engine.service.templates import export_template

	store = get_host().templates
	names = templates or [row["name"] for row in store.find({})]
	text = json.dumps([export_template(store, name) for name in names], indent=1, ensure_ascii=False)
	if output:
		Path(output).write_text(text + "\n", encoding="utf-8")
		click.echo(f"{len(names)} templates written to {output}")
	else:
		click.echo(text)
	return 0


@flow_engine.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@on_site
def import_(file: str) -> int:
	"""Create or update flow templates from an export; they start nothing until they are switched on."""
	from flow_engine.frappe_host.host import get_host
	from flow_engine.service.templates import import_templates

	_report_outcomes(import_templates(get_host().templates, _read(file)))
	return 0


def _read(file: str) -> Any:
	from flow_engine.engine.errors import BadInput

	try:
		return json.loads(Path(file).read_text(encoding="utf-8"))
	except (OSError, ValueError, RecursionError) as error:
		raise BadInput(f"{file} is not readable JSON: {error}") from None


def _report_outcomes(outcomes: list[dict[str, str]]) -> None:
	for entry in outcomes:
		click.echo(f"{entry['outcome']:<10} {entry['name']}  {entry['template_name']}")
	counted = {
		name: sum(entry["outcome"] == name for entry in outcomes)
		for name in ("created", "updated", "unchanged")
	}
	click.echo(", ".join(f"{count} {name}" for name, count in counted.items()))


add_trail_commands(flow_engine, on_site)
commands = [flow_engine]

preload_in_worker(sys.argv)
