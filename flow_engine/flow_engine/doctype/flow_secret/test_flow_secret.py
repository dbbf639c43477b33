import frappe
from frappe.client import get_password
from frappe.tests.utils import FrappeTestCase

from flow_engine.engine.errors import BadTemplate, HttpRefused
from flow_engine.flow_engine.doctype.flow_secret.flow_secret import BadSecret
from flow_engine.frappe_host.secrets import resolve_secret

VALUE = "tell-no-one-7f3a"
MANAGER = "flow.secret.manager@example.com"


def make_secret(**values):
	secret = {
		"doctype": "Flow Secret",
		"secret_name": "portal_key",
		"value": VALUE,
		"hosts": "api.example.com",
	}
	return frappe.get_doc({**secret, **values}).insert()


class TestFlowSecret(FrappeTestCase):
	def setUp(self):
		frappe.set_user("Administrator")
		frappe.db.delete("Flow Secret", {"secret_name": "portal_key"})
		if not frappe.db.exists("User", MANAGER):
			user = {"doctype": "User", "email": MANAGER, "first_name": "Manager", "send_welcome_email": 0}
			frappe.get_doc(user).insert().add_roles("Flow Manager")

	def tearDown(self):
		frappe.set_user("Administrator")

	def test_the_value_goes_to_its_own_hosts_only(self):
		make_secret()
		for host in ("api.example.com", "API.Example.com", "api.example.com."):
			self.assertEqual(resolve_secret("portal_key", host), VALUE)
		for host in ("example.com", "api.example.com.evil.net", "evil.net", ""):
			with self.subTest(host=host):
				self.assertRaises(HttpRefused, resolve_secret, "portal_key", host)
		self.assertRaises(BadTemplate, resolve_secret, "no_such_key", "api.example.com")

	def test_no_door_gives_the_value_to_anybody(self):
		make_secret()
		for user in (MANAGER, "Administrator"):
			with self.subTest(user=user):
				frappe.set_user(user)
				self.look_for_value()

	def look_for_value(self):
		self.assertNotIn(VALUE, frappe.get_doc("Flow Secret", "portal_key").as_json())
		self.assertNotIn(VALUE, frappe.as_json(frappe.get_list("Flow Secret", fields=["*"])))
		self.assertRaises(frappe.PermissionError, get_password, "Flow Secret", "portal_key", "value")

	def test_the_value_is_in_no_table_in_the_clear(self):
		make_secret()
		self.assertNotIn(VALUE, str(frappe.db.sql("select * from `tabFlow Secret`")))
		self.assertNotIn(VALUE, str(frappe.db.sql("select * from `__Auth` where doctype='Flow Secret'")))

	def test_names_and_hosts_that_cannot_work_are_refused(self):
		rows = (
			{"secret_name": "with space"},
			{"secret_name": "dotted.name"},
			{"value": "abc"},
			{"hosts": ""},
			{"hosts": "https://api.example.com"},
			{"hosts": "api.example.com/path"},
			{"hosts": "user@api.example.com"},
			{"hosts": "*.example.com"},
		)
		for row in rows:
			with self.subTest(**row):
				self.assertRaises((BadSecret, frappe.MandatoryError), make_secret, **row)

	def test_hosts_are_kept_one_per_line_and_lower_case(self):
		self.assertEqual(
			make_secret(hosts=" API.example.com \n\napi.example.com\nb.test").hosts, "api.example.com\nb.test"
		)

	def test_a_new_host_needs_the_value_again(self):
		make_secret()
		secret = frappe.get_doc("Flow Secret", "portal_key")
		for guess in (secret.value, "***", ""):
			secret.reload()
			secret.hosts += "\nevil.example.net"
			secret.value = guess
			self.assertRaises((BadSecret, frappe.MandatoryError), secret.save)
		secret.reload()
		secret.hosts += "\nother.example.net"
		secret.value = "a-new-value"
		secret.save()
		self.assertEqual(resolve_secret("portal_key", "other.example.net"), "a-new-value")
