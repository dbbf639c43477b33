from dataclasses import replace

import frappe

from flow_engine.flow_engine.doctype.flow_delivery.test_flow_delivery import SiteAtRest
from flow_engine.frappe_host.host import SiteHost, compose_host
from flow_engine.frappe_host.tests.test_contract import LaterRuns, NoHints
from flow_engine.frappe_host.trigger_cache import forget_triggers
from flow_engine.frappe_host.webhooks import SiteEndpointStore
from flow_engine.store.deliveries import SqlDeliveries
from flow_engine.store.webhooks import SqlEndpoints
from flow_engine.testing.builders import flow
from flow_engine.testing.webhook_contract import WebhookContract

test_ignore = ["Flow Template"]
DOCTYPE = "Flow Webhook Endpoint"


class TestWebhooksOnASite(WebhookContract, SiteAtRest):
	def make_host(self) -> SiteHost:
		host = compose_host()
		runs = LaterRuns(host.clock.time_zone, patient=True)
		return replace(
			host,
			runs=runs,
			deliveries=SqlDeliveries(runs),
			endpoints=SqlEndpoints(runs),
			endpoint_store=SiteEndpointStore(runs),
			jobs=NoHints(),
		)

	def pass_time(self, seconds):
		self.host.runs.later += type(self.host.runs.later)(seconds=seconds)

	def rows(self, doctype, **filters):
		frappe.db.rollback()
		where = "".join(f" and `{column}` = %s" for column in filters)
		return frappe.db.sql(
			f"select * from `tab{doctype}` where 1 = 1{where} order by creation, name",
			list(filters.values()),
			as_dict=True,
		)

	def a_flow(self) -> str:
		name = frappe.db.get_value("Flow Template", {"template_name": f"Told {self.mark}"})
		if not name:
			values = {"template_name": f"Told {self.mark}", "flow_definition": frappe.as_json(flow())}
			name = frappe.get_doc({"doctype": "Flow Template", **values}).insert().name
			self.addCleanup(frappe.db.delete, "Flow Template", {"name": name})
			frappe.db.commit()  # what is told refers to it
		return name

	def remove_what_was_made(self):
		super().remove_what_was_made()
		names = ("in", self.made_endpoints or [""])
		frappe.db.delete(DOCTYPE, {"name": names})
		frappe.db.delete("Flow Delivery", {"reference_name": names})
		frappe.db.delete("__Auth", {"doctype": DOCTYPE, "name": names})
		frappe.db.delete("Flow Audit Event", {"details": ("like", f"%{self.mark}%")})
		frappe.db.delete("Notification Log", {"document_type": DOCTYPE})
		frappe.db.set_single_value(
			"Flow Engine Settings", {"signing_key": 0, "signing_overlap_until": None}, update_modified=False
		)
		forget_triggers()
		frappe.db.commit()  # the site is left as it was found
