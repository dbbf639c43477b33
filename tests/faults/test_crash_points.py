"""Killed at every named place of the protocol, a story of flows ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from pathlib import Path
from random import Random

import pytest
import story

from flow_engine.engine.crash_points import CRASH_POINTS

ROOT = Path(__file__).parent.parent.parent
SEED = int(os.environ.get("FLOW_ENGINE_FAULT_SEED") or 20260301)


class Teller:
	"""Tells the story in processes, on copies of one prepared database."""

	def __init__(self, forks, receiver, prepared: Path):
		self.forks, self.receiver, self.prepared = forks, receiver, prepared

	def tell(self, folder: Path, crash=None, count=False) -> int:
		"""One process; its exit code."""
		if not (folder / "flows.sqlite").exists():
			self.receiver.forget()
			folder.mkdir(parents=True, exist_ok=True)
			shutil.copy(self.prepared, folder / "flows.sqlite")
		return self.forks.tell(folder, self.receiver.url, crash, count)

	def answer(self, folder: Path) -> dict:
		return json.loads((folder / "answer.json").read_text())


@pytest.fixture(scope="module", params=[SEED, SEED + 1], ids=lambda seed: f"seed {seed}")
def told(request, forks, receiver, tmp_path_factory):
	"""`(teller, what an undisturbed telling ends in, what the receiver did, times each point is reached)`."""
	folder = tmp_path_factory.mktemp("told")
	prepared = folder / "prepared.sqlite"
	story.prepare(str(prepared), receiver.url, request.param)
	teller = Teller(forks, receiver, prepared)
	assert teller.tell(folder / "calm", count=True) == 0
	answer = teller.answer(folder / "calm")
	yield teller, answer["picture"], dict(receiver.effects), answer["reached"]


@pytest.mark.parametrize("point", [name for name in CRASH_POINTS if name != "lost_call.settled"])
def test_a_killed_process_changes_nothing_in_the_end(told, point, tmp_path, receiver):
	teller, calm, effects, reached = told
	assert reached.get(point), f"the story never gets to {point}"
	nth = Random(f"{point} {sorted(effects)}").randint(1, reached[point])
	print(f"{point}: killed the {nth}th time of {reached[point]}")
	assert teller.tell(tmp_path, (point, nth)) == -signal.SIGKILL
	assert_ends_alike(teller, tmp_path, calm, effects, receiver)


@pytest.mark.parametrize("second", ["lost_call.settled", "turn.written", "outsider.written"])
def test_killed_again_while_recovering(told, second, tmp_path, receiver):
	"""The first crash is in a call; the second before its unknown outcome, or the operator's answer to it, is
	committed."""
	teller, calm, effects, _ = told
	assert teller.tell(tmp_path, ("call.after", 2)) == -signal.SIGKILL
	assert teller.tell(tmp_path, (second, 1)) == -signal.SIGKILL
	assert_ends_alike(teller, tmp_path, calm, effects, receiver)


def assert_ends_alike(teller, folder, calm, effects, receiver):
	assert teller.tell(folder) == 0
	answer = teller.answer(folder)
	assert answer["picture"] == calm
	assert receiver.effects.keys() == effects.keys()
	safe = safe_steps(folder)
	for key, times in receiver.effects.items():
		assert times == 1 or key.rpartition(":")[2] in safe, f"{key} happened {times} times"
	for key, times in receiver.arrivals.items():
		assert times <= answer["attempts"][key], f"{key} was sent more often than was attempted"


def safe_steps(folder: Path) -> set[str]:
	host = story.open_host(str(folder / "flows.sqlite"))
	texts = host.database.rows("SELECT definition FROM `tabFlow Template Version`")
	host.database.close()
	steps = [step for text in texts for step in json.loads(text["definition"])["steps"]]
	return {step["id"] for step in steps if step["payload"].get("method") == "PUT"}


def test_every_named_point_is_in_the_protocol_and_every_point_in_it_is_named():
	used: list[str] = []
	for part in ("engine", "store", "service", "sqlite_host"):
		for path in (ROOT / "flow_engine" / part).rglob("*.py"):
			used += re.findall(r"\breach\(\"([a-z_.]+)\"\)", path.read_text())
	assert set(used) == set(CRASH_POINTS)


def test_both_hosts_have_the_same_points_around_their_commit():
	def points(host: str) -> list[str]:
		text = (ROOT / "flow_engine" / host / "store.py").read_text()
		return re.findall(r"\breach\(\"([a-z_.]+)\"\)", text)

	assert points("sqlite_host") == points("frappe_host")


def test_every_point_is_in_the_documents():
	text = (ROOT / "docs" / "guarantees.md").read_text()
	section = text.split("## Crash points")[1].split("\n## ")[0]
	assert dict(re.findall(r"^\| `([a-z_.]+)` +\| (.+?) +\|$", section, re.MULTILINE)) == dict(CRASH_POINTS)
