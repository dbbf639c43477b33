"""What a worker has loaded before it forks its first job."""

import json
import subprocess
import sys

import frappe
from frappe.tests.utils import FrappeTestCase

LOADED = """
import json, sys
sys.argv = json.loads(sys.argv[1])
import flow_engine.commands
print(json.dumps("flow_engine.frappe_host.host" in sys.modules))
"""


def is_loaded_by(*arguments: str) -> bool:
	"""In a process of its own, without a site, as bench starts it."""
	done = subprocess.run(
		[sys.executable, "-c", LOADED, json.dumps(["bench_helper", "frappe", *arguments])],
		cwd=frappe.utils.get_bench_path() + "/sites",
		capture_output=True,
		text=True,
	)
	assert not done.returncode and not done.stderr, done.stderr
	return json.loads(done.stdout)


class TestPreloading(FrappeTestCase):
	def test_a_worker_loads_the_engine_before_its_first_job_and_other_commands_do_not(self):
		self.assertTrue(is_loaded_by("worker", "--queue", "short"))
		self.assertTrue(is_loaded_by("worker-pool"))
		self.assertFalse(is_loaded_by("--site", "all", "migrate"))
		self.assertFalse(is_loaded_by("serve", "--port", "8000"))
