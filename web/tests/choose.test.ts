import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseRules } from "../rules-plugin";
import { type Answers, advise, asked, condition, deciding, known, nextQuestion, result, type Rules } from "../src/lib/choose";

interface Case {
	answers: Answers;
	families: string[];
	next: string | null;
	advice: Record<string, unknown> | null;
}
const given = JSON.parse(readFileSync("tests/choose_cases.json", "utf8")) as { table: Rules; tasks: string[]; cases: Case[] };
const { table: rules, tasks, cases } = given;

/** Without what one language writes as nothing and the other leaves out. */
function lean(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(lean);
	if (!value || typeof value !== "object") return value;
	const kept = Object.entries(value).filter(([, inner]) => inner !== null && inner !== "" && !(Array.isArray(inner) && !inner.length));
	return Object.fromEntries(kept.map(([key, inner]) => [key, lean(inner)]));
}

describe("the chooser", () => {
	it.each(cases.map((one) => [JSON.stringify(one.answers), one] as const))("agrees with Python: %s", (_, one) => {
		expect(nextQuestion(rules, one.answers)?.key ?? null).toBe(one.next);
		if (!one.advice) return;
		const advice = advise(rules, one.answers, { families: one.families, tasks });
		expect(lean({ ...advice, ...pick(one.advice, advice) })).toEqual(lean(advice));
	});
	it("has cases that reach every outcome", () => {
		const reached = new Set(cases.map((one) => one.advice?.outcome));
		for (const key of Object.keys(rules.outcome)) expect(reached).toContain(key);
	});
	it("asks the whole way, question by question", () => {
		const answers = { synthesis: "no", likelihood: "no", latency: "tight" };
		const { path, next } = asked(rules, answers);
		expect(path.map((question) => question.key)).toEqual(["synthesis", "likelihood"]);
		expect(next).toBeNull();
		expect(asked(rules, {}).next?.key).toBe("synthesis");
	});
	it("forgets what is no answer", () => {
		expect(known(rules, { synthesis: "maybe", hat: "yes", latent: "yes", constructor: "x" })).toEqual({ latent: "yes" });
	});
	it("puts a measured number in a sentence's place", () => {
		const measured = { vae: { coverage: "coverage 0.93" } };
		const { said } = advise(rules, { latent: "yes" }, { families: ["vae", "gan"], tasks, measured });
		expect(said.filter((one) => one.measured)).toEqual([{ family: "vae", words: "coverage 0.93", measured: true }]);
	});
	it("names the rule that decides", () => {
		const index = deciding(rules, { synthesis: "no", likelihood: "no" });
		expect(rules.rule[index]?.outcome).toBe("encoder");
		expect(condition(rules, rules.rule[index]!)[0]?.ask).toBe(rules.question[0]!.ask);
		expect(result(rules, {})).toBe(rules.rule.at(-1)!.outcome);
	});
	it("says when nothing is installed", () => {
		expect(() => advise(rules, {}, { families: [] })).toThrow("installed");
	});
});

describe("rules for a page without a server", () => {
	it("are those that Python reads", () => {
		expect(lean(parseRules(readFileSync("../src/reverie/advise/rules.toml", "utf8")))).toEqual(lean(rules));
	});
	it("refuse what they do not understand", () => expect(() => parseRules("a: 1")).toThrow("line 1"));
});

/** Those of Python's fields that there are here, too. */
function pick(theirs: Record<string, unknown>, ours: object): Record<string, unknown> {
	return Object.fromEntries(Object.entries(theirs).filter(([key]) => key in ours));
}
