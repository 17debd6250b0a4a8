/**
 * Arithmetic on latents. A latent is a Float32Array of `latent_dim` numbers; nothing here knows a model.
 *
 * The pad is an endless sheet of seeds, 100 to a row: the picture of seed s lies at x = s % 100, y = floor(s / 100).
 * Between them the four seeds around a point are mixed.
 */

export type Latent = Float32Array;
export type Blend = "sphere" | "flat";
export type Method = "slerp" | "lerp";

/** Seeds in one row of the pad. */
export const ROW = 100;
/** The largest coordinates that the pad goes to: a whole row, and as many rows. */
export const FAR = ROW - 1;

export interface Corner {
	seed: number;
	weight: number;
}

/** The seed at a lattice point. */
export function seedAt(column: number, row: number): number {
	return column + ROW * row;
}

/** Where a seed lies on the pad; seeds beyond its end wrap around. */
export function placeOf(seed: number): { x: number; y: number } {
	const whole = Math.max(0, Math.floor(seed)) % (ROW * ROW);
	return { x: whole % ROW, y: Math.floor(whole / ROW) };
}

/** The seeds around a point with what each weighs: one to four of them, weights above 0 that sum to 1. */
export function corners(x: number, y: number): Corner[] {
	const left = Math.min(Math.max(Math.floor(x), 0), FAR);
	const top = Math.min(Math.max(Math.floor(y), 0), FAR);
	const u = Math.min(Math.max(x - left, 0), 1);
	const v = Math.min(Math.max(y - top, 0), 1);
	return [
		{ seed: seedAt(left, top), weight: (1 - u) * (1 - v) },
		{ seed: seedAt(left + 1, top), weight: u * (1 - v) },
		{ seed: seedAt(left, top + 1), weight: (1 - u) * v },
		{ seed: seedAt(left + 1, top + 1), weight: u * v },
	].filter((corner) => corner.weight > 0);
}

/** Length of a latent. */
export function norm(z: Latent): number {
	let sum = 0;
	for (let i = 0; i < z.length; i++) sum += z[i]! * z[i]!;
	return Math.sqrt(sum);
}

/**
 * The mix of latents by weights.
 *
 * "flat" is the weighted mean. "sphere" gives that mean the length that the latents have on average, since a Gaussian
 * latent of many dimensions lies near a sphere and a plain mean falls inside it, where a decoder has seen little
 * (White 2016).
 */
export function mix(latents: Latent[], weights: number[], blend: Blend): Latent {
	const size = latents[0]?.length ?? 0;
	const out = new Float32Array(size);
	let length = 0;
	latents.forEach((z, k) => {
		const w = weights[k]!;
		length += w * norm(z);
		for (let i = 0; i < size; i++) out[i] = out[i]! + w * z[i]!;
	});
	if (blend === "flat") return out;
	const now = norm(out);
	return now > 0 ? scale(out, length / now) : out;
}

/** The straight line, exact at both ends. */
export function lerp(a: Latent, b: Latent, t: number): Latent {
	return a.map((value, i) => (1 - t) * value + t * b[i]!);
}

/**
 * The great circle between two directions (Shoemake 1985, eq. 3), as `reverie interpolate` walks it. Parallel, opposite
 * and zero vectors have no one circle: they get the straight line.
 */
export function slerp(a: Latent, b: Latent, t: number): Latent {
	const lengths = norm(a) * norm(b);
	const cosine = lengths > 0 ? Math.min(1, Math.max(-1, dot(a, b) / lengths)) : 1;
	if (1 - Math.abs(cosine) < 1e-6) return lerp(a, b, t);
	const omega = Math.acos(cosine);
	const [from, to] = [Math.sin((1 - t) * omega) / Math.sin(omega), Math.sin(t * omega) / Math.sin(omega)];
	return a.map((value, i) => from * value + to * b[i]!);
}

/** One point on the way from a to b. */
export function between(a: Latent, b: Latent, t: number, method: Method): Latent {
	return method === "slerp" ? slerp(a, b, t) : lerp(a, b, t);
}

/** Evenly spaced latents from a to b, both ends included. */
export function path(a: Latent, b: Latent, steps: number, method: Method): Latent[] {
	return Array.from({ length: steps }, (_, k) => between(a, b, k / (steps - 1), method));
}

export function dot(a: Latent, b: Latent): number {
	let sum = 0;
	for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
	return sum;
}

export function scale(z: Latent, factor: number): Latent {
	return z.map((value) => factor * value);
}

/** a + factor * b. */
export function add(a: Latent, b: Latent, factor = 1): Latent {
	return a.map((value, i) => value + factor * b[i]!);
}

/** The mean of several latents; null of none. */
export function mean(latents: Latent[]): Latent | null {
	const first = latents[0];
	if (!first) return null;
	const out = new Float32Array(first.length);
	for (const z of latents) for (let i = 0; i < out.length; i++) out[i] = out[i]! + z[i]! / latents.length;
	return out;
}

/** A latent with some of its dimensions held at given values. */
export function hold(z: Latent, held: ReadonlyMap<number, number>): Latent {
	if (held.size === 0) return z;
	const out = z.slice();
	for (const [index, value] of held) if (index >= 0 && index < out.length) out[index] = value;
	return out;
}

/** Several latents in one array, as a decoder takes them: (n * latent_dim). */
export function stack(latents: Latent[]): Float32Array<ArrayBuffer> {
	const size = latents[0]?.length ?? 0;
	const out = new Float32Array(latents.length * size);
	latents.forEach((z, k) => out.set(z, k * size));
	return out;
}

const STEPS = 127;

/**
 * A latent in few characters, for an address: 8 bits a dimension, as a share of its largest value, base64url.
 *
 * The error of a dimension is at most 1/254 of the largest.
 */
export function pack(z: Latent): string {
	let most = 0;
	for (const value of z) most = Math.max(most, Math.abs(value));
	const unit = most > 0 ? most / STEPS : 1;
	const bytes = new Uint8Array(4 + z.length);
	new DataView(bytes.buffer).setFloat32(0, unit);
	z.forEach((value, i) => (bytes[4 + i] = Math.round(value / unit) + 128));
	let text = "";
	for (const byte of bytes) text += String.fromCharCode(byte);
	return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The latent of `pack`; null where the text is none of `size` dimensions. */
export function unpack(text: string, size: number): Latent | null {
	if (!/^[\w-]+$/.test(text)) return null;
	let raw: string;
	try {
		raw = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
	} catch {
		return null;
	}
	if (raw.length !== 4 + size) return null;
	const bytes = Uint8Array.from(raw, (character) => character.charCodeAt(0));
	const unit = new DataView(bytes.buffer).getFloat32(0);
	if (!Number.isFinite(unit) || unit <= 0) return null;
	return Float32Array.from({ length: size }, (_, i) => (bytes[4 + i]! - 128) * unit);
}
