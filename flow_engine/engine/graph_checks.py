"""How the steps hang together: parents, branches, dependencies, cycles, and dependencies that can never be
met.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flow_engine.engine.compensation_checks import check_compensations
from flow_engine.engine.definition import COMPENSATE, FAILURE_BRANCHES, LATE_BRANCH, OnError
from flow_engine.engine.problems import WARNING, Problems, quoted
from flow_engine.engine.step_checks import CheckedStep

_NONE = -1
# The DocType whose documents ERPNext keeps service levels of.
AGREED = "Issue"
_SHOWN_IN_A_CYCLE = 8


@dataclass(frozen=True, slots=True)
class Graph:
	"""The steps as nodes, numbered by their place among the checked steps.

	node: step id → node. upstream: node → the nodes that have settled before it runs, as bits of one integer;
	None for what is in a cycle or behind one. (Sets would take n² entries for a chain of n steps, bits take
	n²/8 bytes.) undone_by: node → what it belongs to the undoing of, or -1.
	"""

	node: dict[str, int]
	upstream: tuple[int | None, ...]
	undone_by: tuple[int, ...] = ()

	def is_upstream(self, other: int, of: int) -> bool:
		bits = self.upstream[of]
		return bits is None or bool(bits >> other & 1)


def check_graph(steps: Sequence[CheckedStep], problems: Problems, *, whole: bool = True) -> Graph | None:
	"""Reports what is wrong between steps. Without `whole`, only what one edge shows; no Graph."""
	node = {step.id: i for i, step in enumerate(steps) if step.id is not None}
	parents = [_check_parent(step, node, problems) for step in steps]
	dependencies = [_check_dependencies(step, node, problems) for step in steps]
	for step, parent in zip(steps, parents, strict=True):
		_check_branch(step, steps[parent] if parent != _NONE else None, problems)
	_check_error_branches(steps, parents, problems)
	undone_by = check_compensations(steps, parents, dependencies, problems)
	if not whole:
		return None
	before = [
		tuple(dict.fromkeys([*([parent] if parent != _NONE else []), *(other for _, other in others)]))
		for parent, others in zip(parents, dependencies, strict=True)
	]
	_report_cycles(steps, parents, before, problems)
	_report_unreachable(steps, parents, dependencies, problems)
	open_parents = {
		i: parent
		for i, (step, parent) in enumerate(zip(steps, parents, strict=True))
		if step.branch == LATE_BRANCH and parent not in [other for _, other in dependencies[i]]
	}
	graph = Graph(node, tuple(_upstream(before, open_parents)), tuple(undone_by))
	_check_agreements(steps, graph, problems)
	return graph


def _check_parent(step: CheckedStep, node: dict[str, int], problems: Problems) -> int:
	if step.parent_id is None:
		return _NONE
	path = f"{step.path}.parent_id"
	if step.parent_id == step.id:
		problems.add(path, "self_reference", "A step cannot be its own parent.", step=step.id)
	elif step.parent_id not in node:
		message = f"There is no step {quoted(step.parent_id)} to be the parent."
		problems.add(path, "unknown_parent", message, step=step.id)
	else:
		return node[step.parent_id]
	return _NONE


def _check_dependencies(step: CheckedStep, node: dict[str, int], problems: Problems) -> list[tuple[int, int]]:
	"""`(place in depends_on, node)` of each that exists."""
	found = []
	for place, other in step.depends_on:
		path = f"{step.path}.depends_on[{place}]"
		if other == step.id:
			problems.add(path, "self_reference", "A step cannot depend on itself.", step=step.id)
		elif other not in node:
			message = f"There is no step {quoted(other)} to depend on."
			problems.add(path, "unknown_dependency", message, step=step.id)
		else:
			found.append((place, node[other]))
	return found


def _check_branch(step: CheckedStep, parent: CheckedStep | None, problems: Problems) -> None:
	if step.branch is None:
		return
	path = f"{step.path}.branch"
	if step.parent_id is None:
		message = "A step without a parent can be on no branch."
		problems.add(path, "branch_without_parent", message, step=step.id)
	elif parent is None:
		return
	elif step.branch == COMPENSATE:
		return  # every step that was done may be undone
	elif step.branch == "error":
		if parent.on_error != OnError.BRANCH:
			message = f"Nothing leads here: on an error, “{parent.label}” does not go into its error branch."
			problems.add(path, "unreachable", message, step=step.id, severity=WARNING)
	elif step.branch == LATE_BRANCH:
		if not parent.can_be_late:
			message = f"“{parent.label}” is never late: it says nothing about by when it has to be done."
			problems.add(path, "unknown_branch", message, step=step.id)
	elif step.branch == "timeout":
		if not parent.can_time_out:
			message = f"“{parent.label}” cannot time out: it has no limit and calls nothing outside."
			problems.add(path, "unknown_branch", message, step=step.id)
	elif parent.kind is not None and step.branch not in parent.kind.branches:
		known = ", ".join((*parent.kind.branches, *FAILURE_BRANCHES, LATE_BRANCH))
		message = f"“{parent.label}” has no branch {quoted(step.branch)} (it has: {known})."
		problems.add(path, "unknown_branch", message, step=step.id)


def _check_agreements(steps: Sequence[CheckedStep], graph: Graph, problems: Problems) -> None:
	"""Who takes the time of an Issue names a step that has opened one by then."""
	for i, step in enumerate(steps):
		if step.sla_source is None:
			continue
		path, other = f"{step.path}.sla.from", graph.node.get(step.sla_source)
		if other is None:
			message = f"There is no step {quoted(step.sla_source)} to take the time from."
			problems.add(path, "unknown_dependency", message, step=step.id)
		elif other == i or not graph.is_upstream(other, i):
			message = f"This step does not wait for “{steps[other].label}”, so there is no Issue yet."
			problems.add(path, "unreachable", message, step=step.id)
		elif steps[other].kind is not None and steps[other].kind.document != AGREED:
			message = f"“{steps[other].label}” opens no Issue, which alone has a time of its own."
			problems.add(path, "bad_value", message, step=step.id)


def _check_error_branches(steps: Sequence[CheckedStep], parents: list[int], problems: Problems) -> None:
	caught = {parent for step, parent in zip(steps, parents, strict=True) if step.branch == "error"}
	for i, step in enumerate(steps):
		if step.on_error == OnError.BRANCH and i not in caught:
			message = "The step goes into its error branch, but no step is on that branch."
			problems.add(f"{step.path}.on_error", "bad_value", message, step=step.id)


def _report_cycles(
	steps: Sequence[CheckedStep], parents: list[int], before: list[tuple[int, ...]], problems: Problems
) -> None:
	for group in _knots(before):
		start = min(group)
		cycle = _way_back(start, group, before)
		# Edges point to what comes before; people read forwards.
		labels = [steps[i].label for i in [start, *reversed(cycle[1:]), start]]
		if len(labels) > _SHOWN_IN_A_CYCLE:
			labels = [*labels[: _SHOWN_IN_A_CYCLE - 1], "…", labels[-1]]
		step = steps[start]
		key = "parent_id" if parents[start] == cycle[1] else "depends_on"
		message = f"These steps wait for each other: {' → '.join(quoted(label) for label in labels)}."
		problems.add(f"{step.path}.{key}", "cycle", message, step=step.id)


def _knots(before: list[tuple[int, ...]]) -> list[list[int]]:
	"""Groups of nodes that all lead to each other (Tarjan's strongly connected components, without
	recursion).
	"""
	count = len(before)
	number, low, on_stack = [_NONE] * count, [0] * count, [False] * count
	stack: list[int] = []
	groups = []
	counter = 0
	for root in range(count):
		if number[root] != _NONE:
			continue
		walk = [(root, iter(before[root]))]
		number[root] = low[root] = counter
		counter += 1
		stack.append(root)
		on_stack[root] = True
		while walk:
			here, edges = walk[-1]
			for other in edges:
				if number[other] == _NONE:
					number[other] = low[other] = counter
					counter += 1
					stack.append(other)
					on_stack[other] = True
					walk.append((other, iter(before[other])))
					break
				if on_stack[other]:
					low[here] = min(low[here], number[other])
			else:
				walk.pop()
				if walk:
					low[walk[-1][0]] = min(low[walk[-1][0]], low[here])
				if low[here] == number[here]:
					group = []
					while not group or group[-1] != here:
						group.append(stack.pop())
					for one in group:
						on_stack[one] = False
					if len(group) > 1:
						groups.append(group)
	return groups


def _way_back(start: int, group: list[int], before: list[tuple[int, ...]]) -> list[int]:
	"""A shortest cycle through `start` inside its group, from `start` on; breadth first."""
	inside = set(group)
	came_from = {start: _NONE}
	queue = [start]
	for here in queue:
		for other in before[here]:
			if other == start:
				way = [here]
				while came_from[way[-1]] != _NONE:
					way.append(came_from[way[-1]])
				return way[::-1]
			if other in inside and other not in came_from:
				came_from[other] = here
				queue.append(other)
	raise AssertionError("every node of a knot lies on a cycle")


def _upstream(before: list[tuple[int, ...]], open_parents: Mapping[int, int]) -> list[int | None]:
	"""`open_parents`: node → the parent that may still be open when it runs, because it is late."""
	after: list[list[int]] = [[] for _ in before]
	missing = [len(others) for others in before]
	for i, others in enumerate(before):
		for other in others:
			after[other].append(i)
	upstream: list[int | None] = [None] * len(before)
	queue = [i for i, count in enumerate(missing) if count == 0]
	for here in queue:
		bits = 0
		for other in before[here]:
			bits |= (upstream[other] or 0) | (0 if open_parents.get(here) == other else 1 << other)
		upstream[here] = bits
		for other in after[here]:
			missing[other] -= 1
			if missing[other] == 0:
				queue.append(other)
	return upstream


class _Tree:
	"""The parents as a forest with jumps of 1, 2, 4, … levels, so that common ancestors take log n, not n."""

	def __init__(self, parents: list[int]):
		children: list[list[int]] = [[] for _ in parents]
		for i, parent in enumerate(parents):
			if parent != _NONE:
				children[parent].append(i)
		# What hangs in a cycle of parents is reached from no root and keeps no depth.
		self.depth = [_NONE] * len(parents)
		queue = [i for i, parent in enumerate(parents) if parent == _NONE]
		for i in queue:
			self.depth[i] = 0 if parents[i] == _NONE else self.depth[parents[i]] + 1
			queue.extend(children[i])
		self.jumps = [parents]
		deepest = max(self.depth, default=0)
		while 1 << len(self.jumps) <= deepest:
			last = self.jumps[-1]
			self.jumps.append([_NONE if up == _NONE else last[up] for up in last])

	def lift(self, node: int, levels: int) -> int:
		for power, jump in enumerate(self.jumps):
			if levels >> power & 1:
				node = jump[node]
		return node

	def fork(self, a: int, b: int) -> tuple[int, int, int] | None:
		"""`(ancestor, its child towards a, its child towards b)`; the child is -1 where the node is the
		ancestor itself. None when the two have no common ancestor.
		"""
		if _NONE in (self.depth[a], self.depth[b]):
			return None
		below = self.depth[a] - self.depth[b]
		towards_a = towards_b = _NONE
		if below > 0:
			towards_a = self.lift(a, below - 1)
			a = self.jumps[0][towards_a]
		elif below < 0:
			towards_b = self.lift(b, -below - 1)
			b = self.jumps[0][towards_b]
		if a == b:
			return a, towards_a, towards_b
		for jump in reversed(self.jumps):
			if jump[a] != jump[b]:
				a, b = jump[a], jump[b]
		ancestor = self.jumps[0][a]
		return None if ancestor == _NONE else (ancestor, a, b)


def _report_unreachable(
	steps: Sequence[CheckedStep],
	parents: list[int],
	dependencies: list[list[tuple[int, int]]],
	problems: Problems,
) -> None:
	tree = _Tree(parents)
	for i, step in enumerate(steps):
		for place, other in dependencies[i]:
			fork = tree.fork(i, other)
			if fork is None:
				continue
			ancestor, mine, theirs = fork
			if mine == _NONE:
				continue  # The step is an ancestor of its own dependency: a cycle, reported as such.
			own = steps[mine].branch
			if theirs == _NONE:
				# Failed into a branch, the dependency is off: the steps on that branch cannot build on it.
				excluded = own in FAILURE_BRANCHES
				reason = f"this step runs only when “{steps[ancestor].label}” fails"
			else:
				excluded = _exclude(own, steps[theirs].branch)
				reason = f"the two are on branches of “{steps[ancestor].label}” that are never both taken"
			if excluded:
				message = f"“{steps[other].label}” is never done when this step runs: {reason}."
				problems.add(f"{step.path}.depends_on[{place}]", "unreachable", message, step=step.id)


def _exclude(one: str | None, other: str | None) -> bool:
	"""Can a parent never admit both? No branch goes with any but those of failure, lateness with all."""
	if one == other or LATE_BRANCH in (one, other):
		return False
	if one is not None and other is not None:
		return True
	return one in FAILURE_BRANCHES or other in FAILURE_BRANCHES
