"""Working hours of an ERPNext site, by the name that a service level gives.

`business` is the site's own: the Service Level Agreement that the settings name, else Monday to Friday, 9 to
17, without the holidays of the default company. Any other name is a Service Level Agreement (its hours and
its Holiday List) or a Holiday List (9 to 17 on days that are none). A name that means nothing here any more
counts as `business`: a promise without a calendar would never be late.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from zoneinfo import ZoneInfo

import frappe
from frappe.utils import getdate

from flow_engine.engine.sla.business_hours import NINE_TO_FIVE, BusinessHours, weekdays_nine_to_five
from flow_engine.engine.sla.rules import BUSINESS
from flow_engine.service.working_hours import week_of

AGREEMENT = "Service Level Agreement"
HOLIDAYS = "Holiday List"


def business_hours(name: str, zone: ZoneInfo) -> BusinessHours:
	"""Read anew for each run: who adds a holiday need tell nobody."""
	if name != BUSINESS:
		if frappe.db.exists(AGREEMENT, name):
			return _of_agreement(name, zone)
		if frappe.db.exists(HOLIDAYS, name):
			return _of_holiday_list(name, zone)
	chosen = frappe.get_cached_doc("Flow Engine Settings").get("business_hours")
	if chosen and frappe.db.exists(AGREEMENT, chosen):
		return _of_agreement(chosen, zone)
	company = frappe.db.get_single_value("Global Defaults", "default_company")
	holidays = frappe.get_cached_value("Company", company, "default_holiday_list") if company else None
	return weekdays_nine_to_five(zone, _holidays(holidays))


def _of_agreement(name: str, zone: ZoneInfo) -> BusinessHours:
	agreement = frappe.get_cached_doc(AGREEMENT, name)
	return BusinessHours(zone, week_of(agreement.support_and_resolution), _holidays(agreement.holiday_list))


def _of_holiday_list(name: str, zone: ZoneInfo) -> BusinessHours:
	days = frappe.get_all("Holiday", {"parent": name}, ["holiday_date", "weekly_off"], limit_page_length=0)
	weekly = {getdate(day.holiday_date).weekday() for day in days if day.weekly_off}
	# A list that names its days off names the working days too; one that has feasts only leaves weekends off.
	working = set(range(7)) - weekly if weekly else set(range(5))
	return BusinessHours(zone, {day: (NINE_TO_FIVE,) for day in working}, _holidays(name))


def _holidays(name: str | None) -> Collection[date]:
	if not name:
		return frozenset()
	days = frappe.get_all("Holiday", {"parent": name}, pluck="holiday_date", limit_page_length=0)
	return frozenset(getdate(day) for day in days)
