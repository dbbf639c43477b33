"""dispatch_job: work in the field. Opens a Dispatch Job, or adds the request to one that is still open."""

from __future__ import annotations

from typing import Any

from flow_engine.engine.errors import Conflict, DocumentNotFound
from flow_engine.engine.kinds import subject
from flow_engine.engine.kinds.base import DoneStep, Effect, Field, Kind, Result, StepContext
from flow_engine.engine.kinds.rich_text import one_line
from flow_engine.engine.kinds.undone import nothing_to_undo, undone
from flow_engine.engine.outcomes import Done, Outcome, Retry

DOCTYPE = "Dispatch Job"
OPEN_STATUSES = ("Open", "Scheduled", "In Progress")
CANCELLED = "Cancelled"
PRIORITIES = ("low", "medium", "high", "urgent")
DEFAULT_JOB_TYPE = "Installation"
WEBHOOKS = ("on_open_webhook", "on_close_webhook")


def dispatch(ctx: StepContext) -> Outcome:
	"""One open job per merge key: the first request makes it, the others are added to it."""
	merge_key = str(ctx.payload.get("merge_key") or "").strip()
	try:
		if merge_key:
			open_jobs = ctx.documents.find(DOCTYPE, {"open_merge_key": merge_key}, limit=1)
			if open_jobs:
				return _merge(ctx, open_jobs[0])
		job = ctx.documents.insert(DOCTYPE, _job(ctx, merge_key))
	except Conflict as conflict:
		# Another worker made or closed the job of this merge key since we looked; the next attempt sees it.
		return Retry(conflict.code, conflict.message)
	return Done(
		{"doctype": DOCTYPE, "name": job["name"], "merged": False}, ((DOCTYPE, job["name"], "created"),)
	)


def _merge(ctx: StepContext, name: str) -> Outcome:
	row = {
		"flow_run": ctx.run["name"],
		"flow_step": ctx.step_id,
		"subject": one_line(ctx.payload.get("subject")),
		"customer": subject.customer_name(ctx),
		**subject.reference(ctx),
		"requested_on": ctx.now.isoformat(),
	}
	# Whoever is to be told of the request is told of the job that it joins.
	row.update({name: ctx.payload[name] for name in WEBHOOKS if ctx.payload.get(name)})
	job = ctx.documents.add_row(DOCTYPE, name, "merged_requests", row)
	if job.get("status") not in OPEN_STATUSES:
		return Retry(Conflict.code, "The open job was closed at the same moment.")
	return Done({"doctype": DOCTYPE, "name": name, "merged": True}, ((DOCTYPE, name, "updated"),))


def call_off(ctx: StepContext, done: DoneStep) -> Outcome:
	"""Cancel the job while it is open. Of a job that others have a share in, only the step's own request
	goes: the work is still wanted."""
	name = done.result.get("name")
	if not name:
		return nothing_to_undo(done.result, "The step names no job.")
	try:
		job = ctx.documents.get(DOCTYPE, name)
		if job.get("status") not in OPEN_STATUSES:
			return nothing_to_undo(done.result, f"The job is {job.get('status')} already.")
		if done.result.get("merged"):
			own = {"flow_run": done.run, "flow_step": done.step_id}
			removed, _job_now = ctx.documents.remove_rows(DOCTYPE, name, "merged_requests", own)
			if not removed:
				return nothing_to_undo(done.result, "The job no longer has this request.")
			return undone(DOCTYPE, name)
		if job.get("merged_requests"):
			why = "Other requests have joined the job, so it stays open for them."
			return nothing_to_undo(done.result, why)
		then, _now = ctx.documents.exchange(
			DOCTYPE, name, {"status": CANCELLED}, {"status": job.get("status")}
		)
		if then.get("status") != job.get("status") or then.get("merged_requests"):
			# Whatever was written goes back with the attempt.
			return Retry(Conflict.code, "The job was changed at the same moment.")
	except DocumentNotFound:
		return nothing_to_undo(done.result, "The job is gone.")
	except Conflict as conflict:
		return Retry(conflict.code, conflict.message)
	return undone(DOCTYPE, name)


def _job(ctx: StepContext, merge_key: str) -> dict[str, Any]:
	payload = ctx.payload
	values = {
		"subject": one_line(payload.get("subject")),
		"job_type": payload.get("job_type") or DEFAULT_JOB_TYPE,
		"priority": str(payload.get("priority") or "medium").capitalize(),
		"duration_h": payload.get("duration_h"),
		"assigned_group": payload.get("assigned_group"),
		"status": "Open",
		"customer": subject.customer_name(ctx),
		"address": payload.get("address") or _address(ctx),
		"scheduled_time": payload.get("scheduled_time"),
		"merge_key": merge_key,
		"on_open_webhook": payload.get("on_open_webhook"),
		"on_close_webhook": payload.get("on_close_webhook"),
		"flow_run": ctx.run["name"],
		"flow_step": ctx.step_id,
		**subject.reference(ctx),
	}
	# What nobody filled in is left to the DocType's own defaults.
	return {name: value for name, value in values.items() if value not in (None, "")}


def _address(ctx: StepContext) -> str | None:
	doc = subject.context_document(ctx)
	for field in ("shipping_address_name", "customer_address"):
		if doc.get(field):
			return doc[field]
	return subject.customer_document(ctx).get("customer_primary_address")


KIND = Kind(
	name="dispatch_job",
	label="Dispatch job",
	icon="tool",
	colour="#2563eb",
	effect=Effect.DATABASE,
	handle=dispatch,
	writes=(DOCTYPE,),
	document=DOCTYPE,
	results=(Result("merged", "Joined an open job", "Check"),),
	needs=subject.NEEDS,
	compensate=call_off,
	compensation=(
		"Cancels the job while it is open; of a job that other requests have joined, only its own request is "
		"taken back."
	),
	help=(
		"Creates a Dispatch Job for the field teams, linked to the customer, the document and this run. With "
		"a merge key that an open job already has, the request is added to that job instead."
	),
	fields=(
		Field("subject", "Subject", "text", required=True, help="What is to be done, and for whom."),
		Field(
			"job_type",
			"Job type",
			"text",
			default=DEFAULT_JOB_TYPE,
			help="E.g. Installation, Repair, Survey.",
		),
		Field("priority", "Priority", "select", options=PRIORITIES, default="medium"),
		Field("duration_h", "Duration (hours)", "number", help="How long the job is expected to take."),
		Field("assigned_group", "Assigned group", "text", help="The team that gets the job."),
		Field(
			"address",
			"Address",
			"link",
			options=("Address",),
			help="Where to go. Empty: the document's address, else the customer's primary one.",
		),
		Field("scheduled_time", "Scheduled time", "datetime", help="When, if it is known already."),
		Field(
			"merge_key",
			"Merge key",
			"text",
			help="Requests with the same key share one job while it is open, e.g. {{customer.name}}.",
		),
		Field(
			"on_open_webhook",
			"Webhook on open",
			"text",
			single_line=True,
			help="Address that is told, signed and by POST, when the job is opened or the request joins one.",
		),
		Field(
			"on_close_webhook",
			"Webhook on close",
			"text",
			single_line=True,
			help="Address that is told, signed and by POST, when the job is completed or cancelled.",
		),
	),
)
