// The editor in the desk: mounts only. Loaded when a form or a dialog first needs it; what it decides stands in
// flow_engine_editor/.
import { createApp, h, ref } from "vue";
import FlowEditor from "./flow_engine_editor/canvas/FlowEditor.vue";
import { createDeskHost } from "./flow_engine_editor/host/desk.js";

import StartPayload from "./flow_engine_editor/payload/StartPayload.vue";
import StartPage from "./flow_engine_editor/pages/StartPage.vue";
import RunView from "./flow_engine_editor/run/RunView.vue";
import HookView from "./flow_engine_editor/hooks/HookView.vue";
import NewSchedule from "./flow_engine_editor/schedules/NewSchedule.vue";
import ScheduleView from "./flow_engine_editor/schedules/ScheduleView.vue";
import VersionsPage from "./flow_engine_editor/versions/VersionsPage.vue";
import { useFlowEditor } from "./flow_engine_editor/editor.js";

frappe.provide("flow_engine.editor");

// Mounts a component into an element; answers `{exposed, destroy}`. `exposed()` is what the component offers.
function mount(component, element, props) {
	const host = createDeskHost();
	const inner = ref(null);
	const app = createApp({ render: () => h(component, { ...props, ref: inner }) });
	app.provide("host", host);
	app.config.errorHandler = (error) => {
		console.error(error);
		host.notify(__("Something went wrong on this page: {0}", [error.message]), "failed");
	};
	// The desk's own keys act on the window, and some of them take the focus away: what was a key of the editor, or
	// closes something in it, goes no further.
	element.addEventListener("keydown", stop_handled);
	app.mount(element);
	return {
		exposed: () => inner.value,
		destroy() {
			element.removeEventListener("keydown", stop_handled);
			app.unmount();
		},
	};
}

function stop_handled(event) {
	if (event.defaultPrevented || event.key === "Escape") event.stopPropagation();
}

Object.assign(flow_engine.editor, {
	mount_editor: (element, props) => mount(FlowEditor, element, props),
	mount_run: (element, props) => mount(RunView, element, props),
	mount_start: (element, props) => mount(StartPage, element, props),
	mount_hook: (element, props) => mount(HookView, element, props),
	mount_payload: (element, props) => mount(StartPayload, element, props),
	mount_schedule: (element, props) => mount(ScheduleView, element, props),
	mount_new_schedule: (element, props) => mount(NewSchedule, element, props),
	mount_versions: (element, props) => mount(VersionsPage, element, props),
	use: useFlowEditor,
});
