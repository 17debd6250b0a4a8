import { describe, expect, it } from "vitest";
import { Seeds } from "../src/lib/seeds";

describe("seeds", () => {
	it("asks once for each, in lots", async () => {
		const lots: number[][] = [];
		const seeds = new Seeds(async (wanted) => (lots.push(wanted), wanted.map((seed) => [seed, 0.5])), 2);
		await Promise.all([seeds.need([1, 2, 3, 2]), seeds.need([3, 4])]);
		await seeds.need([1, 4]);
		expect(lots).toEqual([[1, 2], [3], [4]]);
		expect([...seeds.get(4)!]).toEqual([4, 0.5]);
		expect(seeds.all([1, 2])).toHaveLength(2);
		expect(seeds.all([1, 9])).toBeNull();
	});
	it("asks again after a failure", async () => {
		let times = 0;
		const seeds = new Seeds(async (wanted) => {
			if (times++ === 0) throw new Error("the server is away");
			return wanted.map((seed) => [seed]);
		});
		await expect(seeds.need([5])).rejects.toThrow("away");
		await seeds.need([5]);
		expect(seeds.get(5)?.[0]).toBe(5);
	});
});
