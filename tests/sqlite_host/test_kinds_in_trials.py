"""Kinds of other apps in a simulation: what they say about themselves, and what they are kept from."""

import socket
import subprocess
import sys
from dataclasses import replace

import pytest
import requests

from flow_engine.engine.kinds import register
from flow_engine.engine.kinds.base import Effect, Field, Kind
from flow_engine.engine.outcomes import Done
from flow_engine.sqlite_host.scenario import Scenario
from flow_engine.sqlite_host.simulation import simulate

PORTAL = Kind(
	name="portal_invite",
	label="Portal invitation",
	icon="mail",
	colour="#0ea5e9",
	effect=Effect.DATABASE,
	fields=(Field("to", "To", required=True), Field("pin", "PIN", sensitive=True)),
	handle=lambda ctx: Done({"really": True}),
)


def step_of(kind, **payload):
	step = {"id": "a", "kind": kind.name, "label": "A", "payload": {"to": "x", **payload}}
	definition = {"version": 1, "trigger": {"event": "manual"}, "variables": {}, "steps": [step]}
	return simulate(Scenario(definition, kinds=register([kind])))["steps"]["a"]


def test_a_kind_that_stays_within_its_ports_is_simulated_as_it_is():
	assert step_of(PORTAL)["result"] == {"really": True}


def test_a_kind_beyond_the_ports_is_refused_on_its_step():
	step = step_of(replace(PORTAL, beyond_ports=True))
	assert (step["status"], step["error"]["code"]) == ("failed", "cannot_simulate")
	assert "Portal invitation" in step["error"]["message"]


def test_a_kind_beyond_the_ports_runs_its_own_simulation():
	kind = replace(PORTAL, beyond_ports=True, simulate=lambda ctx: Done({"tried": ctx.payload["to"]}))
	assert step_of(kind)["result"] == {"tried": "x"}


def test_what_is_sensitive_is_not_shown():
	assert step_of(PORTAL, pin="1234")["rendered"] == {"to": "x", "pin": "•••"}


@pytest.fixture
def receiver():
	"""A listening socket that can tell whether anybody connected."""
	with socket.create_server(("127.0.0.1", 0)) as server:
		server.settimeout(0.2)
		yield server


def connects(address):
	def by_requests(ctx):
		session = requests.Session()
		session.trust_env = False
		session.post(f"http://127.0.0.1:{address[1]}/", timeout=2)
		return Done()

	def by_socket(ctx):
		socket.create_connection(address, timeout=2).close()
		return Done()

	def by_program(ctx):
		subprocess.run([sys.executable, "-c", ""], check=True)
		return Done()

	return {"requests": by_requests, "socket": by_socket, "program": by_program}


@pytest.mark.parametrize("way", ["requests", "socket", "program"])
def test_a_kind_that_reaches_out_without_saying_so_is_stopped(receiver, way):
	step = step_of(replace(PORTAL, handle=connects(receiver.getsockname())[way]))
	assert (step["status"], step["error"]["code"]) == ("failed", "cannot_simulate")
	with pytest.raises(TimeoutError):
		receiver.accept()


def test_outside_a_simulation_the_same_code_connects(receiver):
	step_of(PORTAL)
	connects(receiver.getsockname())["socket"](None)
	assert receiver.accept()


def test_the_catalog_says_which_kinds_can_be_tried_and_where_the_effect_follows_from_a_choice():
	entries = {name: kind.as_dict() for name, kind in register([replace(PORTAL, beyond_ports=True)]).items()}
	assert not entries["portal_invite"]["simulated"] and entries["notify"]["simulated"]
	assert entries["notify"]["effect_when"] == {
		"field": "channel",
		"values": {"email": "database", "sms": "external"},
	}
	assert entries["issue"]["effect_when"] is None
