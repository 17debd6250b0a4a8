import { describe, expect, it } from "vitest";
import { type Book, compose, difference, ofEnd, ofPath, ofSeed } from "../src/lib/compose";
import { type Exploring, START } from "../src/lib/exploring";
import { pack } from "../src/lib/latent";

/** Seed s is (s, 1); seeds from 500 on are not known yet. */
const book: Book = {
	size: 2,
	seed: (seed) => (seed < 500 ? Float32Array.of(seed, 1) : undefined),
	member: (name) => ({ h1: Float32Array.of(10, 0), h2: Float32Array.of(20, 0), l0: Float32Array.of(0, 4) })[name],
	directions: [{ name: "beard", latent: Float32Array.of(0, 1), strength: 2, n: 10, note: "" }],
};
const shown = (more: Partial<Exploring>) => {
	const found = compose({ ...START, blend: "flat", ...more }, book);
	return "latent" in found ? [...found.latent] : found.wanted;
};

describe("what is shown", () => {
	it("is the mix of the seeds around", () => {
		expect(shown({ x: 3, y: 1 })).toEqual([103, 1]);
		expect(shown({ x: 3.5, y: 1 })).toEqual([103.5, 1]);
	});
	it("is a point of the path", () => {
		expect(shown({ base: "path", a: { seed: 4 }, b: { seed: 8 }, t: 0.25, how: "lerp" })).toEqual([5, 1]);
		const own = { packed: pack(Float32Array.of(127, 0)) };
		expect(shown({ base: "path", a: own, b: { seed: 27 }, t: 0, how: "lerp" })).toEqual([127, 0]);
	});
	it("is one's own image", () => expect(shown({ base: "own", own: pack(Float32Array.of(127, -127)) })).toEqual([127, -127]));
	it("has directions, arithmetic and held dimensions on top, in this order", () => {
		expect(shown({ x: 3, y: 0, attributes: { 0: 1.5, 9: 4 } })).toEqual([3, 4]);
		expect(shown({ x: 3, y: 0, plus: ["h1", "h2"], minus: ["s5"], strength: 2 })).toEqual([3 + 2 * (15 - 5), 1 + 2 * -1]);
		expect(shown({ x: 3, y: 0, attributes: { 0: 1 }, held: { 1: -7 } })).toEqual([3, -7]);
	});
	it("says what is missing, all at once", () => {
		expect(shown({ x: 3.5, y: 5 })).toEqual({ seeds: [503, 504], members: [] });
		expect(shown({ plus: ["h9", "l0"], minus: ["s700"], strength: 1 })).toEqual({ seeds: [700], members: ["h9"] });
	});
	it("asks for nothing that counts nothing", () => expect(shown({ x: 1, y: 0, plus: ["h9"], strength: 0 })).toEqual([1, 1]));
});

describe("arithmetic", () => {
	const of = (plus: string[], minus: string[]) => {
		const found = difference({ ...START, plus, minus }, book);
		return found && [...found];
	};
	it("is mean minus mean, and one side alone where the other is empty", () => {
		expect(of(["h1", "h2"], ["l0"])).toEqual([15, -4]);
		expect(of(["h1"], [])).toEqual([10, 0]);
		expect(of([], ["l0"])).toEqual([-0, -4]);
		expect(of([], [])).toEqual([0, 0]);
		expect(of(["h9"], [])).toBeNull();
	});
});

describe("the sheet and the strip", () => {
	it("wear the same things as what is shown", () => {
		const dressed = { ...START, held: { 1: 9 } };
		expect(ofSeed(dressed, 7, book)).toEqual({ latent: Float32Array.of(7, 9) });
		expect(ofPath({ ...dressed, a: { seed: 0 }, b: { seed: 4 }, how: "lerp" }, 0.5, book)).toEqual({ latent: Float32Array.of(2, 9) });
		expect(ofEnd({ seed: 3 }, book)).toEqual({ latent: Float32Array.of(3, 1) });
	});
});
