// Reads `[{field, payload}]` and writes for each whether the panel shows the field.
import { readFileSync } from "node:fs";
import { shownFields } from "../../flow_engine/public/js/flow_engine_editor/panel/shown.js";

const asked = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(asked.map(({ field, payload }) => shownFields([field], payload).length === 1)));
