"""Ending the trial of a Subscription: ERPNext has no method for it, and its dates are set only once."""

from __future__ import annotations

from frappe.utils import add_days, getdate, nowdate

from flow_engine.engine.errors import ValidationFailed

TRIALLING = ("Trialling", "Trialing")


def end_trial(subscription) -> None:
	"""The first day to be billed is today, or the subscription's start if that is later; then `process()`.

	ERPNext counts the last day of a trial as trial, so it becomes yesterday: otherwise the subscription would
	be active from tomorrow only. A trial that began today has no such day and is taken out.
	Raises ValidationFailed.
	"""
	if subscription.status not in TRIALLING:
		raise ValidationFailed(f"The subscription {subscription.name} is not in trial.")
	today = getdate(nowdate())
	yesterday = add_days(today, -1)
	began = subscription.trial_period_start
	dates = {"trial_period_end": yesterday}
	if began and getdate(began) > yesterday:
		dates = {"trial_period_start": None, "trial_period_end": None}
	subscription.db_set(dates)
	subscription.update_subscription_period(max(today, getdate(subscription.start_date)))
	# As ERPNext's own restart does; `process` makes it something else where an invoice is due.
	subscription.status = "Active"
	subscription.process()
