"""Paths through a link of a document: one link, as whoever acts, and for calls before they are made."""

from __future__ import annotations

from flow_engine.engine.errors import DocumentNotFound, PermissionDenied
from flow_engine.engine.outcomes import Done
from flow_engine.engine.templating import resolve_path
from flow_engine.testing.builders import step
from flow_engine.testing.contract.base import ContractBase

NAME = "doc.customer.customer_name"


class LinkContract(ContractBase):
	def linked_issue(self, **values):
		"""An Issue of a customer; `columns` of a run about it."""
		self.customer = self.new_document("Customer", customer_name=self.named("Ann"), **values)
		issue = self.new_document("Issue", subject=self.named("About"), customer=self.customer["name"])
		return {"context_doctype": "Issue", "context_docname": issue["name"]}

	def ensure(self, doctype, name):
		"""A site has it already."""

		def work():
			if not self.host.documents.find(doctype, {"name": name}):
				self.host.documents.insert(doctype, {"name": name})

		self.host.runs.transact(work)

	def test_a_text_reads_through_a_link_of_the_document(self):
		about = self.linked_issue()
		run = self.start(step("a", "issue", payload={"subject": "For {{" + NAME + "}}"}), **about)
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(self.issues("For Ann"), 1)

	def test_a_condition_reads_through_a_link_and_keeps_what_it_read(self):
		about = self.linked_issue()
		payload = {"field": NAME, "op": "==", "value": self.named("Ann")}
		run = self.start(step("a", "condition", payload=payload), **about)
		self.drain(run)
		self.assertEqual(self.state(run, "a").result, {"branch": "yes", "read": {NAME: self.named("Ann")}})

	def test_a_link_of_the_customer_is_followed_too_and_a_second_one_is_not(self):
		about = self.linked_issue()
		other = self.new_document("Issue", subject=self.named("Other"), customer=self.customer["name"])
		about["context_docname"] = other["name"]
		group = "customer.customer_group"
		expected = self.customer["customer_group"]
		self.ensure("Customer Group", expected)
		for path, value in ((f"{group}.name", expected), ("doc.customer.customer_group.name", None)):
			run = self.start(
				step("a", "condition", payload={"field": path, "op": "==", "value": expected}), **about
			)
			self.drain(run)
			self.assertEqual(self.state(run, "a").result["read"], {path: value})

	def test_a_call_has_what_its_payload_reads_through_links_and_loads_nothing_itself(self):
		about = self.linked_issue()
		found = []

		def call(ctx):
			found.append(resolve_path(NAME, ctx.values, None))
			found.append(resolve_path("doc.owner.name", ctx.values, None))
			return Done()

		self.on("call", call)
		run = self.start(step("call", "t_call", payload={"value": "{{" + NAME + "}}"}), **about)
		self.drain(run)
		self.assert_done(run)
		self.assertEqual(found, [self.named("Ann"), None])

	def test_a_value_that_names_nothing_leads_nowhere(self):
		about = self.linked_issue()
		for path in ("doc.subject.name", "doc.nothing.name", "doc.contact.name", "doc.customer.nothing"):
			payload = {"field": path, "op": "empty"}
			run = self.start(step("a", "condition", payload=payload), **about)
			self.drain(run)
			self.assertEqual(self.state(run, "a").result["branch"], "yes", path)

	def test_a_link_to_what_was_deleted_is_empty_and_one_that_may_not_be_read_fails_the_step(self):
		about = self.linked_issue()
		payload = {"field": NAME, "op": "empty"}
		get = self.host.documents.get

		def refusing(error):
			def reading(doctype, name):
				if doctype == "Customer":
					raise error
				return get(doctype, name)

			return reading

		for error, outcome in ((DocumentNotFound("gone"), "done"), (PermissionDenied("no"), "failed")):
			self.host.documents.get = refusing(error)
			try:
				run = self.start(step("a", "condition", payload=payload), **about)
				self.drain(run)
			finally:
				del self.host.documents.get
			self.assertEqual(self.states(run), {"a": outcome})
