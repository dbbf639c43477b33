import "./flow_engine/connections.js";
import "./flow_engine/outline.js";
import "./flow_engine/step_table.js";
import "./flow_engine/refused.js";
