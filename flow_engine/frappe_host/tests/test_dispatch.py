"""Events that code tells of, and what watching documents costs those that nobody watches."""

from unittest.mock import patch

import frappe
import redis

import flow_engine
from flow_engine.frappe_host import trigger_cache
from flow_engine.frappe_host.tests.events_for_tests import (
	EventsTestCase,
	new_request,
	queries,
	save_a_todo,
	switched_off,
)
from flow_engine.frappe_host.tests.flows_for_tests import (
	make_customer,
	make_flow,
	make_todo,
	runs_of,
)
from flow_engine.service.events import Event


class TestDispatch(EventsTestCase):
	def test_it_answers_which_flows_it_started_and_why_not_the_others(self):
		customer = make_customer()
		wanted = {"field": "variables.amount", "op": ">", "value": 100}
		large = make_flow("on_payment_received", condition=wanted)
		every = make_flow("on_payment_received")
		answers = flow_engine.dispatch_event(
			"on_payment_received", "Customer", customer.name, variables={"amount": 5}
		)
		by_flow = {answer["template"]: answer for answer in answers}
		self.assertEqual((by_flow[large]["started"], by_flow[large]["reason"]), (False, "condition"))
		self.assertTrue(by_flow[every]["started"])
		run = runs_of(every)[0]
		self.assertEqual(by_flow[every]["run"], run.name)
		self.assertEqual((run.customer, run.variables), (customer.name, {"amount": 5}))

	def test_it_never_raises_into_its_caller(self):
		make_flow("on_payment_received")
		table = (
			("on_payment_received", "Customer", "Nobody", None),
			("on_payment_received", "No Such DocType", "x", None),
			("on_payment_received", None, None, "not JSON"),
			("on_payment_received", None, None, [1]),
			("no_such_event", None, None, None),
		)
		for event, doctype, name, variables in table:
			with self.subTest(event=event, doctype=doctype, variables=variables):
				answers = flow_engine.dispatch_event(event, doctype, name, variables=variables)
				self.assertFalse(any(answer["started"] for answer in answers))

	def test_flows_that_are_started_by_hand_are_not_events(self):
		flow = make_flow("manual")
		self.assertEqual(flow_engine.dispatch_event("manual"), [])
		self.assertEqual(runs_of(flow), [])

	def test_another_apps_event_starts_flows(self):
		told = Event("on_fibre_cut", "A fibre is cut")
		with patch.dict("flow_engine.frappe_host.extensions.BUSINESS_EVENTS", {told.name: told}):
			with patch.dict("flow_engine.frappe_host.extensions._built", clear=True):
				flow = make_flow("on_fibre_cut")
		self.assertTrue(flow_engine.dispatch_event("on_fibre_cut", variables={"cable": "K7"})[0]["started"])
		self.assertEqual(runs_of(flow)[0].variables, {"cable": "K7"})


class TestCost(EventsTestCase):
	"""What a save costs that no flow watches."""

	def test_a_save_that_no_flow_watches_makes_no_query(self):
		make_flow(doctype="Note", doc_event="on_update")
		frappe.db.after_commit.run()
		self.assertEqual(queries(save_a_todo), queries(save_a_todo, without_hooks=True))

	def test_a_request_asks_the_cache_once(self):
		frappe.db.after_commit.run()
		trigger_cache._refill()
		trigger_cache._last_read.clear()
		for what in ("the map, which this process does not know", "whether it is still the one it knows"):
			new_request()
			with (
				self.subTest(what),
				patch.object(frappe.cache, "mget", wraps=frappe.cache.mget) as both,
				patch.object(trigger_cache, "ask_value", wraps=trigger_cache.ask_value) as one,
			):
				save_a_todo()
				self.assertEqual(both.call_count + one.call_count, 1)
				save_a_todo()
				self.assertEqual(both.call_count + one.call_count, 1)

	def test_without_redis_the_database_is_asked_once_per_request_and_saves_go_on(self):
		flow = make_flow(doctype="ToDo", doc_event="after_insert")
		new_request()
		down = redis.exceptions.ConnectionError("Connection refused")
		read = trigger_cache.read_database
		with (
			patch.object(frappe.cache, "mget", side_effect=down),
			patch.object(trigger_cache, "ask_value", side_effect=down),
			patch.object(trigger_cache, "read_database", side_effect=read) as asked,
		):
			make_todo()
			make_todo()
		self.assertEqual(asked.call_count, 1)
		self.assertEqual(len(runs_of(flow)), 2)

	def test_a_map_that_cannot_be_read_costs_flows_and_not_saves(self):
		new_request()
		broken = patch.object(trigger_cache, "read_database", side_effect=RuntimeError("a bug"))
		with patch.object(trigger_cache, "_fetch", return_value=None), broken:
			self.assertTrue(frappe.db.exists("ToDo", make_todo().name))


