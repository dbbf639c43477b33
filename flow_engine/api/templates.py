"""Templates over HTTP. Rights are the Document API's: Flow Managers write, others read what they may."""

import frappe

from flow_engine.api.door import endpoint, only_managers
from flow_engine.engine.errors import NotAllowed
from flow_engine.frappe_host import run_access
from flow_engine.frappe_host.bulk import start_bulk
from flow_engine.frappe_host.host import get_host
from flow_engine.frappe_host.permissions import sees_all
from flow_engine.service import arguments as read
from flow_engine.service import differences, doors, migrations, versions
from flow_engine.service.bulk import read_bulk
from flow_engine.service.language import said_again
from flow_engine.service.standing import standing as runs_standing


def _store():
	return get_host().templates


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def list(category=None, applies_to=None, is_active=None, trigger_event=None):
	return doors.list_templates(_store(), category, applies_to, is_active, trigger_event)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def library(language=None):
	"""The flows that ship, whether or not they are seeded here."""
	frappe.has_permission("Flow Template", "read", throw=True)
	return doors.library(language or frappe.local.lang)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def get(name=None):
	return doors.get_template(_store(), name)


@frappe.whitelist(methods=["POST"])
@endpoint
def create(**values):
	return doors.create_template(_store(), values)


@frappe.whitelist(methods=["POST", "PUT"])
@endpoint
def update(name=None, modified=None, running=None, reason=None, publish=None, **values):
	"""`running`, with `is_active` 0: let the runs `finish`, or `cancel` them once this is committed.
	`publish`, with `is_active` 1: the draft too, where it differs from the published version."""
	answer = doors.update_template(_store(), name, values, modified, running, reason, publish)
	if running == "cancel":
		answer["cancelling"] = _cancel_runs(answer["template"]["name"], reason)
	return answer


@frappe.whitelist(methods=["POST"])
@endpoint
def cancel_runs(name=None, reason=None):
	"""Cancel every running run of a flow, in a background job; `{job, count, more}`."""
	only_managers()
	return _cancel_runs(read.needed(name, "name"), reason)


def _cancel_runs(name, reason):
	host = get_host()
	return start_bulk(read_bulk(host, host.templates, "cancel", filters={"template": name}, reason=reason))


@frappe.whitelist(methods=["POST", "DELETE"])
@endpoint
def delete(name=None):
	return doors.delete_template(_store(), name)


@frappe.whitelist(methods=["POST"])
@endpoint
def duplicate(name=None, new_name=None, version=None):
	return doors.duplicate_template(_store(), name, new_name, version)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def validate(definition=None, name=None):
	frappe.has_permission("Flow Template", "read", throw=True)
	return doors.validate_definition(_store(), definition, name)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def version(name=None, version=None):
	frappe.has_permission("Flow Template", "read", throw=True)
	return doors.template_version(_store(), name, version)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def payload_schema(name=None):
	"""What the published version wants to be started with: for whoever may start it."""
	host = get_host()
	run_access.check_may_start(run_access.starters_of(name))
	return doors.payload_schema(host, host.templates, name)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def standing(name=None, step_id=None):
	"""How many runs stand at which step: for those who may see every run, because the numbers count them
	all."""
	if not sees_all():
		raise NotAllowed("Only those who see all runs may see where they stand.")
	return runs_standing(get_host(), _store(), name, step_id)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def migration(name=None, version=None, to=None):
	"""What moving the running runs of a version to another one would come to."""
	only_managers()

	def say(text):
		return said_again(text, frappe.local.lang)

	return migrations.preview(get_host(), _store(), name, version, to, say)


@frappe.whitelist(methods=["POST"])
@endpoint
def publish(name=None, note=None):
	return doors.publish_template(_store(), name, note)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def history(name=None, limit=None, start=None):
	"""The versions of a flow; how many runs each has is for those who may see every run."""
	frappe.has_permission("Flow Template", "read", throw=True)
	return versions.history(get_host(), _store(), name, limit, start, counts=sees_all())


# By POST too: a draft is too long for an address.
@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def diff(name=None, before=None, after=None, definition=None):
	"""What differs between two versions of a flow, in the caller's language."""
	frappe.has_permission("Flow Template", "read", throw=True)
	return differences.diff(_store(), name, before, after, definition, frappe._)


@frappe.whitelist(methods=["POST"])
@endpoint
def roll_back(name=None, version=None, note=None, draft=None, modified=None):
	return versions.roll_back(_store(), name, version, note, draft, modified)


@frappe.whitelist(methods=["POST"])
@endpoint
def retire(name=None, reason=None):
	return versions.retire(_store(), name, reason)


@frappe.whitelist(methods=["POST"])
@endpoint
def bring_back(name=None, reason=None):
	return versions.bring_back(_store(), name, reason)


@frappe.whitelist(methods=["GET", "POST"])
@endpoint
def export(name=None):
	return doors.export_template(_store(), name)


@frappe.whitelist(methods=["POST"])
@endpoint
def import_templates(templates=None):
	return doors.import_templates(_store(), templates)
