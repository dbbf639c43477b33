"""The engine's refusals as the desk shows them."""

from contextlib import contextmanager

import frappe
from frappe import _
from frappe.utils import escape_html

from flow_engine.engine.errors import FlowError

SHOWN_PROBLEMS = 20


class Refused(frappe.ValidationError):
	"""A FlowError on its way through the Document API; `flow_error` is the original."""

	def __init__(self, flow_error: FlowError):
		super().__init__(flow_error.message)
		self.flow_error = flow_error
		self.http_status_code = flow_error.http_status


@contextmanager
def shown_in_desk():
	"""Turn a FlowError raised inside into a message for the user; nothing of it is taken for HTML."""
	try:
		yield
	except FlowError as error:
		frappe.msgprint(
			_as_html(error), title=_("Flow Engine"), indicator="red", raise_exception=Refused(error)
		)


def _as_html(error: FlowError) -> str:
	body = error.as_dict()
	text = escape_html(_(body["message"]))
	problems = body.get("problems") or []
	if not problems:
		return text
	rows = [_problem_as_html(problem) for problem in problems[:SHOWN_PROBLEMS]]
	if len(problems) > SHOWN_PROBLEMS:
		rows.append("<li>" + _("and {0} more").format(len(problems) - SHOWN_PROBLEMS) + "</li>")
	return f"{text}<ul>{''.join(rows)}</ul>"


def _problem_as_html(problem: dict) -> str:
	place = problem.get("path") or problem.get("step") or ""
	return f"<li><code>{escape_html(str(place))}</code> {escape_html(str(problem.get('message') or ''))}</li>"
