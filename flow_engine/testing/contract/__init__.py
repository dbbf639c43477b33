"""The host contract in parts; `flow_engine.testing.host_contract` puts them together."""
