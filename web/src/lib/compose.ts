/** From what a person set to the latent that is shown: base, then directions, then arithmetic, then held dimensions. */

import { type End, type Exploring } from "./exploring";
import { add, between, corners, hold, type Latent, mean, mix, scale, unpack } from "./latent";

/** A direction that changes one thing about a picture. */
export interface Direction {
	name: string;
	latent: Latent;
	/** What one step of its slider adds, in lengths of `latent`. */
	strength: number;
	n: number;
	note: string;
}

/** Everything that is known of a model's latents so far. */
export interface Book {
	size: number;
	seed(seed: number): Latent | undefined;
	/** The latent of a held-out image (h12), or the mean of a label (l2). */
	member(name: string): Latent | undefined;
	directions: Direction[];
}

export interface Wanted {
	seeds: number[];
	members: string[];
}

/** A latent, or what has to be fetched before there is one. */
export type Found = { latent: Latent } | { wanted: Wanted };

/** The latent that is shown. */
export function compose(state: Exploring, book: Book): Found {
	return gather((take) => dress(state, base(state, book, take), book, take));
}

/** The latent of one seed, with the same things added as to what is shown. */
export function ofSeed(state: Exploring, seed: number, book: Book): Found {
	return gather((take) => dress(state, seedOf(seed, book, take), book, take));
}

/** An end of the path, as it is without anything added. */
export function ofEnd(end: End, book: Book): Found {
	return gather((take) => endOf(end, book, take));
}

/** A point of the path, with the same things added as to what is shown. */
export function ofPath(state: Exploring, t: number, book: Book): Found {
	return gather((take) => {
		const [a, b] = [endOf(state.a, book, take), endOf(state.b, book, take)];
		return dress(state, a && b && between(a, b, t, state.how), book, take);
	});
}

/** What the arithmetic adds at strength 1; null while a set is empty or not known. */
export function difference(state: Exploring, book: Book): Latent | null {
	const found = gather((take) => arithmetic(state, book, take));
	return "latent" in found ? found.latent : null;
}

interface Taker {
	seed(seed: number): Latent | null;
	member(name: string): Latent | null;
}

function gather(make: (take: Taker) => Latent | null): Found {
	const wanted: Wanted = { seeds: [], members: [] };
	const take: Taker = {
		seed(seed) {
			wanted.seeds.push(seed);
			return null;
		},
		member(name) {
			wanted.members.push(name);
			return null;
		},
	};
	const latent = make(take);
	return latent ? { latent } : { wanted };
}

function seedOf(seed: number, book: Book, take: Taker): Latent | null {
	return book.seed(seed) ?? take.seed(seed);
}

function base(state: Exploring, book: Book, take: Taker): Latent | null {
	if (state.base === "own") return state.own === null ? null : unpack(state.own, book.size);
	if (state.base === "path") {
		const [a, b] = [endOf(state.a, book, take), endOf(state.b, book, take)];
		return a && b && between(a, b, state.t, state.how);
	}
	const around = corners(state.x, state.y);
	const latents = around.map((corner) => seedOf(corner.seed, book, take));
	if (!complete(latents)) return null;
	return mix(
		latents,
		around.map((corner) => corner.weight),
		state.blend,
	);
}

function endOf(end: End, book: Book, take: Taker): Latent | null {
	return "seed" in end ? seedOf(end.seed, book, take) : unpack(end.packed, book.size);
}

function dress(state: Exploring, latent: Latent | null, book: Book, take: Taker): Latent | null {
	if (!latent) return null;
	let out = latent;
	for (const [index, value] of Object.entries(state.attributes)) {
		const direction = book.directions[Number(index)];
		if (direction && value) out = add(out, direction.latent, value * direction.strength);
	}
	if (state.strength && state.plus.length + state.minus.length > 0) {
		const step = arithmetic(state, book, take);
		if (!step) return null;
		out = add(out, step, state.strength);
	}
	return hold(out, new Map(Object.entries(state.held).map(([index, value]) => [Number(index), value])));
}

function arithmetic(state: Exploring, book: Book, take: Taker): Latent | null {
	const sides = [state.plus, state.minus].map((names) => names.map((name) => member(name, book, take)));
	const [plus, minus] = sides.map((latents) => (complete(latents) ? mean(latents) : null));
	if (sides.some((latents) => !complete(latents))) return null;
	if (plus && minus) return add(plus, minus, -1);
	return plus ?? (minus ? scale(minus, -1) : new Float32Array(book.size));
}

function member(name: string, book: Book, take: Taker): Latent | null {
	if (name.startsWith("s")) return seedOf(Number(name.slice(1)), book, take);
	return book.member(name) ?? take.member(name);
}

function complete(latents: (Latent | null)[]): latents is Latent[] {
	return latents.every((latent) => latent !== null);
}
