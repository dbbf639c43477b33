import "./flow_engine/connections.js";
import "./flow_engine/flows_menu.js";
import "./flow_engine/open_editor.js";
import "./flow_engine/refused.js";
import "./flow_engine/schedule_words.js";
import "./flow_engine/service_levels.js";
import "./flow_engine/times.js";
