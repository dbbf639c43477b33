import assert from "node:assert/strict";
import { test } from "node:test";
import {
	documentType,
	findVariable,
	nearest,
	TRIGGER,
	unknownPath,
	variablesAt,
} from "../../flow_engine/public/js/flow_engine_editor/model/index.js";
import { catalog } from "./catalog.js";
import { after } from "./sketch.js";

const META = {
	Contract: {
		doctype: "Contract",
		label: "Contract",
		fields: [
			{
				name: "status",
				label: "Status",
				type: "Select",
				options: ["Active", "Inactive"],
				link: null,
				children: null,
			},
			{
				name: "start_date",
				label: "Start date",
				type: "Date",
				options: null,
				link: null,
				children: null,
			},
			{
				name: "party_name",
				label: "Party",
				type: "Link",
				options: null,
				link: "Customer",
				children: null,
			},
			{
				name: "items",
				label: "Items",
				type: "Table",
				options: null,
				link: null,
				children: [
					{
						name: "rate",
						label: "Rate",
						type: "Currency",
						options: null,
						link: null,
						children: null,
					},
				],
			},
		],
	},
	Customer: {
		doctype: "Customer",
		label: "Client",
		fields: [{ name: "email_id", label: "Email", type: "Data" }],
	},
};
META["Dispatch Job"] = {
	doctype: "Dispatch Job",
	label: "Intervention",
	fields: [
		{ name: "status", label: "Status", type: "Select", options: ["Open", "Completed"] },
		{ name: "scheduled_time", label: "Scheduled time", type: "Datetime" },
		{ name: "customer", label: "Customer", type: "Link", link: "Customer" },
	],
};
const start = after(
	"a H[a] b[H] K[b] x<K.yes y<K.no",
	{ type: "set_trigger", trigger: { event: "on_contract_signed", condition: "" } },
	{ type: "set_variables", variables: { group: "Installers", size: 3 } },
	{ type: "edit", id: "H", changes: { kind: "wait", trigger: { type: "on_webhook" } } },
);
const context = {
	catalog,
	fieldsOf: (doctype) => META[doctype] || null,
	samples: { doc: { status: "Active", items: [{ rate: 5 }] } },
};
const at = (id) => variablesAt(start, id, context);
const paths = (groups) => groups.flatMap((group) => group.items.map((item) => item.path));

test("the document is the event's, unless the trigger names another", () => {
	assert.equal(documentType(start, catalog), "Contract");
	assert.equal(documentType({ trigger: { event: "doc_event", doctype: "Issue" } }, catalog), "Issue");
	assert.equal(documentType({ trigger: null }, catalog), null);
});

test("at a step there are the fields of the document with label, type, choices and a sample", () => {
	const { item, trail } = findVariable("doc.status", at("b"));
	assert.deepEqual(item, {
		path: "doc.status",
		label: "Status",
		type: "Select",
		sample: "Active",
		options: ["Active", "Inactive"],
	});
	assert.deepEqual(trail, ["Contract", "Status"]);
	assert.equal(findVariable("doc.party_name", at("b")).item.link, "Customer");
	assert.equal(findVariable("doc.items.3.rate", at("b")).item.sample, 5);
	assert.deepEqual(findVariable("customer.email_id", at("b")).trail, ["Client", "Email"]);
});

test("of the steps only those it waits for, the nearest first", () => {
	const steps = (id) => at(id).flatMap((group) => group.roots.filter((root) => root.startsWith("steps.")));
	assert.deepEqual(steps("a"), []);
	assert.deepEqual(steps("b"), ["steps.H", "steps.a"]);
	assert.deepEqual(steps("y"), ["steps.K", "steps.b", "steps.H", "steps.a"]);
});

test("what is answered is there at the step that is answered, and after it as its result", () => {
	assert.ok(paths(at("H")).includes("input") && !paths(at("b")).includes("input"));
	assert.ok(paths(at("b")).includes("steps.H.result.input"));
	assert.ok(paths(at("a")).includes("links.H"));
});

test("before the start there are no steps, links or run", () => {
	const found = paths(at(TRIGGER));
	assert.ok(
		found.includes("doc.status") && found.includes("variables.group") && found.includes("trigger.user"),
	);
	assert.ok(!found.some((path) => /^(steps|links|run|input)\b/.test(path)));
});

test("an unknown path is told with what comes close; what may exist is not", () => {
	assert.deepEqual(unknownPath("doc.statuss", at("b")), {
		owner: "Contract",
		segment: "statuss",
		near: { path: "doc.status", label: "Status" },
	});
	assert.equal(unknownPath("customer.emailid", at("b")).near.path, "customer.email_id");
	assert.equal(unknownPath("docs.status", at("b")).near.path, "doc.status");
	assert.deepEqual(unknownPath("steps.x.result.name", at("y")), {
		owner: null,
		segment: "steps.x",
		near: null,
	});
	assert.equal(unknownPath("doc.items.0.ratee", at("b")).near.path, "doc.items.0.rate");
	for (const path of [
		"doc.status",
		"doc.items.7.rate",
		"doc.modified",
		"doc._assign",
		"doc.items.0.idx",
		"steps.a.result.anything",
		"variables.new",
		"trigger.before.status",
		"secret.key",
		"now",
		"run.customer",
	]) {
		assert.equal(unknownPath(path, at("b")), null, path);
	}
});

