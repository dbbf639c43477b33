"""Problems of a flow as a whole: circles, what is never reached, what nobody sets, its size."""

import copy

import pytest
from kinds_to_validate import EXAMPLE, KINDS, flow, found, step

from flow_engine.engine.validation import validate_definition


class TestCycles:
	def test_each_is_reported_once_with_its_labels(self):
		raw = flow(
			step("a", depends_on=["c"], label="First"),
			step("b", depends_on=["a"], label="Second"),
			step("c", parent_id="b", label="Third"),
			step("d", depends_on=["e"]),
			step("e", depends_on=["d"]),
			step("f", depends_on=["a", "e"]),
		)
		problems = validate_definition(raw, KINDS)
		assert [p.code for p in problems] == ["cycle", "cycle"]
		assert "“First” → “Second” → “Third” → “First”" in problems[0].message

	def test_a_long_one_has_a_short_message(self):
		raw = flow(*(step(f"s{i}", depends_on=[f"s{(i + 1) % 2_000}"]) for i in range(2_000)))
		(problem,) = validate_definition(raw, KINDS)
		assert problem.code == "cycle"
		assert len(problem.message) < 500


def _forked(mine, theirs, parent="branch", **more):
	"""Two steps deep in two branches of one parent, the first depending on the second."""
	return flow(
		step("p", parent, payload={"url": "x"} if parent == "call" else {}, **more),
		step("m1", parent_id="p", branch=mine),
		step("m2", parent_id="m1", depends_on=["t2"]),
		step("t1", parent_id="p", branch=theirs),
		step("t2", parent_id="t1"),
		step("e", parent_id="p", branch="error"),
	)


class TestUnreachable:
	@pytest.mark.parametrize(
		("mine", "theirs", "excluded"),
		[
			("yes", "no", True),
			("yes", "yes", False),
			("yes", None, False),
			(None, "no", False),
			(None, None, False),
			("error", None, True),
			(None, "error", True),
			("error", "yes", True),
			("error", "error", False),
		],
	)
	def test_a_dependency_on_a_branch_that_excludes_ones_own(self, mine, theirs, excluded):
		expected = [("steps[2].depends_on[0]", "unreachable")] if excluded else []
		assert found(_forked(mine, theirs, on_error="branch")) == expected

	def test_timeout_and_error_exclude_each_other(self):
		raw = _forked("timeout", "error", parent="call", on_error="branch")
		assert found(raw) == [("steps[2].depends_on[0]", "unreachable")]

	def test_a_dependency_on_the_step_whose_error_one_handles(self):
		raw = flow(
			step("p", on_error="branch"),
			step("e", parent_id="p", branch="error"),
			step("x", parent_id="e", depends_on=["p"]),
		)
		assert found(raw) == [("steps[2].depends_on[0]", "unreachable")]

	def test_a_dependency_on_ones_own_parent_or_another_tree_is_fine(self):
		raw = flow(
			step("p", "branch"),
			step("q", "branch"),
			step("a", parent_id="p", branch="yes", depends_on=["p"]),
			step("b", parent_id="q", branch="no", depends_on=["a"]),
		)
		assert found(raw) == []

	def test_a_join_after_branches_is_fine(self):
		raw = flow(
			step("p", "branch"),
			step("a", parent_id="p", branch="yes"),
			step("b", parent_id="p", branch="no"),
			step("j", depends_on=["a", "b", "p"]),
		)
		assert found(raw) == []


def _reading(text, *others, **more):
	return flow(step("r", "call", payload={"url": text}, **more), *others)


