"""What planning a step costs, and that it does not cost more in a larger flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from time import process_time

from benchmarks.measure import Measurement, in_turns, median, paired, seconds
from flow_engine.engine.definition import FlowDefinition, Step
from flow_engine.engine.planning import Frontier
from flow_engine.engine.state import RunStatus, StepStatus

SIZES = (20, 200, 2_000)
# Every sample plans as many steps in all, so that the small flows are not measured by the clock's grain.
STEPS_PER_SAMPLE = 4_000
TARGET = "<= 1.3"
_AT = datetime(2026, 1, 1, tzinfo=timezone.utc)


def chain(size: int) -> FlowDefinition:
	"""Each step depends on the one before."""
	return _definition(Step(f"s{i}", "wait", depends_on=(f"s{i - 1}",) if i else ()) for i in range(size))


def fan_out(size: int) -> FlowDefinition:
	"""One step, then all others beside one another, then a join of them all."""
	middle = [Step(f"s{i}", "wait", depends_on=("s0",)) for i in range(1, size - 1)]
	join = Step("join", "wait", depends_on=tuple(step.id for step in middle))
	return _definition([Step("s0", "wait"), *middle, join])


def deep_tree(size: int) -> FlowDefinition:
	"""Each step is the child of the one before."""
	return _definition(Step(f"s{i}", "wait", parent_id=f"s{i - 1}" if i else None) for i in range(size))


SHAPES: dict[str, Callable[[int], FlowDefinition]] = {
	"chain": chain,
	"fan-out and join": fan_out,
	"deep tree": deep_tree,
}


def _definition(steps) -> FlowDefinition:
	definition = FlowDefinition(steps=tuple(steps))
	# As in a worker: computed once per published version and kept.
	_ = definition.position, definition.children, definition.dependents
	return definition


def play(definition: FlowDefinition) -> None:
	"""Plan and settle every step of a run, nothing executed and nothing stored."""
	frontier = Frontier(definition, {}, _AT)
	while frontier.ready:
		step_id = frontier.ready.popleft()
		state = frontier.state(step_id)
		frontier.settle(step_id, state.move(StepStatus.DONE, completed_at=_AT))
	assert frontier.status() is RunStatus.COMPLETED


def measure(rounds: int) -> Iterator[Measurement]:
	for shape, build in SHAPES.items():
		samples = in_turns({str(size): _sampler(build(size), size) for size in SIZES}, rounds)
		smallest = samples[str(SIZES[0])]
		for size in SIZES:
			largest = size == SIZES[-1]
			yield Measurement(
				f"planning: {shape}, {size:,} steps",
				median(samples[str(size)]) * 1e6,
				"µs per step",
				"" if size == SIZES[0] else f"{SIZES[0]} steps",
				None if size == SIZES[0] else paired(samples[str(size)], smallest),
				TARGET if largest else "",
			)


def _sampler(definition: FlowDefinition, size: int) -> Callable[[], float]:
	times = STEPS_PER_SAMPLE // size

	def sample() -> float:
		return seconds(lambda: [play(definition) for _ in range(times)], process_time) / (times * size)

	return sample
