"""A busy database, and commits whose outcome is not what the answer says, change nothing in the end."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from random import Random

import pytest
import story

SEED = int(os.environ.get("FLOW_ENGINE_FAULT_SEED") or 20260305)
# Every so many commits one goes wrong; all places in between have their turn.
EVERY_COMMIT = 6
EVERY_STATEMENT = 67


class Faults:
	"""Says when the next statement goes wrong: `before` it is executed, or `after`."""

	def __init__(self, word: str, every: int, offset: int, when: str):
		self.word, self.every, self.offset, self.when = word, every, offset, when
		self.seen = self.raised = 0

	def wrong(self, connection: sqlite3.Connection, sql: str) -> bool:
		if sql.startswith("ROLLBACK") or not (connection.in_transaction or sql.startswith("BEGIN")):
			return False
		if not sql.startswith(self.word):
			return False
		self.seen += 1
		if self.seen % self.every != self.offset:
			return False
		self.raised += 1
		return True


class FaultyConnection(sqlite3.Connection):
	faults: Faults | None = None

	def execute(self, sql, *values):
		wrong = self.faults is not None and self.faults.wrong(self, sql)
		if wrong and self.faults.when == "before":
			raise sqlite3.OperationalError("database is locked")
		result = super().execute(sql, *values)
		if wrong:
			raise sqlite3.OperationalError("database is locked")
		return result


@pytest.fixture(scope="module")
def calm(receiver, tmp_path_factory):
	"""`(prepared database, picture of an undisturbed story, what happened at the receiver)`."""
	folder = tmp_path_factory.mktemp("calm")
	prepared = folder / "prepared.sqlite"
	story.prepare(str(prepared), receiver.url, SEED)
	shutil.copy(prepared, folder / "flows.sqlite")
	receiver.forget()
	told = story.Story(folder, receiver.url)
	told.go_on()
	picture = told.picture()
	told.host.database.close()
	return prepared, picture, dict(receiver.effects)


def tell(calm, folder: Path, receiver, faults: Faults, monkeypatch) -> None:
	prepared, picture, effects = calm
	shutil.copy(prepared, folder / "flows.sqlite")
	receiver.forget()
	connect = sqlite3.connect
	monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=FaultyConnection))
	told = story.Story(folder, receiver.url)
	monkeypatch.setattr(FaultyConnection, "faults", faults)
	told.go_on()
	monkeypatch.setattr(FaultyConnection, "faults", None)
	assert faults.raised > 0
	assert told.picture() == picture
	assert receiver.effects == effects, "a call was made twice, or not at all"
	told.host.database.close()


@pytest.mark.parametrize("offset", range(EVERY_COMMIT))
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_error_around_a_commit_loses_nothing_and_repeats_nothing(
	calm, when, offset, tmp_path, receiver, monkeypatch
):
	"""After: the transaction is committed and the answer says it is not."""
	tell(calm, tmp_path, receiver, Faults("COMMIT", EVERY_COMMIT, offset, when), monkeypatch)


@pytest.mark.parametrize("offset", sorted(Random(SEED).sample(range(EVERY_STATEMENT), 16)))
def test_a_busy_database_at_any_statement_is_asked_again(calm, offset, tmp_path, receiver, monkeypatch):
	tell(calm, tmp_path, receiver, Faults("", EVERY_STATEMENT, offset, "before"), monkeypatch)
