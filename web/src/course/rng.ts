/** Randomness that is the same on every machine: a 32-bit generator, and normals made with exactly rounded operations only. */

import { ln, sincos2pi } from "./exact";

/** Anything that gives numbers in [0, 1) and standard normals. */
export interface Rng {
	/** A number in [0, 1). */
	uniform(): number;
	/** A draw of N(0, 1). */
	normal(): number;
	/** A whole number in [0, n). */
	below(n: number): number;
}

/** Mixes a seed and words into 32 bits (FNV-1a, then the finaliser of MurmurHash3). */
export function mix(seed: number, ...words: (string | number)[]): number {
	let h = 0x811c9dc5;
	for (const char of [seed, ...words].join("/")) h = Math.imul(h ^ char.codePointAt(0)!, 0x01000193);
	h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
	h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
	return (h ^ (h >>> 16)) >>> 0;
}

/**
 * A stream of its own for a seed and a purpose (sfc32, Doty-Humphrey 2010). The same arguments give the same numbers in every
 * browser: integers are exact, and normals use no library functions.
 */
export function rngFor(seed: number, ...purpose: (string | number)[]): Rng {
	let a = mix(seed, ...purpose, "a");
	let b = mix(seed, ...purpose, "b");
	let c = mix(seed, ...purpose, "c");
	let counter = 1;
	let spare: number | null = null;
	const next = (): number => {
		const t = (a + b + counter) | 0;
		counter = (counter + 1) | 0;
		a = b ^ (b >>> 9);
		b = (c + (c << 3)) | 0;
		c = ((c << 21) | (c >>> 11)) + t;
		c |= 0;
		return t >>> 0;
	};
	for (let i = 0; i < 12; i++) next();
	const uniform = (): number => next() / 4294967296;
	return {
		uniform,
		below: (n) => Math.floor(uniform() * n),
		normal() {
			if (spare !== null) {
				const kept = spare;
				spare = null;
				return kept;
			}
			const radius = Math.sqrt(-2 * ln((next() + 1) / 4294967296));
			const [sine, cosine] = sincos2pi(uniform());
			spare = radius * sine;
			return radius * cosine;
		},
	};
}
