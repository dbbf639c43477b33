"""Python inside the site, for a test's set-up and for looking at what came of it.

One process of the bench's own interpreter answers one piece of code after another; each gets a connection and
a transaction of its own, committed at the end. This file is both ends: run by the bench, it is the process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any


class SiteError(AssertionError):
	"""The code failed inside the site; the message is its traceback."""


class SitePython:
	"""`site("frappe.db.count('Issue')")` gives a value; several lines leave theirs in `answer`. Keyword
	arguments are names in the code; all of it crosses as JSON."""

	def __init__(self, python: Path, sites: Path, name: str, env: dict[str, str]):
		self.name = name
		self._process = subprocess.Popen(
			[str(python), str(Path(__file__).resolve()), name],
			cwd=sites,
			env=env,
			stdin=subprocess.PIPE,
			stdout=subprocess.PIPE,
			text=True,
		)

	def __call__(self, code: str, user: str = "Administrator", **names: Any) -> Any:
		assert self._process.stdin and self._process.stdout
		self._process.stdin.write(json.dumps({"code": code, "user": user, "names": names}) + "\n")
		self._process.stdin.flush()
		line = self._process.stdout.readline()
		if not line:
			raise SiteError("The process inside the site has ended.")
		reply = json.loads(line)
		if "error" in reply:
			raise SiteError(reply["error"])
		return reply["answer"]

	def stop(self) -> None:
		assert self._process.stdin
		self._process.stdin.close()
		self._process.wait(timeout=20)


def serve(site: str) -> None:
	import frappe

	# What code prints must not end up between the answers.
	answers = os.fdopen(os.dup(1), "w")
	os.dup2(2, 1)
	for line in sys.stdin:
		question = json.loads(line)
		try:
			reply = {"answer": run(frappe, site, question)}
		except Exception:
			reply = {"error": traceback.format_exc()}
		answers.write(json.dumps(reply, default=str) + "\n")
		answers.flush()


def run(frappe: Any, site: str, question: dict[str, Any]) -> Any:
	frappe.init(site=site)
	frappe.connect()
	try:
		frappe.set_user(question["user"])
		names = {"frappe": frappe, **question["names"]}
		code = question["code"].strip("\n")
		try:
			compiled = compile(code.strip(), "<test>", "eval")
		except SyntaxError:
			exec(compile(_dedented(code), "<test>", "exec"), names)
			answer = names.get("answer")
		else:
			answer = eval(compiled, names)
		frappe.db.commit()
		return answer
	finally:
		frappe.db.rollback()
		frappe.destroy()


def _dedented(code: str) -> str:
	import textwrap

	return textwrap.dedent(code)


if __name__ == "__main__":
	serve(sys.argv[1])
