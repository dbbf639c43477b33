import frappe
from frappe import _
from frappe.contacts.doctype.address.address import get_address_display
from frappe.model.document import Document
from frappe.utils import add_to_date, escape_html, flt, get_datetime, now_datetime

from flow_engine.frappe_host.delivering import tell_about_job
from flow_engine.frappe_host.names import next_name

OPEN_STATES = ("Open", "Scheduled", "In Progress")
MOVES = {
	"Open": ("Scheduled", "In Progress", "Completed", "Cancelled"),
	"Scheduled": ("Open", "In Progress", "Completed", "Cancelled"),
	"In Progress": ("Open", "Scheduled", "Completed", "Cancelled"),
	"Completed": (),
	"Cancelled": ("Open",),
}


class IllegalJobMove(frappe.ValidationError):
	"""A job cannot go from this status to that one."""


class MergeKeyTaken(frappe.UniqueValidationError):
	"""Another open job has the same merge key."""


class DispatchJob(Document):
	"""Field work for somebody. While it is open it owns its merge key: requests with the same key join it."""

	def autoname(self):
		self.name = next_name("Dispatch Job")

	def before_validate(self):
		# Flows and imports write `medium`; the list of choices is in title case.
		self.priority = (self.priority or "Medium").strip().title()
		self.merge_key = (self.merge_key or "").strip() or None

	def validate(self):
		self.refuse_illegal_move()
		self.require_time_when_scheduled()
		self.set_times()
		self.set_address()
		self.own_merge_key_while_open()

	def on_update(self):
		tell_about_job(self)

	def refuse_illegal_move(self):
		before = self.get_doc_before_save()
		if not before or before.status == self.status:
			return
		if self.status not in MOVES.get(before.status, ()):
			frappe.throw(
				_("A job that is {0} cannot become {1}.").format(_(before.status), _(self.status)),
				IllegalJobMove,
			)

	def require_time_when_scheduled(self):
		if self.status == "Scheduled" and not self.scheduled_time:
			frappe.throw(_("Give the time that the job is scheduled for."), frappe.MandatoryError)

	def set_times(self):
		self.scheduled_end = None
		if self.scheduled_time:
			minutes = round(flt(self.duration_h) * 60) or 60
			self.scheduled_end = add_to_date(get_datetime(self.scheduled_time), minutes=minutes)
		if self.status == "In Progress" and not self.started_on:
			self.started_on = now_datetime()
		if self.status != "Completed":
			self.completed_on = None
		elif not self.completed_on:
			self.completed_on = now_datetime()

	def set_address(self):
		self.address_display = None
		if self.address:
			html = get_address_display(frappe.get_doc("Address", self.address).as_dict())
			self.address_display = frappe.utils.strip_html(html.replace("<br>", "\n")).strip()

	def own_merge_key_while_open(self):
		"""NULL once closed. The unique index decides between two writers; this names the other job."""
		self.open_merge_key = self.merge_key if self.status in OPEN_STATES else None
		if not self.open_merge_key:
			return
		other = frappe.db.get_value(
			"Dispatch Job", {"open_merge_key": self.open_merge_key, "name": ("!=", self.name or "")}
		)
		if other:
			frappe.throw(_("The open job {0} has the same merge key.").format(other), MergeKeyTaken)


@frappe.whitelist()
def get_events(start: str, end: str, filters: str | None = None) -> list[dict]:
	"""Jobs not cancelled that overlap the range, as far as the user may see them. Raises PermissionError."""
	conditions = frappe.parse_json(filters) if filters else []
	if isinstance(conditions, dict):
		conditions = [["Dispatch Job", field, "=", value] for field, value in conditions.items()]
	conditions += [
		["Dispatch Job", "status", "!=", "Cancelled"],
		["Dispatch Job", "scheduled_time", "<=", end],
		["Dispatch Job", "scheduled_end", ">=", start],
	]
	jobs = frappe.get_list(
		"Dispatch Job",
		filters=conditions,
		fields=["name", "subject", "status", "scheduled_time", "scheduled_end", "assigned_group"],
		order_by="scheduled_time asc",
		limit_page_length=0,
	)
	for job in jobs:
		job.subject = escape_html(" · ".join(part for part in (job.subject, job.assigned_group) if part))
		job.all_day = 0
	return jobs
