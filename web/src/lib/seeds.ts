/** Latents by seed: fetched in lots, kept, and asked for once. */

import type { Latent } from "./latent";

export class Seeds {
	#known = new Map<number, Latent>();
	#asked = new Map<number, Promise<void>>();

	constructor(
		private readonly fetchLatents: (seeds: number[]) => Promise<number[][]>,
		private readonly most = 64,
	) {}

	get(seed: number): Latent | undefined {
		return this.#known.get(seed);
	}

	/** All of them, or null while one is missing. */
	all(seeds: number[]): Latent[] | null {
		const found = seeds.map((seed) => this.#known.get(seed));
		return found.every((z) => z !== undefined) ? found : null;
	}

	/** Resolves when all of them are here. */
	async need(seeds: Iterable<number>): Promise<void> {
		const missing = [...new Set(seeds)].filter((seed) => !this.#known.has(seed));
		const fresh = missing.filter((seed) => !this.#asked.has(seed));
		for (let first = 0; first < fresh.length; first += this.most) this.#ask(fresh.slice(first, first + this.most));
		await Promise.all(missing.map((seed) => this.#asked.get(seed)));
	}

	#ask(seeds: number[]): void {
		const answer = this.fetchLatents(seeds)
			.then((latents) => latents.forEach((z, k) => this.#known.set(seeds[k]!, Float32Array.from(z))))
			.finally(() => {
				for (const seed of seeds) this.#asked.delete(seed);
			});
		for (const seed of seeds) this.#asked.set(seed, answer);
	}
}
