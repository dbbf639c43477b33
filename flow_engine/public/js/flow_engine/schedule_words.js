// A schedule's timing in words for lists of the desk: "every Monday at 09:00".
import { cronWords } from "../flow_engine_editor/schedules/words.js";

frappe.provide("flow_engine");

flow_engine.cron_words = (line) => cronWords(line, frappe.boot.lang, (text, values) => __(text, values));
