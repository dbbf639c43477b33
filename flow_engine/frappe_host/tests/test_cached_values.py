"""A value of the cache over the pool's own connections: read as it is, and never another's answer."""

from __future__ import annotations

from unittest.mock import patch

import frappe
import redis
from frappe.tests.utils import FrappeTestCase
from rq.timeouts import JobTimeoutException

from flow_engine.frappe_host import cached_values
from flow_engine.frappe_host.cached_values import ask_value
from flow_engine.frappe_host.trigger_cache import GENERATION, KEY, current_map, forget_triggers

NAMES = ("flow_engine_test_first", "flow_engine_test_second")


class TestCachedValues(FrappeTestCase):
	def setUp(self):
		for name in NAMES:
			frappe.cache.set(frappe.cache.make_key(name), name)
			self.addCleanup(frappe.cache.delete, frappe.cache.make_key(name))

	def test_a_value_is_the_one_that_was_written_last(self):
		first, second = NAMES
		self.assertEqual(ask_value(first), first.encode())
		frappe.cache.set(frappe.cache.make_key(first), "another")
		self.assertEqual(ask_value(first), b"another")
		self.assertEqual(ask_value(second), second.encode())
		self.assertIsNone(ask_value("flow_engine_test_nothing"))

	def test_an_answer_that_was_not_read_is_nobody_elses(self):
		first, second = NAMES
		# A command whose answer is still to come when the next one is sent.
		waiting = redis.Connection().pack_command("BLPOP", "flow_engine_test_nothing", 1)
		late = patch.dict(cached_values._packed, {frappe.cache.make_key(first): waiting})
		out_of_time = patch.object(redis.Connection, "read_response", side_effect=JobTimeoutException("up"))
		with late, out_of_time, self.assertRaises(JobTimeoutException):
			ask_value(first)
		self.assertEqual(ask_value(second), second.encode())
		self.assertEqual(frappe.cache.get(frappe.cache.make_key(second)), second.encode())

	def test_an_error_of_redis_leaves_the_connection_usable(self):
		name = NAMES[0]
		frappe.cache.delete(frappe.cache.make_key(name))
		frappe.cache.rpush(name, "a list is no value")
		with self.assertRaises(redis.exceptions.ResponseError):
			ask_value(name)
		self.assertEqual(ask_value(NAMES[1]), NAMES[1].encode())

	def test_a_map_is_parsed_again_only_when_a_generation_has_passed(self):
		def asked_anew():
			frappe.local.flow_engine_trigger_map = None
			return current_map()

		self.addCleanup(setattr, frappe.local, "flow_engine_trigger_map", None)
		forget_triggers()
		frappe.db.commit()  # only after a commit is the map put into the cache
		known = asked_anew()
		self.assertIs(asked_anew(), known)
		forget_triggers()
		frappe.db.commit()  # as above
		self.assertIsNot(asked_anew(), known)
		generation = frappe.cache.get(frappe.cache.make_key(GENERATION))
		self.assertIn(generation, frappe.cache.get(frappe.cache.make_key(KEY)))