class TestUnknownVariables:
	@pytest.mark.parametrize(
		("raw", "paths"),
		[
			(_reading("{{doc.x}}{{customer.y}}{{run.name}}{{template.name}}{{now|date}}{{variables.z}}"), []),
			(_reading("{{trigger.before.status}}{{trigger.user}}{{secret.key}}"), []),
			(_reading("{{docs.x}}"), ["steps[0].payload.url"]),
			(_reading("{{trigger.who}}"), ["steps[0].payload.url"]),
			(_reading("{{steps.zz.result}}"), ["steps[0].payload.url"]),
			(_reading("{{steps.a.outcome}}", step("a"), depends_on=["a"]), ["steps[0].payload.url"]),
			(_reading("{{steps.a.result.x}}", step("a"), depends_on=["a"]), []),
			(_reading("{{steps.a.document.status}}", step("a"), depends_on=["a"]), []),
			(_reading("{{steps.a.document.status}}", step("a")), ["steps[0].payload.url"]),
			(_reading("{{steps.a.result.x}}", step("a")), ["steps[0].payload.url"]),
			(_reading("{{steps.r.result.x}}"), ["steps[0].payload.url"]),
			(
				_reading(
					"{{steps.a.result.x}}",
					step("a"),
					step("b", parent_id="a"),
					step("c", depends_on=["b"]),
					parent_id="c",
				),
				[],
			),
			(_reading("{{links.a}}", step("a")), ["steps[0].payload.url"]),
			(_reading("{{links.zz}}"), ["steps[0].payload.url"]),
			(_reading("{{links.a}}", step("a", trigger={"type": "on_webhook"})), []),
			(_reading("{{input.x}}"), ["steps[0].payload.url"]),
			(_reading("{{input.x}}", trigger={"type": "on_webhook"}), []),
			(_reading("{{input.x}}", trigger={"type": "manual"}), []),
			(
				flow(step("a", trigger={"type": "on_date", "at": "{{dox.date}}"})),
				["steps[0].trigger.at"],
			),
			(
				flow(
					step(
						"a", "decide", payload={"field": "dox.x", "all": [{"field": "doy.x", "op": "empty"}]}
					)
				),
				["steps[0].payload.field", "steps[0].payload.all[0].field"],
			),
			(flow(trigger={"condition": {"var": "steps.a"}}), ["trigger.condition"]),
			(
				flow(
					step("a", "call", payload={"url": "{{variables.x}}{{variables.known}}"}),
					trigger={"event": "doc_event", "doctype": "Issue", "doc_event": "on_update"},
					variables={"known": 1},
				),
				["steps[0].payload.url"],
			),
		],
	)
	def test_are_warnings_about_what_is_certainly_not_there(self, raw, paths):
		problems = validate_definition(raw, KINDS)
		assert [(p.path, p.code, p.severity) for p in problems] == [
			(path, "unknown_variable", "warning") for path in paths
		]

	def test_roots_of_other_apps_are_known_when_they_are_named(self):
		assert found(_reading("{{warehouse.name}}"), context=["warehouse"]) == []


class TestSize:
	def test_too_many_steps_are_one_problem(self):
		assert found(flow(*(step(f"s{i}") for i in range(2_001)))) == [("steps", "too_many_steps")]
		assert found(flow(*(step(f"s{i}") for i in range(2_000)))) == []

	def test_a_chain_of_two_thousand_parents_with_dependencies_is_checked(self):
		steps = [step("s0", "branch")]
		for i in range(1, 1_999):
			before = [f"s{max(0, i - 20)}", f"s{i // 2}", f"s{i - 1}"]
			text = f"{{{{steps.s{i // 3}.result.x}}}}"
			payload = {"url": text}
			branch = "yes" if i == 1 else None
			steps.append(
				step(
					f"s{i}", "call", parent_id=f"s{i - 1}", branch=branch, depends_on=before, payload=payload
				)
			)
		steps.append(step("other", parent_id="s0", branch="no"))
		assert found(flow(*steps)) == []
		steps[1_998]["depends_on"] = ["other"]
		assert found(flow(*steps)) == [("steps[1998].depends_on[0]", "unreachable")]

	def test_endless_data_is_too_large_or_too_deep(self):
		endless = {"steps": []}
		endless["steps"].append(endless)
		wide = {"steps": [[0] * 1_000] * 1_000}
		for raw in (endless, wide):
			assert {code for _, code in found(raw)} <= {"too_large", "bad_value"}
			assert len(found(raw)) == 1

	def test_validation_does_not_change_what_it_is_given(self):
		before = copy.deepcopy(EXAMPLE)
		validate_definition(EXAMPLE, KINDS)
		assert before == EXAMPLE
