"""The model of leases on SQLite, told by chance what happens next."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from flow_engine.testing.lease_model import LeaseModel
from flow_engine.testing.lease_traces import ARGUMENTS, InMemory


class Leases(RuleBasedStateMachine):
	@initialize()
	def open(self):
		self.model = LeaseModel()
		self.place = InMemory(self.model.kinds())
		self.model.open(self.place)

	@rule()
	def start(self):
		self.model.start()

	@rule(**ARGUMENTS["claim"])
	def claim(self, limit):
		self.model.claim(limit)

	@precondition(lambda self: self.model.held)
	@rule()
	def sleep_past_the_lease(self):
		self.model.sleep_past_the_lease()

	@precondition(lambda self: self.model.held)
	@rule(**ARGUMENTS["advance"])
	def advance(self, pick):
		self.model.advance(pick)

	@precondition(lambda self: self.model.held)
	@rule(**ARGUMENTS["advance_and_die"])
	def advance_and_die(self, pick, point, nth):
		self.model.advance_and_die(pick, point, nth)

	@rule()
	def work(self):
		self.model.work()

	@rule(**ARGUMENTS["work_and_die"])
	def work_and_die(self, point, nth):
		self.model.work_and_die(point, nth)

	@rule(**ARGUMENTS["pass_time"])
	def pass_time(self, seconds):
		self.model.pass_time(seconds)

	@rule(**ARGUMENTS["change_the_receiver"])
	def change_the_receiver(self, mode):
		self.model.change_the_receiver(mode)

	@rule(**ARGUMENTS["interfere"])
	def interfere(self, pick, act):
		self.model.interfere(pick, act)

	@invariant()
	def nothing_is_written_twice_and_nothing_without_its_record(self):
		if hasattr(self, "model"):
			self.model.check()

	def teardown(self):
		if hasattr(self, "model"):
			self.model.end()
			self.place.host.database.close()


TestLeases = Leases.TestCase
TestLeases.settings = settings(
	max_examples=25,
	stateful_step_count=25,
	deadline=None,
	suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
	derandomize=False,
	print_blob=True,
)
