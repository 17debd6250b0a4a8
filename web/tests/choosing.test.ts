import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Rules } from "../src/lib/choose";
import { fromQuery, toQuery } from "../src/lib/choosing";

const { table: rules } = JSON.parse(readFileSync("tests/choose_cases.json", "utf8")) as { table: Rules };
const read = (address: string) => fromQuery(rules, new URLSearchParams(address.split("?")[1]));

describe("the chooser's address", () => {
	it("begins with the first question", () => {
		const state = read("/choose");
		expect([state.question?.key, state.path.length]).toEqual(["synthesis", 0]);
	});
	it("goes to the next question, and to the advice", () => {
		expect(read("/choose?synthesis=no").question?.key).toBe("likelihood");
		expect(read("/choose?synthesis=no&likelihood=no").question).toBeNull();
		expect(read("/choose?synthesis=yes&enough=1").question).toBeNull();
	});
	it("goes back to a question, and keeps what was answered after it", () => {
		const state = read("/choose?synthesis=no&likelihood=no&at=synthesis");
		expect(state.question?.key).toBe("synthesis");
		expect(state.answers).toEqual({ synthesis: "no", likelihood: "no" });
		expect(state.path).toEqual([]);
	});
	it("is written in the order of the questions", () => {
		const address = toQuery(rules, { likelihood: "no", synthesis: "yes" }, { at: "likelihood", measured: "ab12" });
		expect(address).toBe("/choose?synthesis=yes&likelihood=no&at=likelihood&measured=ab12");
		expect(toQuery(rules, {})).toBe("/choose");
	});
	it("takes no nonsense", () => {
		const state = read("/choose?synthesis=<b>&at=hat&measured=../x");
		expect([state.question?.key, state.measured, state.answers]).toEqual(["synthesis", null, {}]);
	});
});
