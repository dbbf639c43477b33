"""Schedules over HTTP: `/api/method/flow_engine.api.schedules.…`. Rights are the Document API's: Flow
Managers write, others see names and times."""

import frappe

from flow_engine.api.door import endpoint, is_manager, only_managers
from flow_engine.engine.errors import EngineDisabled
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.jobs import is_disabled
from flow_engine.frappe_host.run_access import check_may_start, starters_of
from flow_engine.service import schedule_preview, schedules


def _check(ptype: str = "read") -> None:
	frappe.has_permission("Flow Schedule", ptype, throw=True)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def list(template=None, schedule_type=None, status=None, search=None, limit=None, start=None):
	_check()
	return schedules.list_schedules(get_host(), template, schedule_type, status, search, limit, start)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def get(name=None):
	_check()
	answer = schedules.get_schedule(get_host(), name, values=is_manager())
	answer["schedule"]["may"] = {"edit": is_manager(), "fire": is_manager()}
	return answer


@frappe.whitelist(methods=["POST"])
@endpoint
def create(values=None):
	_check("create")
	return schedules.create(get_host(), schedules.read_values(values))


@frappe.whitelist(methods=["POST", "PUT"])
@endpoint
def update(name=None, values=None, modified=None):
	_check("write")
	return schedules.update(get_host(), name, schedules.read_values(values), modified)


@frappe.whitelist(methods=["POST"])
@endpoint
def pause(name=None, reason=None):
	_check("write")
	return schedules.pause(get_host(), name, reason)


@frappe.whitelist(methods=["POST"])
@endpoint
def resume(name=None, reason=None):
	_check("write")
	return schedules.resume(get_host(), name, reason)


@frappe.whitelist(methods=["POST", "DELETE"])
@endpoint
def delete(name=None, reason=None):
	_check("delete")
	return schedules.delete(get_host(), name, reason)


@frappe.whitelist(methods=["POST"])
@endpoint
def fire_now(name=None, reason=None):
	only_managers()
	_check("write")
	host = get_host()
	flow = schedules.get_schedule(host, name)["schedule"]["flow_template"]
	check_may_start(starters_of(flow))
	if is_disabled():
		raise EngineDisabled()
	return schedules.fire_now(host, name, reason, frappe.session.user)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def preview(values=None):
	"""What a schedule would do, saved or not. Which documents match is for those who may write schedules."""
	_check("write")
	return schedule_preview.preview(get_host(), schedules.read_values(values), frappe.local.lang)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def fires(name=None, limit=None, start=None):
	_check()
	return schedules.list_fires(get_host(), name, limit, start, values=is_manager())
