"""Steps that undo another step: what they may hang on, and what may hang on them."""

from __future__ import annotations

from collections.abc import Sequence

from flow_engine.engine.definition import COMPENSATE
from flow_engine.engine.problems import WARNING, Problems
from flow_engine.engine.step_checks import CheckedStep

NOBODY = -1


def undone_by(steps: Sequence[CheckedStep], parents: Sequence[int]) -> list[int]:
	"""For each step the one that it belongs to the undoing of, as a place in `steps`; NOBODY for those of the
	ordinary course, and for what hangs in a cycle of parents."""
	children: list[list[int]] = [[] for _ in steps]
	for at, parent in enumerate(parents):
		if parent != NOBODY:
			children[parent].append(at)
	found = [NOBODY] * len(steps)
	waiting = [at for at, parent in enumerate(parents) if parent == NOBODY]
	for at in waiting:
		for child in children[at]:
			found[child] = found[at]
			if found[at] == NOBODY and steps[child].branch == COMPENSATE:
				found[child] = at
			waiting.append(child)
	return found


def check_compensations(
	steps: Sequence[CheckedStep],
	parents: Sequence[int],
	dependencies: Sequence[Sequence[tuple[int, int]]],
	problems: Problems,
) -> list[int]:
	"""Reports what undoes a step and hangs on anything else, or the other way round; `undone_by`."""
	owners = undone_by(steps, parents)
	_check_choices(steps, parents, problems)
	for at, step in enumerate(steps):
		if step.branch == COMPENSATE and parents[at] != NOBODY and owners[parents[at]] != NOBODY:
			message = f"“{steps[parents[at]].label}” undoes something itself, and is not undone in turn."
			problems.add(f"{step.path}.branch", "unknown_branch", message, step=step.id)
		for place, other in dependencies[at]:
			if owners[at] == owners[other]:
				continue
			if owners[at] != NOBODY:
				undone = steps[owners[at]].label
				message = (
					f"This step runs only to undo “{undone}”, and can wait for nothing but the other steps "
					"that do."
				)
			else:
				undone = steps[owners[other]].label
				message = f"“{steps[other].label}” only undoes “{undone}”, so nothing else waits for it."
			problems.add(f"{step.path}.depends_on[{place}]", "unreachable", message, step=step.id)
	return owners


def _check_choices(steps: Sequence[CheckedStep], parents: Sequence[int], problems: Problems) -> None:
	"""What a step says of being undone fits the steps that there are for it."""
	undone = {
		parent
		for step, parent in zip(steps, parents, strict=True)
		if step.branch == COMPENSATE and parent != NOBODY
	}
	for at, step in enumerate(steps):
		if step.compensate is True and at not in undone:
			message = "Steps of its own are to undo it, but there are none."
			problems.add(f"{step.path}.compensate", "bad_value", message, step=step.id)
		elif step.compensate is False and at in undone:
			message = "It is to be left as it is, so the steps that would undo it never run."
			problems.add(f"{step.path}.compensate", "unreachable", message, step=step.id, severity=WARNING)