test("the fields of a document that another names are there one level deep, asked for when looked at", () => {
	const asked = [];
	const fieldsOf = (doctype) => (asked.push(doctype), META[doctype] || null);
	const groups = variablesAt(start, "b", { ...context, fieldsOf });
	assert.deepEqual([...new Set(asked)], ["Contract", "Customer"]);
	asked.length = 0;
	findVariable("doc.status", groups);
	nearest("doc.statuss", groups);
	assert.deepEqual(asked, []);
	assert.deepEqual(findVariable("doc.party_name.email_id", groups).trail, ["Contract", "Party", "Email"]);
	assert.deepEqual(asked[0], "Customer");
	assert.equal(unknownPath("doc.party_name.emailid", groups).near.path, "doc.party_name.email_id");
	assert.equal(findVariable("trigger.before.party_name.email_id", groups), null);
	const loading = variablesAt(start, "b", {
		...context,
		fieldsOf: (name) => (name === "Contract" ? META.Contract : null),
	});
	assert.equal(unknownPath("doc.party_name.anything", loading), null);
});

const jobs = after(
	"J w[J] K[w]",
	{ type: "edit", id: "J", changes: { kind: "dispatch_job" } },
	{ type: "rename", id: "J", label: "Fibre installation" },
);

test("the document that a step made is there by its fields' labels, before what the step left", () => {
	const groups = variablesAt(jobs, "K", context);
	const status = findVariable("steps.J.document.status", groups);
	assert.deepEqual(status.trail, ["Fibre installation", "Status"]);
	assert.deepEqual(status.item.options, ["Open", "Completed"]);
	assert.equal(status.item.type, "Select");
	const [, group] = groups.filter((one) => one.roots[0].startsWith("steps."));
	assert.deepEqual(
		group.items.map((item) => item.path.replace("steps.J.", "")),
		[
			"document.status",
			"document.scheduled_time",
			"document.customer",
			"document.name",
			"result.merged",
			"result.name",
			"status",
			"result",
			"error.message",
		],
	);
	assert.deepEqual(findVariable("steps.J.document.customer.email_id", groups).trail, [
		"Fibre installation",
		"Customer",
		"Email",
	]);
	assert.deepEqual(unknownPath("steps.J.document.statuss", groups), {
		owner: "Fibre installation",
		segment: "statuss",
		near: { path: "steps.J.document.status", label: "Status" },
	});
	for (const path of ["steps.J.document", "steps.J.document.owner", "steps.J.result.any"])
		assert.equal(unknownPath(path, groups), null, path);
	assert.equal(findVariable("steps.w.document.status", groups), null);
});

test("of an updated document the step says which it is, unless a placeholder does", () => {
	const updating = (doctype) =>
		variablesAt(
			after(jobs, { type: "edit", id: "J", changes: { kind: "erp_update", payload: { doctype } } }),
			"K",
			context,
		);
	assert.deepEqual(findVariable("steps.J.document.email_id", updating("Customer")).trail, [
		"Fibre installation",
		"Email",
	]);
	assert.equal(findVariable("steps.J.document.email_id", updating("{{variables.which}}")), null);
	assert.equal(unknownPath("steps.J.document.anything", updating("{{variables.which}}")), null);
});

test("what a step's document is like is asked for when somebody looks at that step", () => {
	const asked = [];
	const fieldsOf = (doctype) => (asked.push(doctype), META[doctype] || null);
	const groups = variablesAt(jobs, "K", { ...context, fieldsOf });
	unknownPath("doc.statuss", groups);
	findVariable("steps.w.status", groups);
	assert.ok(!asked.includes("Dispatch Job"));
	let known = null;
	const loading = variablesAt(jobs, "K", {
		...context,
		fieldsOf: (doctype) => (doctype === "Dispatch Job" ? known : META[doctype]),
	});
	assert.equal(findVariable("steps.J.document.status", loading), null);
	assert.equal(unknownPath("steps.J.document.statuss", loading), null);
	known = META["Dispatch Job"];
	assert.ok(findVariable("steps.J.document.status", loading));
});

test("a step whose id is a number is no row of a table", () => {
	const numbered = frozenWith("7");
	const groups = variablesAt(numbered, "K", context);
	assert.equal(findVariable("steps.7.document.status", groups).item.type, "Select");
});

function frozenWith(id) {
	const steps = jobs.steps.map((step) => ({
		...step,
		id: step.id === "J" ? id : step.id,
		depends_on: step.depends_on.map((other) => (other === "J" ? id : other)),
	}));
	return { ...jobs, steps };
}

test("while fields are not known nothing is called unknown", () => {
	const groups = variablesAt(start, "b", { catalog });
	for (const path of ["doc.x", "customer.y", "trigger.before.z"])
		assert.equal(unknownPath(path, groups), null, path);
});

test("another app's values are offered by its label", () => {
	const groups = variablesAt(start, "b", {
		...context,
		catalog: { ...catalog, roots: [{ name: "weather", label: "Weather" }] },
	});
	assert.deepEqual(findVariable("weather", groups).trail, ["Weather", "Weather"]);
	assert.equal(unknownPath("weather.wind", groups), null);
	assert.equal(unknownPath("whether.wind", groups).segment, "whether");
	assert.equal(nearest("completely.different.thing", groups), null);
});
