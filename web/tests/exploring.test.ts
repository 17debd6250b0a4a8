import { describe, expect, it } from "vitest";
import { at, type Exploring, fromQuery, History, moved, plain, snapped, START, toQuery, undressed } from "../src/lib/exploring";

const full: Exploring = {
	base: "path",
	x: 12.5,
	y: 3.25,
	blend: "flat",
	label: 3,
	held: { 4: -1.5, 17: 2 },
	a: { seed: 42 },
	b: { packed: "AbC-_9" },
	t: 0.25,
	how: "lerp",
	attributes: { 1: 0.5 },
	plus: ["s3", "h12"],
	minus: ["l2"],
	strength: 1.5,
	own: "QQ",
};

describe("the address", () => {
	it("is empty at the start", () => expect(toQuery(START).toString()).toBe(""));
	it("brings back everything", () => {
		expect(fromQuery(toQuery(full))).toEqual(full);
		expect(fromQuery(toQuery(START))).toEqual(START);
	});
	it("is short", () => expect(toQuery({ ...START, x: 12.5, held: { 4: 1.5 } }).toString()).toBe("at=12.5%2C2&dims=4%3A1.5"));
	it("survives nonsense", () => {
		const query = new URLSearchParams(
			"at=abc,1e9&on=own&mix=<b>&class=-1&dims=x:1,3:zz,5:99&a=.%3Cscript%3E&b=-4&t=7&how=no&attr=1:NaN&plus=q1.s2.s2&by=--1",
		);
		const state = fromQuery(query);
		expect(state).toEqual({ ...START, t: 1, held: { 5: 20 }, plus: ["s2"] });
	});
	it("keeps the cursor on the sheet", () => expect(fromQuery(new URLSearchParams("at=-3,500")).y).toBe(99));
});

describe("moves", () => {
	it("snap to the nearest seed", () => expect(snapped({ ...START, x: 3.6, y: 1.2 })).toMatchObject({ x: 4, y: 1 }));
	it("stay on the sheet without dust", () => {
		expect(moved(START, -10, 0.1 + 0.2)).toMatchObject({ x: 0, y: 2.3 });
		expect(at(START, 412)).toMatchObject({ x: 12, y: 4, base: "pad" });
	});
	it("tell a plain picture from a dressed one", () => {
		expect(plain(START)).toBe(true);
		expect(plain({ ...START, strength: 2 })).toBe(true);
		expect(plain(full)).toBe(false);
		expect(plain(undressed(full))).toBe(true);
	});
});

describe("history", () => {
	it("takes a drag for one step", () => {
		const history = new History<number>();
		history.note(0, "drag", 0);
		history.note(1, "drag", 100);
		history.note(2, "drag", 200);
		expect(history.back(3)).toBe(0);
		expect(history.canBack).toBe(false);
		expect(history.forward(0)).toBe(3);
	});
	it("parts changes of two kinds, and those with a pause between", () => {
		const history = new History<number>();
		history.note(0, "drag", 0);
		history.note(1, "slider", 10);
		history.note(2, "slider", 2000);
		expect([history.back(3), history.back(2), history.back(1), history.back(0)]).toEqual([2, 1, 0, null]);
	});
	it("forgets the future after a change", () => {
		const history = new History<number>();
		history.note(0, "a", 0);
		history.back(1);
		history.note(0, "b", 0);
		expect(history.canForward).toBe(false);
	});
});
