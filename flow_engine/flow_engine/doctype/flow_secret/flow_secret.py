import re

import frappe
from frappe import _
from frappe.model.document import Document

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
HOST = re.compile(
	r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*|\[[0-9a-f:.]+\]"
)

# Anything shorter cannot be taken out of a log without taking ordinary text with it.
LEAST_LENGTH = 4


class BadSecret(frappe.ValidationError):
	"""The name or the hosts of a secret cannot be used."""


class FlowSecret(Document):
	"""A value that webhooks may send to the hosts named here, and nobody may read."""

	def validate(self):
		if not NAME.fullmatch(self.secret_name or ""):
			frappe.throw(_("A secret's name has letters, digits and _ only."), BadSecret)
		hosts = self.host_list()
		self.refuse_new_hosts_without_value(hosts)
		self.refuse_short_value()
		self.hosts = "\n".join(hosts)

	def get_password(self, fieldname: str = "value", raise_exception: bool = True):
		"""Refused to everybody: the API of the framework would read the value out to administrators."""
		frappe.throw(_("The value of a secret is only ever sent, never shown."), frappe.PermissionError)

	def refuse_short_value(self):
		if not self.is_dummy_password(self.value or "*") and len(self.value) < LEAST_LENGTH:
			frappe.throw(
				_("A secret needs {0} characters at least.").format(LEAST_LENGTH),
				BadSecret,
			)

	def host_list(self) -> list[str]:
		hosts = list(dict.fromkeys(line.strip().lower() for line in (self.hosts or "").splitlines()))
		hosts = [host for host in hosts if host]
		if not hosts:
			frappe.throw(_("Name the hosts that the secret may be sent to."), BadSecret)
		for host in hosts:
			if not HOST.fullmatch(host):
				frappe.throw(
					_("{0} is not a host name: write it without scheme, port or path.").format(
						frappe.utils.escape_html(host)
					),
					BadSecret,
				)
		return hosts

	def refuse_new_hosts_without_value(self, hosts: list[str]):
		"""Who does not know the value must not be able to have it sent to a place of their own."""
		before = self.get_doc_before_save()
		if not before or not self.is_dummy_password(self.value or "*"):
			return
		added = [host for host in hosts if host not in (before.hosts or "").splitlines()]
		if added:
			frappe.throw(
				_("Enter the value again to let it be sent to {0}.").format(", ".join(added)), BadSecret
			)
