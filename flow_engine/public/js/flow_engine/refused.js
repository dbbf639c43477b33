// Calls of the API from a form. A refusal is shown as the server's sentence, as text, and ends there.

frappe.provide("flow_engine");

// Resolves with the answer; when the server refuses it says so on the screen and never resolves.
flow_engine.call = function (method, args) {
	return new Promise((resolve) =>
		frappe.call({
			method: `flow_engine.api.${method}`,
			args,
			callback: (reply) => resolve(reply.message),
			error: show_refusal,
		}),
	);
};

flow_engine.show_refusal = show_refusal;

function show_refusal(reply) {
	// The framework has a message of its own for what is forbidden.
	if (!reply || !reply.responseJSON || reply.status === 403) return;
	frappe.msgprint({
		title: __("Flow Engine"),
		indicator: "red",
		message: frappe.utils.escape_html(
			reply.responseJSON.message || __("This did not work; see the Error Log."),
		),
	});
}
