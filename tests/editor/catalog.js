// The catalog that the server gives, as test_model.py puts it into the environment: the tests have none of their own.
import { readFileSync } from "node:fs";

if (!process.env.FLOW_CATALOG) throw new Error("Run these through `python -m pytest tests/editor`.");
export const catalog = JSON.parse(readFileSync(process.env.FLOW_CATALOG, "utf8"));
