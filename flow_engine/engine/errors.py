"""Every refusal and failure of the engine, one class per rule broken.

The class decides `code` (stable, for programs) and `http_status` (for the API); its docstring is the default
message (for people). Facts are keyword arguments and become attributes. Hosts translate foreign errors into
these in one table each; `api/` turns them into answers.
"""

from __future__ import annotations

from typing import Any


class FlowError(Exception):
	"""The flow engine refused."""

	code = "flow_error"
	http_status = 400

	def __init__(self, message: str | None = None, **facts: Any):
		self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
		self.facts = facts
		for name, value in facts.items():
			setattr(self, name, value)
		super().__init__(self.message)

	def as_dict(self) -> dict:
		"""`{code, message, problems?}`: the body of an API answer."""
		body: dict[str, Any] = {"code": self.code, "message": self.message}
		problems = self.facts.get("problems")
		if problems is not None:
			body["problems"] = [p.as_dict() if hasattr(p, "as_dict") else p for p in problems]
		return body


# --- what a caller asked for cannot be done -----------------------------------------------------------------


class BadInput(FlowError):
	"""The request is not understood."""

	code = "bad_input"


class InvalidDefinition(FlowError):
	"""The flow definition has problems."""

	code = "invalid_definition"
	http_status = 422


class TemplateNotFound(FlowError):
	"""There is no such flow template."""

	code = "template_not_found"
	http_status = 404


class TemplateProtected(FlowError):
	"""A system template cannot be changed, renamed or deleted; duplicate it instead."""

	code = "template_protected"
	http_status = 403


class TemplateNotPublished(FlowError):
	"""The flow template has no published version."""

	code = "template_not_published"
	http_status = 409


class TemplateInactive(FlowError):
	"""The flow template is paused."""

	code = "template_inactive"
	http_status = 409


class TemplateRetired(FlowError):
	"""The flow template is retired: it starts no runs until somebody brings it back."""

	code = "template_retired"
	http_status = 409


class DraftUnpublished(FlowError):
	"""The draft has changes that are not published: say whether to keep or to replace it."""

	code = "draft_unpublished"
	http_status = 409


class CannotMigrate(FlowError):
	"""The run cannot go on with that version of the flow."""

	code = "cannot_migrate"
	http_status = 409


class NameTaken(FlowError):
	"""Another flow template of this category has the same name."""

	code = "name_taken"
	http_status = 409


class SaveConflict(FlowError):
	"""Someone else saved this since it was opened."""

	code = "save_conflict"
	http_status = 409


class RunNotFound(FlowError):
	"""There is no such flow run."""

	code = "run_not_found"
	http_status = 404


class StepNotFound(FlowError):
	"""The flow run has no such step."""

	code = "step_not_found"
	http_status = 404


class RunFinal(FlowError):
	"""The flow run has ended and cannot be changed."""

	code = "run_final"
	http_status = 409


class RunBusy(FlowError):
	"""Another process holds the flow run; try again in a moment."""

	code = "run_busy"
	http_status = 409


class StepNotWaiting(FlowError):
	"""The step is not waiting for this."""

	code = "step_not_waiting"
	http_status = 409


class IllegalMove(FlowError):
	"""The step cannot go from its present state to the one asked for."""

	code = "illegal_move"
	http_status = 409


class NotAllowed(FlowError):
	"""You are not allowed to do this."""

	code = "not_allowed"
	http_status = 403


class NotOnAllowList(NotAllowed):
	"""Only the people that the flow names may do this."""

	code = "not_on_allow_list"


class StepHandedOn(NotAllowed):
	"""You have handed this step on to somebody else."""

	code = "step_handed_on"


class BadToken(FlowError):
	"""The step token is not valid."""

	code = "bad_token"
	http_status = 403


class InputTooLarge(FlowError):
	"""The posted body is larger than 64 KB."""

	code = "input_too_large"
	http_status = 413


class EngineDisabled(FlowError):
	"""The flow engine is switched off on this site."""

	code = "engine_disabled"
	http_status = 409


class DuplicateTrigger(FlowError):
	"""A run with this trigger key exists already."""

	code = "duplicate_trigger"
	http_status = 409


class TooDeep(FlowError):
	"""Flows have started one another too many times in a row."""

	code = "too_deep"
	http_status = 409


class RecursionCut(FlowError):
	"""A flow has started itself again, directly or through others, more often than it may."""

	code = "recursion_cut"
	http_status = 409


class RunNotEnded(FlowError):
	"""The flow run is still running."""

	code = "run_not_ended"
	http_status = 409


