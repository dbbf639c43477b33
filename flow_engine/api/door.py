"""The one decorator of every endpoint: what a caller gets when something is refused or goes wrong.

Status from the error's class, body `{code, message, problems?}`, the transaction rolled back, never a
traceback. Outside a request (a server script, a test, another app) the error is raised as it is.
"""

from functools import wraps

import frappe
from frappe.utils import strip_html

from flow_engine.engine.errors import FlowError, NotAllowed
from flow_engine.service.language import said_again, with_problems_in

MANAGERS = ("Flow Manager", "System Manager")


def endpoint(function):
	"""Wrap a whitelisted function. Arguments are read by `service.arguments`, which answers coded problems;
	so they carry no annotations for the framework to check first."""

	@wraps(function)
	def door(*args, **kwargs):
		# The framework passes what it was called by.
		kwargs.pop("cmd", None)
		try:
			return with_problems_in(function(*args, **kwargs), frappe.local.lang)
		except Exception as error:
			if not getattr(frappe.local, "request", None):
				raise
			return refuse(error)

	return door


def refuse(error: Exception) -> None:
	"""Answer with the error instead of raising it into the framework, which would add a traceback."""
	frappe.db.rollback()
	status, body = describe(error)
	frappe.clear_messages()
	frappe.flags.error_message = None  # the framework would add its own sentence beside ours
	frappe.local.response.http_status_code = status
	frappe.local.response.update(body)


def describe(error: Exception) -> tuple[int, dict]:
	"""HTTP status and body for any error."""
	original = getattr(error, "flow_error", error)
	if isinstance(original, FlowError):
		said = with_problems_in(original.as_dict(), frappe.local.lang)
		return original.http_status, {**said, "message": said_again(said["message"], frappe.local.lang)}
	text = strip_html(str(error)).strip()
	if isinstance(error, frappe.PermissionError):
		return 403, {"code": "not_allowed", "message": text or NotAllowed().message}
	if isinstance(error, frappe.DoesNotExistError):
		return 404, {"code": "not_found", "message": text or "There is no such document."}
	if isinstance(error, frappe.TooManyRequestsError | frappe.RateLimitExceededError):
		return 429, {"code": "too_many_requests", "message": "Too many calls; wait a minute and try again."}
	if isinstance(error, TypeError) and "argument" in text:
		return 400, {"code": "bad_input", "message": text.split(") ", 1)[-1] or text}
	if isinstance(error, frappe.ValidationError):
		return 422, {"code": "validation_failed", "message": text or "The document was refused."}
	log = frappe.log_error(title="Flow Engine API")
	frappe.db.commit()  # the record of the failure must outlive the request that failed
	return 500, {"code": "internal_error", "message": f"Something went wrong; see Error Log {log.name}."}


def is_manager() -> bool:
	return bool(set(MANAGERS) & set(frappe.get_roles()))


def only_managers() -> None:
	"""Raises NotAllowed."""
	if not is_manager():
		raise NotAllowed("Only a Flow Manager may do this.")
