/** The one editor of a page, which anything on that page may open over itself. */
import { ref, shallowRef } from "vue";

const dialog = {
	isOpen: ref(false),
	/** What to open: `{name}` or the presets of a new flow; a new object each time. */
	request: shallowRef(null),
	savedCallbacks: new Set(),
};

/**
 * What any page uses to open the editor over itself: `openTemplate(name)`, `openNew(presets)`, `close()`; `onSaved`
 * answers a function that stops listening. Whoever mounts the dialog watches `isOpen` and `request`.
 */
export function useFlowEditor() {
	const open = (request) => {
		dialog.request.value = request;
		dialog.isOpen.value = true;
	};
	return {
		isOpen: dialog.isOpen,
		request: dialog.request,
		openTemplate: (name, options = {}) => open({ ...options, name }),
		openNew: (presets = {}) => open({ ...presets, name: null }),
		close: () => {
			dialog.isOpen.value = false;
			dialog.request.value = null;
		},
		onSaved: (callback) => {
			dialog.savedCallbacks.add(callback);
			return () => dialog.savedCallbacks.delete(callback);
		},
		told: (template) => dialog.savedCallbacks.forEach((callback) => callback(template)),
	};
}
