/** The standalone server's page: the editor's components, its own addresses, its own dialogs. */
import { createApp } from "vue";
import "../../../css/flow_engine_editor.bundle.scss";
import "../../../css/flow_engine_editor/standalone.css";
import { createStandaloneHost } from "../host/standalone.js";
import App from "./App.vue";
import { drawIcons } from "./icons.js";
import { createRouter } from "./router.js";

/** As in the desk, the theme is an attribute; here it follows the machine's. */
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const applyTheme = () => (document.documentElement.dataset.theme = dark.matches ? "dark" : "light");
dark.addEventListener("change", applyTheme);
applyTheme();

drawIcons();
const leaving = { mayLeave: async () => true };
const router = createRouter(() => leaving.mayLeave());
const host = createStandaloneHost({ navigate: router.navigate });
document.documentElement.lang = host.language;
createApp(App, { route: router.route, leaving }).provide("host", host).mount("#app");
