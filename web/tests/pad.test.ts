import { describe, expect, it } from "vitest";
import { beyond, centred, follow, seedsIn, shifted, SPAN, toPad, toSheet } from "../src/lib/pad";

describe("the pad's window", () => {
	it("stays while the cursor is inside, and moves as little as it must", () => {
		expect(follow({ left: 10, top: 10 }, 10, 14)).toEqual({ left: 10, top: 10 });
		expect(follow({ left: 10, top: 10 }, 14.05, 9.95)).toEqual({ left: 11, top: 9 });
		expect(follow({ left: 10, top: 10 }, 0, 99)).toEqual({ left: 0, top: 95 });
		for (const at of [0, 0.5, 3.99, 50.5, 98.6, 99]) {
			const { left, top } = follow({ left: 3, top: 60 }, at, at);
			for (const first of [left, top]) {
				expect(first).toBeLessThanOrEqual(at);
				expect(first + SPAN - 1).toBeGreaterThanOrEqual(at);
			}
		}
	});
	it("begins around the cursor", () => {
		expect(centred(50.2, 1)).toEqual({ left: 48, top: 0 });
		expect(centred(99, 99)).toEqual({ left: 95, top: 95 });
	});
	it("has its seeds row by row", () => {
		const seeds = seedsIn({ left: 2, top: 1 });
		expect(seeds).toHaveLength(25);
		expect([seeds[0], seeds[4], seeds[5], seeds[24]]).toEqual([102, 106, 202, 506]);
	});
	it("puts seeds into the middle of their cells, and back", () => {
		const window = { left: 7, top: 3 };
		expect(toPad(window, 7, 3)).toEqual({ u: 0.1, v: 0.1 });
		const { u, v } = toPad(window, 9.25, 6.5);
		const back = toSheet(window, u, v);
		expect(back.x).toBeCloseTo(9.25, 10);
		expect(back.y).toBeCloseTo(6.5, 10);
		expect(toSheet(window, -1, 2)).toEqual({ x: 7, y: 7 });
	});
	it("goes on while a drag is held beyond its edge", () => {
		expect(beyond(-0.1, 1.2)).toEqual({ dx: -1, dy: 1 });
		expect(beyond(0.5, 0)).toEqual({ dx: 0, dy: 0 });
		expect(shifted({ left: 0, top: 94 }, -1, 3)).toEqual({ left: 0, top: 95 });
	});
});
