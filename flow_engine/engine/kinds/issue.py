"""issue: opens an Issue for the service desk."""

from __future__ import annotations

from flow_engine.engine.errors import Conflict, DocumentNotFound
from flow_engine.engine.kinds import subject
from flow_engine.engine.kinds.base import DoneStep, Effect, Field, Kind, StepContext
from flow_engine.engine.kinds.rich_text import as_html, one_line
from flow_engine.engine.kinds.undone import nothing_to_undo, undone
from flow_engine.engine.outcomes import Done, Outcome, Retry

DOCTYPE = "Issue"
CLOSED = "Closed"
ENDED = ("Resolved", CLOSED)
# ERPNext names its priorities with a capital; flows may write them as dispatch jobs do.
PRIORITIES = ("low", "medium", "high", "urgent")


def open_issue(ctx: StepContext) -> Done:
	"""A new Issue of the run's customer."""
	priority = str(ctx.payload.get("priority") or "").strip()
	values = {
		"subject": one_line(ctx.payload.get("subject")),
		"description": as_html(str(ctx.payload.get("description") or "")),
		"priority": priority.capitalize() if priority in PRIORITIES else priority,
		"issue_type": str(ctx.payload.get("issue_type") or "").strip(),
		"customer": subject.customer_name(ctx),
	}
	issue = ctx.documents.insert(DOCTYPE, {k: v for k, v in values.items() if v not in (None, "")})
	return Done({"doctype": DOCTYPE, "name": issue["name"]}, ((DOCTYPE, issue["name"], "created"),))


def close_issue(ctx: StepContext, done: DoneStep) -> Outcome:
	"""Close the Issue, unless somebody has seen to it already."""
	name = done.result.get("name")
	if not name:
		return nothing_to_undo(done.result, "The step names no Issue.")
	try:
		issue = ctx.documents.get(DOCTYPE, name)
		if issue.get("status") in ENDED:
			return nothing_to_undo(done.result, f"The Issue is {issue['status']} already.")
		status = issue.get("status")
		then, _now = ctx.documents.exchange(DOCTYPE, name, {"status": CLOSED}, {"status": status})
		if then.get("status") != status:
			return Retry(Conflict.code, "The Issue was changed at the same moment.")
	except DocumentNotFound:
		return nothing_to_undo(done.result, "The Issue is gone.")
	return undone(DOCTYPE, name)


KIND = Kind(
	name="issue",
	label="Issue",
	icon="support",
	colour="#dc2626",
	effect=Effect.DATABASE,
	handle=open_issue,
	writes=(DOCTYPE,),
	document=DOCTYPE,
	needs=subject.NEEDS,
	compensate=close_issue,
	compensation="Closes the Issue, unless it is resolved or closed already.",
	help="Opens an Issue for the service desk, linked to the customer.",
	fields=(
		Field("subject", "Subject", "text", required=True, help="One line; cut at 140 characters."),
		Field(
			"description",
			"Description",
			"textarea",
			html=True,
			help="Plain text or HTML. Values put into it are escaped.",
		),
		Field(
			"priority",
			"Priority",
			"link",
			options=("Issue Priority",),
			help="An Issue Priority of this site; empty: none.",
		),
		Field(
			"issue_type", "Issue type", "link", options=("Issue Type",), help="An Issue Type of this site."
		),
	),
)
