"""A fire for many documents: each once, in batches that a crash does not repeat, never more than the cap."""

from __future__ import annotations

from typing import Any

from flow_engine.engine.errors import BadInput
from flow_engine.service import doors, schedule_preview, schedules
from flow_engine.testing.schedule_contract import MINUTE, ScheduleWords


class FanOutContract(ScheduleWords):
	def issues_for(self, *priorities: str) -> list[str]:
		"""Issues that only this test lists."""
		made = [
			self.new_document("Issue", subject=self.named(f"{n} {priority}"), description=priority)
			for n, priority in enumerate(priorities)
		]
		return [document["name"] for document in made]

	def for_issues(self, template: str, **values: Any) -> str:
		given = {
			"fan_out_doctype": "Issue",
			"fan_out_filters": [["subject", "like", f"%{self.mark}"]],
			"fan_out_order": "name desc",
			"batch_size": 2,
		}
		return self.schedule(template, **{**given, **values})

	def about(self, template: str) -> list[str]:
		return sorted(row["context_docname"] for row in self.runs_of(template))

	def test_each_matching_document_gets_one_run(self):
		template = self.flow_of()
		issues = self.issues_for("Low", "High", "Low", "Low", "Low")
		name = self.for_issues(template)
		at = self.wait_for(name)
		self.assertEqual(self.fire(), {"fired": 1, "runs": 5})
		self.assertEqual(self.about(template), sorted(issues))
		keys = {row["trigger_key"] for row in self.runs_of(template)}
		self.assertEqual(keys, {f"schedule:{name}:{at:%Y%m%dT%H%M%SZ}:{issue}" for issue in issues})
		(fire,) = self.fires(name)
		counts = [fire[key] for key in ("status", "documents_total", "documents_done", "runs_started")]
		self.assertEqual(counts, ["completed", 5, 5, 5])

	def test_the_runs_of_one_fire_are_found_by_it(self):
		template = self.flow_of()
		issues = self.issues_for("Low", "High")
		name = self.for_issues(template)
		for _ in range(2):
			self.wait_for(name)
			self.fire()

		def found(fire: str) -> list[str]:
			return sorted(row["context_docname"] for row in doors.list_runs(self.host, fire=fire)["runs"])

		first, second = (fire["name"] for fire in self.fires(name))
		self.assertEqual((found(first), found(second)), (sorted(issues), sorted(issues)))
		self.assertEqual(found(name), sorted(issues * 2))
		self.assertEqual(found(name[:-1]), [])
		for wrong in ("%", f"{name}:", "FS 1", "x" * 141):
			with self.assertRaises(BadInput):
				found(wrong)

	def test_the_condition_is_asked_of_each_document_as_the_flows_user_reads_it(self):
		template = self.flow_of()
		issues = self.issues_for("Low", "High", "Low", "High")
		condition = {"field": "doc.description", "op": "contains", "value": "High"}
		name = self.for_issues(template, fan_out_condition=condition)
		shown = self.host.runs.transact(
			lambda: schedule_preview.preview(
				self.host,
				{
					"flow_template": template,
					"cron": "0 9 * * *",
					"fan_out_doctype": "Issue",
					"fan_out_filters": [["subject", "like", f"%{self.mark}"]],
					"fan_out_condition": condition,
				},
			)
		)
		self.assertEqual(sorted(shown["matches"]["documents"]), sorted([issues[1], issues[3]]))
		self.assertEqual((shown["matches"]["count"], shown["matches"]["capped"]), (2, False))
		self.wait_for(name)
		self.fire()
		self.assertEqual(self.about(template), sorted([issues[1], issues[3]]))
		self.assertEqual(self.fires(name)[0]["passed_over"], 2)

	def test_no_more_are_started_than_the_limit_says(self):
		template = self.flow_of()
		issues = self.issues_for("Low", "Low", "Low", "Low")
		name = self.for_issues(template, fan_out_limit=3, fan_out_order="subject desc")
		self.wait_for(name)
		self.fire()
		self.assertEqual(self.about(template), sorted(issues[1:]))
		(fire,) = self.fires(name)
		self.assertEqual((fire["status"], fire["capped"], fire["runs_started"]), ("completed", True, 3))

	def test_killed_between_and_inside_batches_each_document_still_gets_one_run(self):
		template = self.flow_of()
		issues = self.issues_for("Low", "Low", "Low", "Low", "Low")
		name = self.for_issues(template)
		self.wait_for(name)
		for point in ("fan_out.listed", "fan_out.batched", "start.inserted"):
			self.killed_at(point, self.fire)
		self.fire()
		self.assertEqual(self.about(template), sorted(issues))
		self.assertEqual(self.fires(name)[0]["runs_started"], 5)

	def test_a_document_that_cannot_be_started_leaves_the_others_their_turn(self):
		template = self.flow_of()
		issues = self.issues_for("Low", "Low", "Low")
		name = self.for_issues(template)
		self.wait_for(name)
		self.killed_at("fan_out.batched", lambda: [self.fire(), self.fire()])
		with self.host.documents.acting_as(self.user):
			self.forget_document("Issue", issues[1])
		self.fire()
		(fire,) = self.fires(name)
		self.assertEqual((fire["status"], fire["runs_started"], fire["refused"]), ("completed", 2, 1))
		self.assertEqual([entry["document"] for entry in fire["refusals"]], [issues[1]])
		self.assertEqual(fire["refusals"][0]["code"], "document_not_found")

	def forget_document(self, doctype: str, name: str) -> None:
		raise NotImplementedError

	def test_a_flow_that_is_paused_meanwhile_ends_the_fire(self):
		template = self.flow_of()
		self.issues_for("Low", "Low", "Low")
		name = self.for_issues(template)
		self.wait_for(name)
		self.killed_at("fan_out.batched", self.fire)
		self.switch(template, False)
		self.fire()
		(fire,) = self.fires(name)
		self.assertEqual((fire["status"], fire["error"]["code"]), ("failed", "template_inactive"))
		self.assertEqual(self.about(template), [])

	def test_a_fire_by_hand_goes_through_the_documents_too(self):
		template = self.flow_of()
		issues = self.issues_for("Low", "Low")
		name = self.for_issues(template)
		made = schedules.fire_now(self.host, name, "", self.user)
		self.assertEqual((made["run"], made["status"]), (None, "running"))
		self.pass_time(MINUTE)
		self.fire()
		self.assertEqual(self.about(template), sorted(issues))
