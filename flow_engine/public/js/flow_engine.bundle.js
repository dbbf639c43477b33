import "./flow_engine/connections.js";
import "./flow_engine/step_table.js";
