import { describe, expect, it } from "vitest";
import { Rate, Recent } from "../src/lib/frames";
import { toBytes } from "../src/lib/pixels";
import { Turns } from "../src/lib/turns";

/** A worker whose answers are let out by hand. */
function desk() {
	const begun: string[] = [];
	const doors: (() => void)[] = [];
	const turns = new Turns<string, string>((question) => {
		begun.push(question);
		return new Promise((resolve) => doors.push(() => resolve(question.toUpperCase())));
	});
	const step = async () => {
		doors.shift()!();
		await new Promise((resolve) => setTimeout(resolve));
	};
	return { turns, begun, step };
}

describe("turns", () => {
	it("drops what is stale, and does the newest", async () => {
		const { turns, begun, step } = desk();
		const answers = ["a", "b", "c"].map((question) => turns.now(question));
		await step();
		await step();
		expect(await Promise.all(answers)).toEqual(["A", null, "C"]);
		expect(begun).toEqual(["a", "c"]);
		expect(turns.idle).toBe(true);
	});
	it("lets the urgent go before the rest", async () => {
		const { turns, begun, step } = desk();
		const rest = turns.later("sheet", ["1", "2", "3"]);
		const urgent = turns.now("x");
		for (let k = 0; k < 4; k++) await step();
		expect(begun).toEqual(["1", "x", "2", "3"]);
		expect(await urgent).toBe("X");
		expect(await Promise.all(rest)).toEqual(["1", "2", "3"]);
	});
	it("replaces a list by its name alone", async () => {
		const { turns, begun, step } = desk();
		const old = turns.later("sheet", ["1", "2", "3"]);
		const other = turns.later("strip", ["s"]);
		const fresh = turns.later("sheet", ["4"]);
		for (let k = 0; k < 3; k++) await step();
		expect(await Promise.all(old)).toEqual(["1", null, null]);
		expect(await Promise.all([...other, ...fresh])).toEqual(["S", "4"]);
		expect(begun).toEqual(["1", "s", "4"]);
	});
	it("goes on after an error", async () => {
		const turns = new Turns<number, number>((n) => (n ? Promise.resolve(n) : Promise.reject(new Error("none"))));
		await expect(turns.now(0)).rejects.toThrow("none");
		expect(await turns.now(7)).toBe(7);
	});
	it("takes nothing after it is closed", async () => {
		const { turns, step } = desk();
		const first = turns.now("a");
		const rest = turns.later("sheet", ["1"]);
		turns.close();
		await step();
		expect(await first).toBe("A");
		expect(await Promise.all([...rest, turns.now("b")])).toEqual([null, null]);
	});
});

describe("read-outs", () => {
	it("count frames of motion, and none at rest", () => {
		const rate = new Rate();
		for (let k = 0; k <= 60; k++) rate.note(k * 20);
		expect(rate.value(1200)).toBeCloseTo(50, 5);
		expect(rate.value(1700)).toBeNull();
		rate.note(5000);
		expect(rate.value(5001)).toBeNull();
	});
	it("take the median", () => {
		const recent = new Recent(3);
		expect(recent.median).toBeNull();
		for (const value of [100, 4, 5]) recent.note(value);
		expect(recent.median).toBe(5);
		recent.note(6);
		expect(recent.median).toBe(5);
	});
});

describe("pixels", () => {
	it("are grey, colour, and opaque unless said", () => {
		expect([...toBytes(Float32Array.of(-1, 0), 1, 1, 1, 2)]).toEqual([0, 0, 0, 255, 128, 128, 128, 255]);
		expect([...toBytes(Float32Array.of(-1, 1, 0.5), 1, 3, 1, 1)]).toEqual([0, 255, 191, 255]);
		expect([...toBytes(Float32Array.of(1, 1, 1, -1), 1, 4, 1, 1)]).toEqual([255, 255, 255, 0]);
		expect([...toBytes(Float32Array.of(9, -9), 2, 1, 1, 1)]).toEqual([255, 255, 255, 255, 0, 0, 0, 255]);
	});
});
