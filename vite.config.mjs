// The standalone server's page: the same components as in the desk, built into what `flow-engine serve` serves.
// Vue stays on the minor version that Frappe 15 brings, so that the components meet one Vue in both places.
import vue from "@vitejs/plugin-vue";
import { readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const built = here("flow_engine/sqlite_host/assets/editor");

/** What earlier builds left goes after the new files are there: a server that runs meanwhile always has a page. */
const sweep = {
	name: "sweep",
	writeBundle(options, bundle) {
		for (const name of readdirSync(built)) if (!(name in bundle)) rmSync(`${built}/${name}`);
	},
};

export default defineConfig({
	root: here("flow_engine/public/js/flow_engine_editor/standalone"),
	base: "/assets/editor/",
	plugins: [vue(), sweep],
	// `eval` and inlined data are forbidden by the server's Content-Security-Policy.
	define: { __VUE_OPTIONS_API__: "false", __VUE_PROD_DEVTOOLS__: "false" },
	build: {
		outDir: built,
		emptyOutDir: false,
		assetsDir: ".",
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
		target: "es2020",
	},
});
