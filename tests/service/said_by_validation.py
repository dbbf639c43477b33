"""Every sentence that validation can say, read from its sources: values stand as {0}, {1}, … in them."""

import ast
from pathlib import Path

import flow_engine

ENGINE = Path(flow_engine.__file__).parent / "engine"
MODULES = (
	"step_checks",
	"graph_checks",
	"payload_checks",
	"payload_schema",
	"payload_values",
	"text_patterns",
	"condition_checks",
	"condition_text",
	"allow_lists",
	"validation",
	"reference_checks",
	"compensation_checks",
	"placeholders",
	"filters",
	"problems",
	"kinds/condition",
	"kinds/erp_update",
	"kinds/webhook",
)


def sentences():
	"""A sentence has a blank and an end; texts of code (paths, patterns, docstrings) have not."""
	found = set()
	for module in MODULES:
		tree = ast.parse((ENGINE / f"{module}.py").read_text(encoding="utf-8"))
		apart = _docstrings(tree) | _inside_others(tree)
		for node in ast.walk(tree):
			if id(node) not in apart:
				text = _template(node)
				if text and " " in text.strip() and text.rstrip().endswith("."):
					found.add(text)
	return found


def _docstrings(tree):
	return {
		id(node.body[0].value)
		for node in ast.walk(tree)
		if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
		and node.body
		and isinstance(node.body[0], ast.Expr)
	}


def _inside_others(tree):
	"""Pieces of f-strings, and what is only help beside a field of a kind."""
	apart = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
	for node in ast.walk(tree):
		if (
			isinstance(node, ast.Call)
			and isinstance(node.func, ast.Name)
			and node.func.id in ("Field", "Kind")
		):
			apart |= {id(inner) for inner in ast.walk(node)}
	return apart


def _template(node):
	if isinstance(node, ast.Constant) and isinstance(node.value, str):
		return node.value
	if not isinstance(node, ast.JoinedStr):
		return None
	parts, number = [], 0
	for part in node.values:
		if isinstance(part, ast.Constant):
			parts.append(part.value)
		else:
			parts.append(f"{{{number}}}")
			number += 1
	return "".join(parts)