class NothingToCompensate(FlowError):
	"""Nothing that the run has done can be undone."""

	code = "nothing_to_compensate"
	http_status = 409


class RunCompensated(FlowError):
	"""What this run had done has been undone, so it cannot go on."""

	code = "run_compensated"
	http_status = 409


class IsCompensation(FlowError):
	"""This run undoes another one; it is neither undone nor replayed itself."""

	code = "is_compensation"
	http_status = 409


class StateUnreadable(FlowError):
	"""The stored state of the flow run cannot be read."""

	code = "state_unreadable"
	http_status = 500


class StateTooNew(StateUnreadable):
	"""The state of the flow run was written by a newer version of the flow engine; upgrade the app."""

	code = "state_too_new"


class WebhookEndpointNotFound(FlowError):
	"""There is no webhook endpoint of this name."""

	code = "webhook_endpoint_not_found"
	http_status = 404


class InvalidWebhookEndpoint(FlowError):
	"""The webhook endpoint has problems."""

	code = "invalid_webhook_endpoint"
	http_status = 422


class DeliveryNotFound(FlowError):
	"""There is no such delivery."""

	code = "delivery_not_found"
	http_status = 404


class DeliveryFinal(FlowError):
	"""The delivery has ended; it can be sent again, not cancelled."""

	code = "delivery_final"
	http_status = 409


# --- between workers ----------------------------------------------------------------------------------------


class LeaseLost(FlowError):
	"""Another worker took over the flow run."""

	code = "lease_lost"
	http_status = 409


class TransientDatabaseError(FlowError):
	"""The database asked for the transaction to be repeated."""

	code = "transient_database_error"
	http_status = 503


class StorageFailed(FlowError):
	"""The database cannot be written; nothing of this transaction was kept."""

	code = "storage_failed"
	http_status = 503


# --- why a step failed: never shown as a traceback ----------------------------------------------------------


class StepError(FlowError):
	"""The step failed."""

	code = "step_failed"


class DocumentNotFound(StepError):
	"""The document does not exist."""

	code = "document_not_found"
	http_status = 404


class UnknownDocType(StepError):
	"""The DocType does not exist on this site."""

	code = "unknown_doctype"


class CannotSimulate(StepError):
	"""The step's kind acts by itself and does not say how it is tried without effect."""

	code = "cannot_simulate"


class PermissionDenied(StepError):
	"""The acting user lacks the permission."""

	code = "permission_denied"
	http_status = 403


class RunAsInvalid(StepError):
	"""The user this flow runs as is disabled or no longer allowed to run it."""

	code = "run_as_invalid"


class ValidationFailed(StepError):
	"""The document was refused by its own validation."""

	code = "validation_failed"


class GuardRefused(StepError):
	"""The engine's guard refuses this write."""

	code = "guard_refused"


class Conflict(StepError):
	"""The document was changed by someone else at the same moment."""

	code = "conflict"


class HandlerCommitted(StepError):
	"""The step's handler tried to commit by itself."""

	code = "handler_committed"


class BadTemplate(StepError):
	"""A value of the step cannot be rendered."""

	code = "bad_template"


class BadDelay(StepError):
	"""The delay does not render to a number that is zero or more."""

	code = "bad_delay"


class BadDate(StepError):
	"""The date of the step cannot be read."""

	code = "bad_date"


class BadCondition(StepError):
	"""The condition cannot be evaluated within its bounds."""

	code = "bad_condition"


class CannotCompensate(StepError):
	"""What the step has done can no longer be undone by itself."""

	code = "cannot_compensate"


class UnknownKind(StepError):
	"""No installed app knows this kind of step."""

	code = "unknown_kind"


class KindRefused(FlowError):
	"""A kind of step that an app brings cannot be registered."""

	code = "kind_refused"
	http_status = 500


class CannotActivate(StepError):
	"""The subscription cannot be activated from its present status."""

	code = "cannot_activate"


class MessageRefused(StepError):
	"""The message cannot be sent as it is."""

	code = "message_refused"


# --- outbound HTTP: what is known about a call that gave no usable answer -----------------------------------


class HttpError(StepError):
	"""The HTTP call failed."""

	code = "http_error"


class HttpRefused(HttpError):
	"""The address is not one a flow may call."""

	code = "http_refused"


class HttpNotSent(HttpError):
	"""The request never left: the name was not resolved or the connection was refused."""

	code = "http_not_sent"


class HttpNoAnswer(HttpError):
	"""The request was sent and no answer came: its outcome is unknown."""

	code = "outcome_unknown"
