import { describe, expect, it } from "vitest";
import { add, between, corners, hold, lerp, mean, mix, norm, pack, path, placeOf, seedAt, slerp, stack, unpack } from "../src/lib/latent";

const z = (...values: number[]) => Float32Array.from(values);
const drawn = (size: number, seed: number) => {
	let state = seed;
	const uniform = () => (state = (state * 1664525 + 1013904223) % 2 ** 32) / 2 ** 32;
	return Float32Array.from({ length: size }, () => Math.sqrt(-2 * Math.log(uniform() + 1e-9)) * Math.cos(6.283185 * uniform()));
};
const close = (a: Float32Array, b: Float32Array, digits = 5) => a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, digits));

describe("the pad", () => {
	it("puts every seed at one place, and back", () => {
		for (const seed of [0, 1, 99, 100, 4321, 9999]) {
			const { x, y } = placeOf(seed);
			expect(seedAt(x, y)).toBe(seed);
		}
	});
	it("is one seed on a lattice point, two on an edge, four inside", () => {
		expect(corners(3, 2)).toEqual([{ seed: 203, weight: 1 }]);
		expect(corners(3.25, 2)).toEqual([{ seed: 203, weight: 0.75 }, { seed: 204, weight: 0.25 }]);
		expect(corners(3.5, 2.5).map((corner) => corner.seed)).toEqual([203, 204, 303, 304]);
	});
	it("weighs to 1 everywhere, also at the far end", () => {
		for (const [x, y] of [[0.1, 0.9], [98.7, 3.3], [99, 99], [42, 98.5]] as const) {
			const sum = corners(x, y).reduce((total, corner) => total + corner.weight, 0);
			expect(sum).toBeCloseTo(1, 12);
		}
	});
	it("mixes on the sphere to the mean length, flat to the mean", () => {
		const four = [1, 2, 3, 4].map((seed) => drawn(64, seed));
		const weights = [0.25, 0.25, 0.25, 0.25];
		const average = four.reduce((sum, one) => sum + norm(one) / 4, 0);
		expect(norm(mix(four, weights, "sphere"))).toBeCloseTo(average, 4);
		expect(norm(mix(four, weights, "flat"))).toBeLessThan(0.75 * average);
		close(mix([four[0]!], [1], "sphere"), four[0]!);
		close(mix(four, weights, "flat"), mean(four)!);
	});
});

describe("paths", () => {
	it("end where they should", () => {
		const [a, b] = [drawn(16, 5), drawn(16, 6)];
		for (const method of ["slerp", "lerp"] as const) {
			const way = path(a, b, 5, method);
			close(way[0]!, a);
			close(way[4]!, b);
			expect(way).toHaveLength(5);
		}
	});
	it("agree with the closed form", () => {
		close(slerp(z(1, 0), z(0, 1), 0.5), z(Math.SQRT1_2, Math.SQRT1_2));
		close(slerp(z(2, 0), z(0, 2), 1 / 3), z(2 * Math.cos(Math.PI / 6), 2 * Math.sin(Math.PI / 6)));
		close(lerp(z(1, 0), z(0, 1), 0.25), z(0.75, 0.25));
	});
	it("fall back to the line where there is no one circle", () => {
		for (const other of [z(2, 4), z(-1, -2), z(0, 0)]) close(between(z(1, 2), other, 0.3, "slerp"), lerp(z(1, 2), other, 0.3));
	});
	it("keep equal lengths on the circle", () => {
		const a = drawn(32, 7);
		const b = drawn(32, 8).map((value) => (value * norm(a)) / norm(drawn(32, 8)));
		for (const t of [0.2, 0.5, 0.9]) expect(norm(slerp(a, b, t))).toBeCloseTo(norm(a), 3);
	});
});

describe("arithmetic", () => {
	it("adds, holds and stacks", () => {
		close(add(z(1, 2), z(10, 20), -0.5), z(-4, -8));
		close(hold(z(1, 2, 3), new Map([[1, 9], [7, 5]])), z(1, 9, 3));
		close(stack([z(1, 2), z(3, 4)]), z(1, 2, 3, 4));
		expect(mean([])).toBeNull();
	});
	it("packs a latent into an address and back", () => {
		const a = drawn(128, 3);
		const text = pack(a);
		expect(text).toMatch(/^[\w-]+$/);
		expect(text.length).toBeLessThan(180);
		const most = Math.max(...a.map(Math.abs));
		unpack(text, 128)!.forEach((value, i) => expect(Math.abs(value - a[i]!)).toBeLessThanOrEqual(most / 253));
	});
	it("refuses what is no packed latent", () => {
		const text = pack(drawn(8, 1));
		for (const [word, size] of [["", 8], ["$$$", 8], ["A", 8], [text, 9], [text.slice(0, -3), 8]] as const) {
			expect(unpack(word, size)).toBeNull();
		}
	});
	it("packs zeros", () => close(unpack(pack(z(0, 0)), 2)!, z(0, 0)));
});
