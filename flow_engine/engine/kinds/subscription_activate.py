"""subscription_activate: makes a Subscription bill, whatever state it is in now, or says why it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flow_engine.engine.errors import CannotActivate, DocumentNotFound
from flow_engine.engine.kinds import subject
from flow_engine.engine.kinds.base import Effect, Field, Kind, Result, StepContext
from flow_engine.engine.outcomes import Done

DOCTYPE = "Subscription"
# When the step names no subscription, the customer's are looked at in this order: the one that waits for its
# activation first. One that was cancelled or has ended is only taken up again when the step names it.
PREFERRED = ("Trialling", "Active", "Past Due Date", "Grace Period", "Unpaid")
_MANY = 500


def activate(ctx: StepContext) -> Done:
	"""Raises CannotActivate, DocumentNotFound and what the port raises."""
	name = _subscription(ctx)
	doc = ctx.documents.get(DOCTYPE, name)
	before = str(doc.get("status") or "")
	if before == "Active":
		return Done({"doctype": DOCTYPE, "name": name, "status": before, "was": before})
	if before == "Cancelled":
		after = ctx.documents.call(DOCTYPE, name, "restart_subscription")
	elif before in ("Trialling", "Trialing"):
		after = _end_trial(ctx, name, doc)
	else:
		raise CannotActivate(
			f"The subscription {name} is {before or 'without status'} and cannot be activated."
		)
	result = {"doctype": DOCTYPE, "name": name, "status": after.get("status"), "was": before}
	return Done(result, ((DOCTYPE, name, "updated"),))


def _end_trial(ctx: StepContext, name: str, doc: Mapping[str, Any]) -> dict[str, Any]:
	"""The trial ends today, where the site is, and billing begins; how is the document's own business."""
	today = ctx.now.astimezone(ctx.time_zone).date().isoformat()
	start = str(doc.get("trial_period_start") or "")[:10]
	if start > today:
		raise CannotActivate(f"The trial of the subscription {name} begins only on {start}.")
	return ctx.documents.call(DOCTYPE, name, "end_trial")


def _subscription(ctx: StepContext) -> str:
	name = str(ctx.payload.get("subscription_ref") or "").strip()
	if name:
		return name
	if ctx.run.get("context_doctype") == DOCTYPE and ctx.run.get("context_docname"):
		return ctx.run["context_docname"]
	customer = subject.customer_name(ctx)
	if not customer:
		raise DocumentNotFound("The step names no subscription, and the run has no customer to look for one.")
	for status in PREFERRED:
		filters = {"party_type": "Customer", "party": customer, "status": status}
		found = ctx.documents.find(DOCTYPE, filters, limit=_MANY)
		if found:
			return found[-1]
	raise DocumentNotFound(f"The customer {customer} has no subscription that could be activated.")


KIND = Kind(
	name="subscription_activate",
	label="Activate subscription",
	icon="refresh",
	colour="#16a34a",
	effect=Effect.DATABASE,
	handle=activate,
	writes=(DOCTYPE,),
	document=DOCTYPE,
	results=(Result("status", "Status afterwards"), Result("was", "Status before")),
	needs=subject.NEEDS,
	compensation="What was billed since cannot be taken back by itself, so the subscription stays as it is.",
	help=(
		"Active: nothing to do. Cancelled: restarted. Trialling: the trial ends today. Past due, unpaid or "
		"completed: the step fails, because a person has to look at it."
	),
	fields=(
		Field(
			"subscription_ref",
			"Subscription",
			"template",
			help=(
				"Its name, e.g. {{variables.subscription}}. Empty: the document the flow runs on when it is "
				"a Subscription, else the customer's newest one in trial, else the newest not cancelled."
			),
		),
	),
)
