import re

import frappe
from frappe import _
from frappe.model.document import Document

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
HOST = re.compile(
	r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*|\[[0-9a-f:.]+\]"
)


class BadSecret(frappe.ValidationError):
	"""The name or the hosts of a secret cannot be used."""


class FlowSecret(Document):
	"""A value that webhooks may send to the hosts named here, and nobody may read."""

	def validate(self):
		if not NAME.fullmatch(self.secret_name or ""):
			frappe.throw(_("A secret's name has letters, digits and _ only."), BadSecret)
		hosts = self.host_list()
		self.refuse_new_hosts_without_value(hosts)
		self.hosts = "\n".join(hosts)

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
