// Random conditions, sensible ones and others, from the numbers that whoever asks gives.

const WORDS = ["Open", "Closed", "É", "10 m", "a,b", " x", "🙂z"];
const NUMBERS = [0, 1, 5, 5000, -3, 5.5, "5", "5000", "-3"];
const CHECKS = [1, 0, true, false];

/** A condition whose values fit what they are compared with. */
export function fittingCondition(next, depth = 0) {
	const pick = (list) => list[next(list.length)];
	if (depth < 3 && next(3) === 0) {
		const name = pick(["all", "any", "not"]);
		if (name === "not") return { not: fittingCondition(next, depth + 1) };
		return { [name]: Array.from({ length: next(4) }, () => fittingCondition(next, depth + 1)) };
	}
	switch (next(5)) {
		case 0:
			return {
				field: "doc.number",
				op: pick(["==", "!=", "<", ">", "<=", ">="]),
				value: pick(NUMBERS),
			};
		case 1:
			return { field: "doc.check", op: pick(["==", "!="]), value: pick(CHECKS) };
		case 2:
			return {
				field: pick(["doc.word", "{{ doc.word }}"]),
				op: pick(["in", "not_in"]),
				value: pick([WORDS.slice(0, 3), "Open, Closed", "", ["Open", ""], []]),
			};
		case 3:
			return {
				field: "doc.number",
				op: pick(["in", "not_in"]),
				value: pick([[1, 5], "1, 5", [0], ["5000"]]),
			};
		default:
			return {
				field: "doc.word",
				op: pick(["==", "!=", "contains", "starts_with", "ends_with", "empty", "not_empty", "<"]),
				value: pick([...WORDS, "", null, "2026-03-18", "{{doc.other}}", "true"]),
			};
	}
}

/** Anything that may stand where a condition stands. */
export function anyCondition(next, depth = 0) {
	const pick = (list) => list[next(list.length)];
	const some = () => Array.from({ length: next(3) }, () => anyCondition(next, depth + 1));
	if (depth > 3) return fittingCondition(next, depth);
	switch (next(12)) {
		case 0:
			return pick(["", " ", null, {}]);
		case 1:
			return { logic: pick([true, { "==": [{ var: "doc.word" }, "Open"] }, "text", null]) };
		case 2:
			return pick([
				{ "==": [1, 1] },
				{ var: "doc.word" },
				{ "!": [true] },
				{ all: [{ var: "doc.list" }, true] },
			]);
		case 3:
			return pick([3, true, [], "Open", { unknown: 1 }, { a: 1, b: 2 }, { all: "x" }, { not: null }]);
		case 4:
			return { field: "doc.word", op: "==", value: "Open", extra: 1, not: next(2) ? true : undefined };
		case 5:
			return { all: some(), extra: 1 };
		case 6:
			return { not: { not: anyCondition(next, depth + 1) } };
		case 7:
			return { all: some(), any: some() };
		default:
			return next(2) ? fittingCondition(next, depth) : { [pick(["all", "any"])]: some() };
	}
}
