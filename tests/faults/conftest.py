"""What the fault tests share: a receiver that counts, and processes that may be killed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from counting_receiver import CountingReceiver
from forks import Forks

from flow_engine.testing.generated_flows import BROKEN_ONCE, BUSY_ONCE, REFUSES


@pytest.fixture(scope="session")
def receiver() -> Iterator[CountingReceiver]:
	found = CountingReceiver(paths={BUSY_ONCE: 1}, broken={BROKEN_ONCE: 1, REFUSES: -1})
	yield found
	found.stop()


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
	found = Forks()
	yield found
	found.stop()
