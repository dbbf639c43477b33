from flow_engine.engine.kinds import PROJECT_KINDS
from flow_engine.engine.kinds.base import Effect
from flow_engine.engine.outcomes import Done


def test_a_wait_that_has_fired_is_done_and_changes_nothing(world):
	assert world.do("wait", {}) == Done()
	assert PROJECT_KINDS["wait"].effect_for({}) is Effect.NONE
	assert not world.documents.kept