class TestTriggerCache(EventsTestCase):
	def setUp(self):
		super().setUp()
		trigger_cache._refill()

	def test_a_change_is_seen_at_once_by_its_own_transaction_and_by_nobody_else(self):
		shared = trigger_cache._fetch()
		flow = make_flow(doctype="ToDo", doc_event="after_insert")
		make_todo()
		self.assertEqual(len(runs_of(flow)), 1)
		self.assertIsNotNone(shared)
		self.assertIsNone(trigger_cache._fetch())

	def test_a_map_read_before_a_change_and_written_after_it_is_not_used(self):
		cache = frappe.cache
		generation = cache.get(cache.make_key(trigger_cache.GENERATION))
		old = cache.get(cache.make_key(trigger_cache.KEY))
		self.assertTrue(old.startswith(trigger_cache._head(generation)))
		trigger_cache._new_generation()
		cache.set(cache.make_key(trigger_cache.KEY), old)
		self.assertIsNone(trigger_cache._fetch())

	def test_a_transaction_that_may_be_old_reads_for_itself_and_fills_the_cache_only_once_it_is_over(self):
		trigger_cache._new_generation()
		new_request()
		trigger_cache.current_map()
		self.assertIsNone(trigger_cache._fetch())
		frappe.db.after_commit.run()
		self.assertIsNotNone(trigger_cache._fetch())

	def test_it_is_dropped_again_after_the_commit(self):
		make_flow(doctype="ToDo", doc_event="after_insert")
		# Somebody reads the old state while the change is not committed yet.
		trigger_cache._refill()
		filled_too_early = trigger_cache._fetch()
		self.assertIsNotNone(filled_too_early)
		self.assertIs(trigger_cache._fetch(), filled_too_early)
		frappe.db.after_commit.run()
		self.assertIsNot(trigger_cache._fetch(), filled_too_early)

	def test_what_was_rolled_back_is_not_remembered(self):
		make_flow(doctype="ToDo", doc_event="after_insert")
		make_todo()
		frappe.db.rollback()
		watch = trigger_cache.triggers_for("ToDo")
		self.assertFalse(watch and watch.doc_events.get("after_insert"))

	def test_a_map_survives_its_way_through_the_cache(self):
		condition = {"all": [{"field": "doc.status", "op": "==", "value": "Open"}]}
		flow = make_flow(
			doctype="ToDo", doc_event="field_change", field="status", from_="", to="Open", condition=condition
		)
		trigger_cache._refill()
		direct = trigger_cache.index(*trigger_cache.read_database())
		cached = trigger_cache._fetch()
		self.assertEqual(cached, direct)
		self.assertEqual(
			[t.template for t in cached.by_doctype["ToDo"].changes if t.template == flow], [flow]
		)

	def test_a_switch_in_the_settings_is_seen(self):
		self.assertFalse(trigger_cache.current_map().disabled)
		with switched_off("settings"):
			self.assertTrue(trigger_cache.current_map().disabled)
