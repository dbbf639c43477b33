"""The model of leases on MariaDB: a trace told to it and to SQLite leads to the same at every act."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import frappe
from frappe.tests.utils import FrappeTestCase
from hypothesis import HealthCheck, Phase, example, given, seed, settings

from flow_engine.frappe_host.host import compose_host
from flow_engine.frappe_host.tests import test_contract as on_site
from flow_engine.testing.lease_model import LeaseModel, play
from flow_engine.testing.lease_traces import InMemory, traces

EXAMPLES = 30
LONGEST = 18
SEED = random.randrange(10**6)
# Who is next when an answered run, a started one and one whose lease was lost are all due.
THREE_ARE_DUE = [
	("start", {}),
	("work", {}),
	("start", {}),
	("start", {}),
	("claim", {"limit": 1}),
	("interfere", {"pick": 0, "act": "answer"}),
	("sleep_past_the_lease", {}),
]


class ModelRuns(on_site.LaterRuns):
	"""Only the model's own runs: the site may have others that are due."""

	def due(self, limit, only=None):
		mine = set(self.model.runs)
		return [name for name in super().due(1_000, only) if name in mine][:limit]


class OnSite:
	"""`lease_model.Place` on the site."""

	def __init__(self, case, model):
		host = compose_host()
		runs = ModelRuns(host.clock.time_zone, patient=True)
		runs.model = model
		self.case = case
		self.host = replace(host, kinds=model.kinds(), runs=runs, jobs=on_site.NoHints())

	def publish(self, definition):
		return self.case.publish(definition, f"Model {frappe.generate_hash(length=10)}")

	def now(self):
		return self.host.runs.transact(self.host.runs.now)

	def pass_time(self, seconds):
		self.host.runs.later += timedelta(seconds=seconds)


class TestLeaseModel(FrappeTestCase):
	user = "Administrator"
	# Not as a base or a name of this module: its own tests would be collected once more.
	publish, remove_what_was_made = (
		on_site.TestFrappeHost.publish,
		on_site.TestFrappeHost.remove_what_was_made,
	)

	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		cls.switched = frappe.db.get_single_value("Flow Engine Settings", "disabled")
		on_site.switch(True)

	@classmethod
	def tearDownClass(cls):
		on_site.switch(bool(cls.switched))
		super().tearDownClass()

	def test_both_databases_do_the_same_at_every_act(self):
		print(f"seed {SEED}")

		@seed(SEED)
		@settings(
			max_examples=EXAMPLES,
			deadline=None,
			database=None,
			# Each try takes seconds, and a trace as it was found is short enough to read.
			phases=[Phase.explicit, Phase.generate],
			suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
		)
		@given(trace=traces(LONGEST))
		@example(trace=THREE_ARE_DUE)
		def told(trace):
			self.templates, self.before = [], {"Issue": set(frappe.get_all("Issue", pluck="name"))}
			mine, others = LeaseModel(), LeaseModel()
			others.open(InMemory(others.kinds()))
			try:
				mine.open(OnSite(self, mine))
				self.assertEqual(play(mine, trace), play(others, trace))
			finally:
				self.remove_what_was_made()
				others.host.database.close()

		told()
