"""Take one check away, and a named test fails: the checks are there for a reason, and the tests see it."""

from __future__ import annotations

import importlib.util
import unittest
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from test_lease_model import Leases

from flow_engine.engine.running import Advance
from flow_engine.engine.session import Session
from flow_engine.sqlite_host import schema
from flow_engine.store.claims import SqlClaims
from flow_engine.store.runs import SqlRuns

_CONTRACT = Path(__file__).parent.parent / "sqlite_host" / "test_contract.py"
_spec = importlib.util.spec_from_file_location("contract_on_sqlite", _CONTRACT)
contract = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(contract)


def without_the_token_check(patch):
	lock, write = SqlRuns.lock, SqlRuns.write
	patch.setattr(SqlRuns, "lock", lambda self, run, token=None: lock(self, run))
	patch.setattr(SqlRuns, "relock", lambda self, run, token: lock(self, run))
	patch.setattr(SqlRuns, "write", lambda self, run, token, **columns: write(self, run, None, **columns))


def without_the_token_check_of_a_batch(patch):
	lock_free, write = SqlRuns.lock_free, SqlRuns.write
	patch.setattr(SqlRuns, "write", lambda self, run, token, **columns: write(self, run, None, **columns))

	def any_token(self, runs):
		return [replace(record, lease_token=_Any()) for record in lock_free(self, runs)]

	patch.setattr(SqlRuns, "lock_free", any_token)


class _Any(str):
	"""Equal to every token."""

	def __eq__(self, other):
		return True

	__hash__ = str.__hash__


def without_the_unique_key(patch):
	patch.setattr(schema, "_INDEXES", tuple(line for line in schema._INDEXES if "trigger_key" not in line))


def without_the_revision_check(patch):
	patch.setattr(Session, "matches", lambda self, record: True)


def without_looking_again_under_the_lock(patch):
	patch.setattr(SqlClaims, "_choose", lambda self, rows, names, now: rows)


def without_settling_lost_calls(patch):
	patch.setattr(Advance, "_settle_lost_calls", lambda self, session, now, carried: False)


MUTATIONS = [
	(
		without_the_token_check,
		[
			"test_what_was_lost_cannot_be_locked_or_written_by_its_old_token",
			"test_a_zombie_that_comes_back_executes_nothing",
			"test_a_zombie_loses_the_effect_of_the_step_it_was_on",
		],
	),
	(without_the_token_check_of_a_batch, ["test_a_zombie_in_a_batch_writes_nothing_and_the_others_go_on"]),
	(without_the_unique_key, ["test_a_trigger_key_starts_one_run"]),
	(without_the_revision_check, ["test_what_an_outsider_does_during_a_call_is_kept"]),
	(without_looking_again_under_the_lock, ["test_a_claim_looks_again_under_the_lock"]),
	(
		without_settling_lost_calls,
		["test_a_call_whose_worker_was_lost_is_not_sent_again_and_says_so"],
	),
]
ROWS = [(mutation, name) for mutation, names in MUTATIONS for name in names]


def passes(name: str) -> bool:
	result = unittest.TestResult()
	contract.TestSqliteHost(name).run(result)
	return result.testsRun == 1 and result.wasSuccessful()


@pytest.mark.parametrize("mutation,name", ROWS, ids=[f"{m.__name__}-{n}" for m, n in ROWS])
def test_the_named_test_fails(mutation, name, monkeypatch):
	assert passes(name)
	mutation(monkeypatch)
	assert not passes(name)


def test_the_model_of_leases_sees_a_missing_token_check(monkeypatch):
	without_the_token_check(monkeypatch)
	bounded = settings(
		Leases.TestCase.settings,
		max_examples=200,
		database=None,
		phases=[Phase.generate],
		report_multiple_bugs=False,
	)
	with pytest.raises(AssertionError):
		run_state_machine_as_test(Leases, settings=bounded)
