/**
 * What a person is looking at in the explorer: plain data, its form in the address, and the way back from each change.
 *
 * The picture shown is of one latent: a base (a point of the pad, a point on the way from A to B, or one's own image),
 * plus attribute directions and the arithmetic's difference, each by a strength, with some dimensions held.
 */

import { type Blend, FAR, type Method, placeOf } from "./latent";

/** An end of the path: a seed, or a latent that was packed by `pack`. */
export type End = { seed: number } | { packed: string };
export type Base = "pad" | "path" | "own";

export interface Exploring {
	base: Base;
	x: number;
	y: number;
	blend: Blend;
	/** The class to draw, for a conditional model. */
	label: number | null;
	/** Dimensions that are held, and where. */
	held: Record<number, number>;
	a: End;
	b: End;
	/** How far along the path, 0 to 1. */
	t: number;
	how: Method;
	/** Strengths by the number of a direction. */
	attributes: Record<number, number>;
	/** What the arithmetic adds, and what it takes away: s3 a seed, h12 a held-out image, l2 every image of a label. */
	plus: string[];
	minus: string[];
	strength: number;
	/** One's own image, as a packed latent. */
	own: string | null;
}

export const START: Exploring = {
	base: "pad",
	x: 2,
	y: 2,
	blend: "sphere",
	label: null,
	held: {},
	a: { seed: 0 },
	b: { seed: 1 },
	t: 0.5,
	how: "slerp",
	attributes: {},
	plus: [],
	minus: [],
	strength: 0,
	own: null,
};

/** The state as an address's query, without what is as it was at the start. */
export function toQuery(state: Exploring): URLSearchParams {
	const query = new URLSearchParams();
	const put = (key: string, value: string, usual: string) => {
		if (value !== usual) query.set(key, value);
	};
	put("at", `${brief(state.x)},${brief(state.y)}`, `${START.x},${START.y}`);
	put("on", state.base, START.base);
	put("mix", state.blend, START.blend);
	if (state.label !== null) query.set("class", String(state.label));
	put("dims", pairs(state.held), "");
	put("a", endText(state.a), endText(START.a));
	put("b", endText(state.b), endText(START.b));
	put("t", brief(state.t), brief(START.t));
	put("how", state.how, START.how);
	put("attr", pairs(state.attributes), "");
	put("plus", state.plus.join("."), "");
	put("minus", state.minus.join("."), "");
	put("by", brief(state.strength), brief(START.strength));
	if (state.own !== null) query.set("own", state.own);
	return query;
}

/** The state that an address asks for; what makes no sense in it is as at the start. */
export function fromQuery(query: URLSearchParams): Exploring {
	const [x, y] = (query.get("at") ?? "").split(",").map((text) => number(text, 0, FAR));
	const base = query.get("on");
	const own = query.get("own");
	return {
		base: base === "path" || (base === "own" && own) ? (base as Base) : "pad",
		x: x ?? START.x,
		y: y ?? START.y,
		blend: query.get("mix") === "flat" ? "flat" : "sphere",
		label: whole(query.get("class")),
		held: readPairs(query.get("dims"), 20),
		a: readEnd(query.get("a")) ?? START.a,
		b: readEnd(query.get("b")) ?? START.b,
		t: number(query.get("t"), 0, 1) ?? START.t,
		how: query.get("how") === "lerp" ? "lerp" : "slerp",
		attributes: readPairs(query.get("attr"), 10),
		plus: members(query.get("plus")),
		minus: members(query.get("minus")),
		strength: number(query.get("by"), -10, 10) ?? START.strength,
		own: own && /^[\w-]{1,3000}$/.test(own) ? own : null,
	};
}

/** The nearest seed: the state with the cursor on a lattice point. */
export function snapped(state: Exploring): Exploring {
	return { ...state, base: "pad", x: Math.round(state.x), y: Math.round(state.y) };
}

