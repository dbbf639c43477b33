// "Flow Run" in the Connections of every document that runs are about or that runs have written.
//
// The framework's own connections count one link field, named in advance for each DocType. A run can write
// any DocType, so the entry is added here, and only where there is something to show.

const OWN = ["Flow Run", "Flow Step Pending", "Flow Step Log", "Flow Template", "Flow Template Version"];

$(document).on("form-refresh", (_event, frm) => {
	frm.dashboard?.transactions_area?.find(".flow-engine-connections").remove();
	if (!may_have_runs(frm)) return;
	const name = frm.doc.name;
	frappe
		.xcall("flow_engine.api.connections.touching", { doctype: frm.doctype, docname: name }, "GET")
		.then((found) => {
			if (frm.doc.name === name && found.runs.length) show(frm, found);
		})
		// A form is never disturbed by what is only an addition to it.
		.catch(() => {});
});

function may_have_runs(frm) {
	return (
		frm.dashboard &&
		!frm.is_new() &&
		!frm.meta.issingle &&
		!frm.meta.istable &&
		!OWN.includes(frm.doctype) &&
		frappe.model.can_read("Flow Run")
	);
}

function show(frm, { runs, running, more }) {
	const area = frm.dashboard.transactions_area;
	area.find(".flow-engine-connections").remove();
	const count = more ? `${runs.length}+` : runs.length;
	const entry = $(`
		<div class="form-documents flow-engine-connections">
			<div class="row"><div class="col-md-4">
				<div class="form-link-title"><span>${__("Automation")}</span></div>
				<div class="document-link">
					<div class="document-link-badge">
						<span class="count">${count}</span>
						<a class="badge-link" href="#">${__("Flow Run")}</a>
					</div>
					<span class="open-notification ${running ? "" : "hidden"}"
						title="${__("{0} running", [running])}">${running}</span>
				</div>
			</div></div>
		</div>`).appendTo(area);
	entry.find(".badge-link").on("click", (event) => {
		event.preventDefault();
		open_list(runs);
	});
	entry.find(".open-notification").on("click", () => open_list(runs, "running"));
	frm.dashboard.links_area.show();
	frm.dashboard.show();
}

function open_list(runs, status) {
	frappe.route_options = { name: ["in", runs] };
	if (status) frappe.route_options.status = status;
	frappe.set_route("List", "Flow Run", "List");
}
