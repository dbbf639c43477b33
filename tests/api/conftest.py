import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from flow_engine.testing.served import ServedHost


@pytest.fixture(scope="module")
def served(tmp_path_factory):
	with ServedHost(tmp_path_factory.mktemp("served")) as server:
		yield server
