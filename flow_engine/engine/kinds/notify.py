"""notify: tells people. Email through the site's own queue, SMS through its gateway."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from typing import Any

from flow_engine.engine.errors import HttpError, HttpNoAnswer, MessageRefused, StepError
from flow_engine.engine.kinds import subject
from flow_engine.engine.kinds.base import Effect, Field, Kind, Result, StepContext
from flow_engine.engine.kinds.recipients import email_addresses, phone_numbers
from flow_engine.engine.kinds.rich_text import as_html, as_plain, one_line
from flow_engine.engine.outcomes import Done, Fail, Outcome, Unknown

# Where to look when the step names nobody: first the person on the document, then the customer.
EMAIL_FIELDS = ("contact_email", "raised_by", "email_id")
NUMBER_FIELDS = ("contact_mobile", "mobile_no")


def notify(ctx: StepContext) -> Outcome:
	"""Send one message. Raises MessageRefused for what cannot be sent, and what the ports raise."""
	return _sms(ctx) if _is_sms(ctx.payload) else _email(ctx)


def _email(ctx: StepContext) -> Done:
	payload = ctx.payload
	template = str(payload.get("template_id") or "").strip() or None
	title = one_line(payload.get("subject"), 255)
	html = as_html(str(payload.get("body") or ""))
	if not template and not (title and html.strip()):
		raise MessageRefused("An email needs an Email Template, or a subject and a body.")
	recipients = email_addresses(payload.get("to") or _default(ctx, EMAIL_FIELDS, "email_id"))
	doctype, name = ctx.run.get("context_doctype"), ctx.run.get("context_docname")
	entry = ctx.messages.send_email(
		to=recipients,
		subject=title,
		html=html,
		template=template,
		values=_template_values(ctx) if template else None,
		reference=(doctype, name) if doctype and name else None,
		key=ctx.key,
	)
	return Done({"channel": "email", "to": recipients, **entry})


def _sms(ctx: StepContext) -> Outcome:
	body = as_plain(str(ctx.payload.get("body") or "")).strip()
	if not body:
		raise MessageRefused("The SMS is empty.")
	numbers = phone_numbers(ctx.payload.get("to") or _default(ctx, NUMBER_FIELDS, "mobile_no"))
	# All calls of the step fit into its one time limit, after which another worker may take the run over.
	limit = ctx.timeout_seconds / len(numbers)
	sent: list[str] = []
	for position, number in enumerate(numbers):
		key = ctx.key if len(numbers) == 1 else f"{ctx.key}:{position}"
		try:
			answer = ctx.messages.send_sms(to=number, body=body, key=key, timeout_seconds=limit)
		except HttpNoAnswer as error:
			return Unknown(f"{error.message} (sent to {len(sent)} of {len(numbers)} numbers before)")
		except (HttpError, MessageRefused) as error:
			if not sent:
				raise
			# Trying the step again would send the first ones twice.
			return _partly(error, sent, numbers[position:])
		sent.append(number)
	return Done({"channel": "sms", "to": sent, **(answer if len(sent) == 1 else {})})


def _partly(error: StepError, sent: list[str], unsent: list[str]) -> Fail:
	message = f"Sent to {len(sent)} of {len(sent) + len(unsent)} numbers, then: {error.message}"
	return Fail("partly_sent", message, {"channel": "sms", "to": sent, "not_sent": unsent})


def _default(ctx: StepContext, doc_fields: tuple[str, ...], customer_field: str) -> Any:
	doc = subject.context_document(ctx)
	for field in doc_fields:
		if doc.get(field):
			return doc[field]
	return subject.customer_document(ctx).get(customer_field)


def _template_values(ctx: StepContext) -> Mapping[str, Any]:
	"""The step's context, in front of it the document and the customer where they may be read."""
	documents = {"doc": subject.context_document(ctx), "customer": subject.customer_document(ctx)}
	return ChainMap(documents, ctx.values)  # type: ignore[arg-type]


def _is_sms(payload: Mapping[str, Any]) -> bool:
	return payload.get("channel") == "sms"


_OWN_TEXT = {
	"any": [{"field": "channel", "op": "==", "value": "sms"}, {"field": "template_id", "op": "empty"}]
}
_OWN_SUBJECT = {
	"all": [{"field": "channel", "op": "!=", "value": "sms"}, {"field": "template_id", "op": "empty"}]
}

KIND = Kind(
	name="notify",
	label="Notify",
	icon="mail",
	colour="#0891b2",
	effect=Effect.DATABASE,
	effect_of=lambda payload: Effect.EXTERNAL if _is_sms(payload) else Effect.DATABASE,
	# A text message that may have arrived is never sent twice by itself.
	repeat_safe_of=lambda payload: False,
	handle=notify,
	needs=subject.NEEDS,
	results=(Result("channel", "Channel"), Result("to", "To", "JSON")),
	compensation="A message that was sent cannot be taken back.",
	help="Sends an email through the site's queue, or an SMS through the gateway of SMS Settings.",
	fields=(
		Field("channel", "Channel", "select", required=True, options=("email", "sms"), default="email"),
		Field(
			"to",
			"To",
			"text",
			help=(
				"One or several, separated by commas or semicolons. Empty: the contact on the document "
				"(contact_email, raised_by, contact_mobile), else the customer's email_id or mobile_no."
			),
		),
		Field(
			"template_id",
			"Email Template",
			"link",
			options=("Email Template",),
			depends_on={"field": "channel", "op": "!=", "value": "sms"},
			help="Gives subject and body. Only templates written by a System Manager are used.",
		),
		Field("subject", "Subject", "text", required=True, depends_on=_OWN_SUBJECT),
		Field(
			"body",
			"Body",
			"textarea",
			required=True,
			depends_on=_OWN_TEXT,
			html=True,
			help="Email: plain text or HTML, values are escaped. SMS: plain text.",
		),
	),
)
