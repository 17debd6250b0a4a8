import { describe, expect, it } from "vitest";
import { age, duration, number, roughly, short, spoken, tick, withError } from "../src/lib/format";
import { type Treated, verdict } from "../src/lib/treatment";

describe("numbers", () => {
	it("have no more digits than help", () => {
		expect([0, 1234567, 0.012345, 12.3456, 1e-7, 2.5e9].map((x) => number(x))).toEqual([
			"0", "1,234,567", "0.0123", "12.3", "1.00e-7", "2.50e9",
		]);
		expect([null, undefined, Number.NaN, Number.POSITIVE_INFINITY].map((x) => number(x))).toEqual(["–", "–", "–", "–"]);
	});
	it("fit beside an axis", () => {
		expect([0, -0.0001, 0.00030000000000000003, 0.001, 5000].map(tick)).toEqual(["0", "-1e-4", "3e-4", "0.001", "5 k"]);
	});
	it("are short in the head of a column", () => {
		expect([950, 5000, 1_250_000, 3e9].map(short)).toEqual(["950", "5 k", "1.25 M", "3 G"]);
	});
	it("carry their error", () => {
		expect(withError(12.4137, 0.6234)).toBe("12.41 ± 0.62");
		expect(withError(78.2, null)).toBe("78.2");
	});
});

describe("times", () => {
	it("are said as a person says them", () => {
		expect([7.2, 134, 120, 7500].map(duration)).toEqual(["7 s", "2 min 14 s", "2 min", "2 h 5 min"]);
		expect([74, 600, 7200].map(roughly)).toEqual(["74 s", "10 min", "2 h"]);
		expect([30, 1200, 7200, 200000].map((s) => age(0, s))).toEqual(["now", "20 min", "2 h", "2 d"]);
	});
});

it("names are words", () => {
	expect(spoken("probe.held_out_nll_nats")).toBe("held-out NLL");
	expect(spoken("critic.logit_real")).toBe("logit real");
	expect(spoken("reconstruction_mse")).toBe("reconstruction MSE");
});

describe("a treatment's verdict", () => {
	const told = (treated: boolean, control: boolean, codes: string[] = []): Treated => {
		const fork = { id: "a", images: 100, evidence: {} };
		return {
			code: "G001",
			title: "collapse",
			from_images: 50,
			remedy: {},
			helped: control && !treated,
			treated: { ...fork, found: treated, codes },
			control: { ...fork, found: control, codes: control ? ["G001"] : [] },
		};
	};
	it("claims no more than the two forks show", () => {
		expect(verdict(told(false, true))).toContain("It helped: the finding went away");
		expect(verdict(told(false, true, ["G003"]))).toContain("what else was found: G003");
		expect(verdict(told(false, false))).toContain("proved nothing");
		expect(verdict(told(true, false))).toContain("It did harm");
		expect(verdict(told(true, true))).toContain("did not help in this time");
	});
});