/** The state with the cursor on a seed. */
export function at(state: Exploring, seed: number): Exploring {
	return { ...state, base: "pad", ...placeOf(seed) };
}

/** The state with the cursor moved, kept on the sheet. */
export function moved(state: Exploring, dx: number, dy: number): Exploring {
	return { ...state, base: "pad", x: clamp(tidy(state.x + dx), 0, FAR), y: clamp(tidy(state.y + dy), 0, FAR) };
}

/** True when nothing is added to the base. */
export function plain(state: Exploring): boolean {
	return (
		Object.keys(state.held).length === 0 &&
		Object.values(state.attributes).every((value) => value === 0) &&
		(state.strength === 0 || state.plus.length + state.minus.length === 0)
	);
}

/** The state with nothing added to the base. */
export function undressed(state: Exploring): Exploring {
	return { ...state, held: {}, attributes: {}, strength: 0 };
}

/** Steps back and forward. Changes of one kind in quick succession (a drag) are one step. */
export class History<T> {
	#past: T[] = [];
	#future: T[] = [];
	#kind = "";
	#when = Number.NEGATIVE_INFINITY;

	constructor(
		private readonly together = 600,
		private readonly most = 200,
	) {}

	/** Remembers the state before a change. */
	note(before: T, kind: string, now: number): void {
		const same = kind === this.#kind && now - this.#when < this.together;
		this.#kind = kind;
		this.#when = now;
		this.#future = [];
		if (same && this.#past.length) return;
		this.#past.push(before);
		if (this.#past.length > this.most) this.#past.shift();
	}

	back(present: T): T | null {
		return this.#go(this.#past, this.#future, present);
	}

	forward(present: T): T | null {
		return this.#go(this.#future, this.#past, present);
	}

	get canBack(): boolean {
		return this.#past.length > 0;
	}

	get canForward(): boolean {
		return this.#future.length > 0;
	}

	#go(from: T[], to: T[], present: T): T | null {
		const state = from.pop();
		if (state === undefined) return null;
		to.push(present);
		this.#kind = "";
		return state;
	}
}

/** How an end is called. */
export function endName(end: End): string {
	return "seed" in end ? `seed ${end.seed}` : "a picture of yours";
}

function endText(end: End): string {
	return "seed" in end ? String(end.seed) : `.${end.packed}`;
}

function readEnd(text: string | null): End | null {
	if (!text) return null;
	if (/^\.[\w-]{1,3000}$/.test(text)) return { packed: text.slice(1) };
	const seed = whole(text);
	return seed === null ? null : { seed };
}

function members(text: string | null): string[] {
	const found = (text ?? "").split(".").filter((word) => /^[shl]\d{1,10}$/.test(word));
	return [...new Set(found)].slice(0, 64);
}

function pairs(values: Record<number, number>): string {
	return Object.entries(values)
		.map(([key, value]) => `${key}:${brief(value)}`)
		.join(",");
}

function readPairs(text: string | null, most: number): Record<number, number> {
	const found: Record<number, number> = {};
	for (const pair of (text ?? "").split(",")) {
		const [key, value] = pair.split(":");
		const index = whole(key ?? null);
		const read = number(value, -most, most);
		if (index !== null && index < 100_000 && read !== null) found[index] = read;
	}
	return found;
}

function whole(text: string | null): number | null {
	return text !== null && /^\d{1,10}$/.test(text) ? Number(text) : null;
}

function number(text: string | null | undefined, low: number, high: number): number | null {
	if (!text || !/^-?\d*\.?\d+$/.test(text)) return null;
	return clamp(Number(text), low, high);
}

export function clamp(value: number, low: number, high: number): number {
	return Math.min(high, Math.max(low, value));
}

/** Without the dust of binary fractions. */
export function tidy(value: number): number {
	return Math.round(value * 1000) / 1000;
}

function brief(value: number): string {
	return String(tidy(value) + 0);
}
