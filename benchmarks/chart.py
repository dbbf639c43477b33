"""`python -m benchmarks.chart`: latest.json as a picture and as the table of docs/benchmarks.md.

A bar is how far a figure is from its target, on a logarithmic scale: at the line it just meets it, twice as
good is one step to the right, whichever way the target looks.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.__main__ import LATEST

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "benchmarks.md"
PICTURE = DOCS / "images" / "benchmarks.svg"
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"

WIDTH, LABELS, ROW, TOP, BAR = 960, 560, 26, 44, 14
# From an eighth of the target to eight times as good; what is beyond is cut there.
LOWEST, HIGHEST = -3.0, 3.0
STYLE = """
	text { font: 13px system-ui, sans-serif; fill: #24292f }
	.small { font-size: 11px; fill: #57606a }
	.met { fill: #2da44e } .missed { fill: #cf222e } .line { stroke: #57606a } .grid { stroke: #d0d7de }
	@media (prefers-color-scheme: dark) {
		text { fill: #e6edf3 } .small { fill: #9198a1 }
		.met { fill: #3fb950 } .missed { fill: #f85149 } .line { stroke: #9198a1 } .grid { stroke: #3d444d }
	}
"""


def margin(line: Mapping[str, Any]) -> float:
	"""How many times better than its target a figure is; below 1 it misses it."""
	sign, limit = line["target"].split()
	ratio, limit = float(line["ratio"]), float(limit)
	if sign.startswith(">"):
		return ratio / limit
	return limit / ratio if ratio and limit else (1.0 if ratio <= limit else 0.0)


def place(times: float) -> float:
	"""Where a margin lies across the picture."""
	step = min(max(math.log2(times) if times > 0 else LOWEST, LOWEST), HIGHEST)
	return LABELS + (step - LOWEST) / (HIGHEST - LOWEST) * (WIDTH - LABELS - 70)


def picture(lines: Iterable[Mapping[str, Any]]) -> str:
	lines = list(lines)
	height = TOP + ROW * len(lines) + 12
	parts = [
		f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
		f'aria-label="Benchmarks against their targets"><style>{STYLE}</style>'
	]
	for step in range(int(LOWEST), int(HIGHEST) + 1):
		x, name = place(2.0**step), f"{2**step}×" if step >= 0 else f"1/{2**-step}"
		kind = "line" if step == 0 else "grid"
		parts.append(f'<line class="{kind}" x1="{x:.0f}" x2="{x:.0f}" y1="{TOP - 8}" y2="{height - 8}"/>')
		said = "target" if step == 0 else name
		parts.append(f'<text class="small" x="{x:.0f}" y="{TOP - 14}" text-anchor="middle">{said}</text>')
	target = place(1.0)
	for row, line in enumerate(lines):
		y, x = TOP + ROW * row, place(margin(line))
		kind = "met" if line["met"] else "missed"
		label = line["name"] if len(line["name"]) <= 84 else line["name"][:83] + "…"
		parts.append(f'<text x="{LABELS - 12}" y="{y + 12}" text-anchor="end">{escape(label)}</text>')
		parts.append(
			f'<rect class="{kind}" x="{min(x, target):.1f}" y="{y}" width="{max(abs(x - target), 1.5):.1f}" '
			f'height="{BAR}" rx="2"><title>{escape(line["versus"])}</title></rect>'
		)
		figure = f"{line['ratio']:.2f} ({line['target'].replace('>=', '≥').replace('<=', '≤')})"
		at, anchor = (x + 6, "start") if x >= target else (x - 6, "end")
		parts.append(
			f'<text class="small" x="{at:.0f}" y="{y + 11}" text-anchor="{anchor}">{escape(figure)}</text>'
		)
	return "\n".join([*parts, "</svg>"]) + "\n"


def table(lines: Iterable[Mapping[str, Any]]) -> str:
	rows = [("what", "figure", "beside", "ratio", "target", "")]
	for line in lines:
		figure = "not measured" if line["value"] is None else f"{line['value']:,.2f} {line['unit']}"
		ratio = "" if line["ratio"] is None else f"{line['ratio']:.2f}"
		target = line["target"].replace(">=", "≥").replace("<=", "≤")
		met = {True: "met", False: "**missed**", None: ""}[line["met"]]
		rows.append((line["name"], figure, line["versus"], ratio, target, met))
	rows.insert(1, ("---", "--:", "---", "--:", "--:", "---"))
	return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def main() -> int:
	lines = json.loads(LATEST.read_text())
	judged = [line for line in lines if line["met"] is not None]
	PICTURE.write_text(picture(judged), encoding="utf-8")
	before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
	_old, end, after = rest.partition(END)
	assert begin and end, f"{PAGE.name} has no place for the figures"
	PAGE.write_text(f"{before}{BEGIN}\n\n{table(lines)}\n\n{END}{after}", encoding="utf-8")
	print(f"{len(judged)} of {len(lines)} figures have a target: {PICTURE.name}, {PAGE.name}")
	return 0


if __name__ == "__main__":
	sys.exit(main())
