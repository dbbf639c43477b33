import { test } from "node:test";
import { becomes, refused } from "../sketch.js";

const changing = (id, branch) => ({ type: "change_branch", id, branch });

const ROWS = [
	["to an empty branch", "K a<K.yes d[K,a]", "a", "no", "K a<K.no d[K,a]"],
	["to the end of another", "K a<K.yes b<K.no d[a,b]", "a", "no", "K b<K.no a<K.no[b] d[K,a]"],
	[
		"out of the middle of its own",
		"K a<K.yes b<K.yes[a] f<K.yes[b] d[K,f]",
		"b",
		"no",
		"K a<K.yes f<K.yes[a] b<K.no d[f,b]",
	],
	["to none", "K a<K.yes", "a", null, "K a<K"],
	["to where it is", "K a<K.yes", "a", "yes", "K a<K.yes"],
];
for (const [name, start, id, branch, end] of ROWS) {
	test(`a step changes its branch ${name}`, () => becomes(start, changing(id, branch), end));
}

test("a branch that there is not is refused", () => {
	refused("a", changing("a", "yes"), "branch_without_parent");
	refused("K a<K.yes", changing("a", "maybe"), "unknown_branch");
	refused("K a<K.yes", changing("b", "no"), "unknown_step");
});
