"""`steps.<id>.document`: the document that a step's result names, as it is when a path asks for it."""

from __future__ import annotations

import json

from flow_engine.engine.errors import DocumentNotFound, PermissionDenied
from flow_engine.engine.interventions import complete_step
from flow_engine.engine.outcomes import Done
from flow_engine.engine.templating import render_text, resolve_path
from flow_engine.testing.builders import issue, step
from flow_engine.testing.contract.base import ContractBase

STATUS = "steps.job.document.status"


def is_closed(step_id="ask", **keys):
	payload = {"field": STATUS, "op": "==", "value": "Closed"}
	return step(step_id, "condition", payload=payload, **keys)


class MadeDocumentContract(ContractBase):
	def change(self, doctype, name, **values):
		"""As somebody would who works on the document meanwhile."""

		def work():
			with self.host.documents.acting_as(self.user):
				self.host.documents.update(doctype, name, values)

		self.host.runs.transact(work)

	def refusing(self, error):
		"""Nobody may read an Issue until `del self.host.documents.get`."""
		get = self.host.documents.get

		def reading(doctype, name):
			if doctype == "Issue":
				raise error
			return get(doctype, name)

		self.host.documents.get = reading

	def test_a_condition_after_a_wait_reads_what_became_of_the_document(self):
		for becomes, branch in ((None, "no"), ("Closed", "yes")):
			run = self.start(
				issue("job", self.named("Install")),
				step("wait", when="manual", after=["job"]),
				is_closed(after=["wait"]),
				step("done", parent="ask", branch="yes"),
				issue("escalate", parent="ask", branch="no"),
			)
			self.drain(run)
			made = self.state(run, "job").result["name"]
			if becomes:
				self.change("Issue", made, status=becomes)
			complete_step(self.host, run, "wait")
			self.drain(run)
			self.assert_done(run)
			self.assertEqual(
				self.state(run, "ask").result, {"branch": branch, "read": {STATUS: becomes or "Open"}}
			)
			self.assertEqual(self.states(run)["escalate"], "skipped" if becomes else "done")

	def test_jsonlogic_texts_and_dates_read_it_too(self):
		def open_issue(ctx):
			values = {"subject": self.named("Install"), "opening_date": "2020-03-02"}
			made = ctx.documents.insert("Issue", values)
			return Done({"doctype": "Issue", "name": made["name"]})

		self.on("job", open_issue)
		rule = {"logic": {"==": [{"var": STATUS}, "Open"]}}
		date = ("on_date", {"at": "{{steps.job.document.opening_date}}", "offset_days": -1})
		run = self.start(
			step("job", "t_db"),
			step("ask", "condition", payload=rule, after=["job"]),
			step("date", after=["job"], when=date),
			issue("text", "Again {{steps.job.document.subject}}", after=["job"]),
		)
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(self.state(run, "ask").result, {"branch": "yes", "read": {STATUS: "Open"}})
		self.assertEqual(self.issues("Again Install"), 1)

	def test_a_step_that_made_nothing_and_a_document_that_is_gone_are_empty(self):
		read = {"field": STATUS, "op": "empty"}
		for kind in ("wait", "issue"):
			job = issue("job", self.named("Install")) if kind == "issue" else step("job")
			run = self.start(job, step("ask", "condition", payload=read, after=["job"]))
			self.refusing(DocumentNotFound("gone"))
			try:
				self.drain(run)
			finally:
				del self.host.documents.get
			self.assertEqual(self.state(run, "ask").result, {"branch": "yes", "read": {STATUS: None}}, kind)

	def test_a_document_that_may_not_be_read_fails_the_step_that_asks_and_no_other(self):
		run = self.start(
			issue("job", self.named("Install")),
			is_closed(after=["job"]),
			step(
				"other", "condition", payload={"field": "steps.job.status", "op": "not_empty"}, after=["job"]
			),
		)
		self.refusing(PermissionDenied("no"))
		try:
			self.drain(run)
		finally:
			del self.host.documents.get
		self.assert_failed(run, "ask", "permission_denied")
		self.assertEqual(self.states(run)["other"], "done")

	def test_a_call_has_the_documents_its_payload_names_and_loads_nothing_itself(self):
		customer = self.new_document("Customer", customer_name=self.named("Ann"))
		there = {
			"steps.job.document.subject": self.named("Install"),
			"steps.job.document.customer.customer_name": self.named("Ann"),
		}
		absent = ("steps.job.document.owner.name", "steps.more.document.subject")
		found = {}

		def call(ctx):
			found.update((path, resolve_path(path, ctx.values, None)) for path in (*there, *absent))
			found["whole"] = render_text("{{steps.more|json}}", ctx.values)
			return Done()

		self.on("call", call)
		run = self.start(
			issue("job", self.named("Install")),
			issue("more", self.named("More"), after=["job"]),
			# Paths that are not rendered: the handler follows them by itself.
			step("call", "t_call", payload={"value": [*there, "{{steps.more.status}}"]}, after=["more"]),
			context_doctype="Customer",
			context_docname=customer["name"],
		)
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(
			{path: found[path] for path in (*there, *absent)}, {**there, **dict.fromkeys(absent)}
		)
		self.assertEqual(list(json.loads(found["whole"])), ["status", "result", "error"])
