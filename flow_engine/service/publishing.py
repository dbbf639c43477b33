"""What follows from publishing a flow, on both hosts and whatever the door: the audit event, and everything
that has to agree with the version new runs start on."""

from __future__ import annotations

from flow_engine.engine.ports import AuditEvent, Host


def after_publish(host: Host, template: str, version: int, note: str = "") -> None:
	"""Called once for each published version, in the transaction that wrote it: after its row and the
	template's, so that both can be read. What raises here takes the publication back with it."""
	host.runs.audit(
		AuditEvent("template.published", flow_template=template, reason=note, details={"version": version})
	)
