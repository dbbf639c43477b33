"""The page that people work on, as the build made it: which addresses it answers, and its files.

One document answers all its addresses and draws what each of them shows from the API. Its scripts and styles
are named by their content, so that browsers may keep them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flow_engine.engine.errors import FlowError

BUILT = Path(__file__).parent / "assets" / "editor"
FOLDER = "editor/"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
KEEP = "public, max-age=31536000, immutable"


class PageNotBuilt(FlowError):
	"""The page is not built yet: run `make page` in the sources, then reload or install again."""

	code = "page_not_built"
	http_status = 503


def answers(parts: Sequence[str]) -> bool:
	"""Is this address one of the page's?"""
	match list(parts):
		case [] | ["new"] | ["runs"] | ["schedules"] | ["audit"] | ["webhooks"] | ["hooks"]:
			return True
		case ["templates" | "runs" | "schedules" | "hooks", _]:
			return True
	return False


def document() -> bytes:
	"""The page's HTML. Raises PageNotBuilt."""
	try:
		return (BUILT / "index.html").read_bytes()
	except FileNotFoundError:
		raise PageNotBuilt() from None


def asset(name: str) -> tuple[bytes, str] | None:
	"""A built file and its media type; None when there is no such file."""
	path = BUILT / name
	if "/" in name or path.suffix not in TYPES or not path.is_file():
		return None
	return path.read_bytes(), TYPES[path.suffix]
