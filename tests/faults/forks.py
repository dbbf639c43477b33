"""Makes processes of the story quickly: one that has imported everything forks another for each telling.

It has no threads, so that forking is safe; the forked process is a real one, and SIGKILL ends it as anywhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from pathlib import Path


class Forks:
	def __init__(self) -> None:
		self._process = subprocess.Popen(
			[sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
		)

	def tell(self, folder: Path, receiver: str, crash: tuple[str, int] | None, count: bool) -> int:
		"""The process's exit code; the negative number of the signal that ended it."""
		assert self._process.stdin and self._process.stdout
		self._process.stdin.write(json.dumps([str(folder), receiver, crash, count]) + "\n")
		self._process.stdin.flush()
		return int(self._process.stdout.readline())

	def stop(self) -> None:
		assert self._process.stdin
		self._process.stdin.close()
		self._process.wait(20)


def serve() -> None:
	sys.path.insert(0, str(Path(__file__).parent))
	import story

	import flow_engine.outbound.http  # noqa: F401  (not once more in every process)

	for line in sys.stdin:
		arguments = json.loads(line)
		child = os.fork()
		if child == 0:
			code = 1
			try:
				os.close(0)
				os.dup2(2, 1)
				story.live(*arguments)
				code = 0
			except BaseException:
				traceback.print_exc()
			finally:
				os._exit(code)
		_, status = os.waitpid(child, 0)
		sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
		sys.stdout.flush()


if __name__ == "__main__":
	serve()
