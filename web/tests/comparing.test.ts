import { describe, expect, it } from "vitest";
import { badge, type Comparison, type Difference, lines, listed, readIds, sentences, shown, spoken, wayOf } from "../src/lib/comparing";

const difference = (metric: string, a: string, b: string, winner: string | null, more: Partial<Difference> = {}): Difference => ({
	metric, a, b, winner, value: 0.1, se: 0.01, low: 0.08, high: 0.12, n: 1000, paired: true, p: 0.001, p_holm: winner ? 0.01 : 0.4,
	apart: winner !== null, words: `${metric} of ${a} and ${b}`, ...more,
});
const of = (value: number, se: number | null = 0.01, unit = "") => ({
	value, se, n: 1000, unit, ...(se === null ? {} : { low: value - 2 * se, high: value + 3 * se }),
});
const told: Comparison = {
	kind: "images",
	words: [],
	runs: [
		{ id: "1", name: "vae", family: "vae", metrics: { coverage: of(0.6), kid: of(0.031, 0.004), latency: of(4.25, null, "ms") } },
		{ id: "2", name: "gan", family: "gan", metrics: { coverage: of(0.8), kid: of(0.012, 0.004), sharpness: of(0.9) } },
		{ id: "3", name: "big", family: "gan", metrics: { coverage: of(0.9), kid: of(0.014, 0.004) } },
	],
	protocol: { data: "/data/faces", split: "test", samples: 2000, features: "classifier:faces" },
	floors: { coverage: of(0.97, 0.005) },
	differences: [
		difference("coverage", "vae", "gan", "gan"),
		difference("coverage", "vae", "big", "big"),
		difference("coverage", "gan", "big", "big"),
		difference("kid", "vae", "gan", null),
		difference("kid", "vae", "big", null),
		difference("latency", "vae", "gan", null, { se: null }),
	],
	left_out: {},
	recommendation: [],
};

describe("numbers", () => {
	it("have the digits that their error supports", () => {
		expect([shown(78.23817, 0.3141), shown(12345.6), shown(0.000012345), shown(3), shown(Number.NaN)]).toEqual([
			"78.2 ± 0.3", "12,346", "0.00001234", "3", "not finite",
		]);
		expect(shown(0.93321, 0.0123)).toBe("0.933 ± 0.012");
		expect(shown(12345, 234)).toBe("12,300 ± 200");
		expect(shown(-0.25, 0.04)).toBe("-0.25 ± 0.04");
		expect(shown(4.25, 0)).toBe("4.250");
	});
	it("have ways", () => {
		const ways = ["high_quality", "reverse_kl", "mode_spread", "parameters"].map(wayOf);
		expect(ways).toEqual(["higher is better", "lower is better", "compare with real ones", ""]);
	});
	it("have names", () => expect([spoken("kid"), spoken("bits_per_dim")]).toEqual(["KID", "bits per dim"]));
});

describe("the table", () => {
	const table = lines(told);
	const line = (metric: string) => table.find((one) => one.metric === metric)!;
	it("marks who is better than another and worse than none", () => {
		expect(line("coverage").cells.map((cell) => cell?.best)).toEqual([false, false, true]);
		expect(line("coverage").cells.map((cell) => cell?.worse)).toEqual([true, true, false]);
		expect(line("coverage").verdict).toBe("gan beats vae; big beats vae and gan");
	});
	it("says when a difference may be chance, or cannot be tested", () => {
		expect(line("kid").verdict).toBe("may be chance");
		expect(line("latency").verdict).toBe("no interval, so no verdict");
		expect(line("sharpness").verdict).toBe("");
		expect(line("sharpness").way).toBe("compare with real ones");
	});
	it("spans every interval, the floor's too", () => {
		const [low, high] = line("coverage").range!;
		expect(low).toBeCloseTo(0.6 - 0.02, 4);
		expect(high).toBeCloseTo(0.97 + 0.015, 4);
		expect(line("latency").cells[1]).toBeNull();
		expect(line("latency").range).toEqual([3.75, 4.75]);
	});
	it("parts what is certain from what may be chance, and leaves out what was not tested", () => {
		expect(sentences(told).apart).toHaveLength(3);
		expect(sentences(told).chance).toHaveLength(2);
	});
	it("has its terms in one line", () => expect(badge(told)).toBe("n 2,000, faces (test), classifier:faces"));
});

describe("addresses", () => {
	it("name two to four runs, each once", () => {
		const ids = ["a", "b", "c", "d", "e"].map((letter) => letter.repeat(12));
		expect(readIds(ids.join(","))).toEqual(ids.slice(0, 4));
		expect(readIds(`${ids[0]},${ids[0]},../../etc,<b>`)).toEqual([ids[0]]);
		expect(readIds(null)).toEqual([]);
	});
	it("lists", () => expect([listed(["a"]), listed(["a", "b", "c"]), listed([])]).toEqual(["a", "a, b and c", ""]));
});
