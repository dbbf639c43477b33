"""Sequences for record names, on sites where the app was installed before they existed."""

from flow_engine.install import create_sequences


def execute():
	create_sequences()
