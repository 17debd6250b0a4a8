/**
 * Keeps pictures up to date with what a person set: the large one first, the sheet and the strip when there is time.
 *
 * It fetches latents that are missing, asks the decoder for what changed, and says when something new can be painted.
 */

import { type Book, compose, type Direction, type Found, ofEnd, ofPath, ofSeed, type Wanted } from "./compose";
import type { Decoder, Pictures, Question } from "./decoder";
import type { End, Exploring } from "./exploring";
import { Rate, Recent } from "./frames";
import type { Latent } from "./latent";
import { Seeds } from "./seeds";
import { Turns } from "./turns";

/** One picture of a bitmap of several. */
export interface Shot {
	pictures: Pictures;
	k: number;
}

export interface Source {
	latents(seeds: number[]): Promise<number[][]>;
	member(name: string): Promise<number[]>;
}

export type What = "shown" | "sheet" | "strip" | "ends" | "known";

const PIECE = 4; // pictures that are made in one go, so that what is waited for never waits long
const PAUSE = 140; // ms without a change before the sheet and the strip follow

export class Easel {
	readonly rate = new Rate();
	readonly recent = new Recent();
	directions: Direction[] = [];
	shown: Shot | null = null;
	latent: Latent | null = null;
	/** The strip's pictures, by place; what is not there yet is missing. */
	strip: (Shot | undefined)[] = [];
	ends: { a?: Shot; b?: Shot } = {};
	#seeds: Seeds;
	#members = new Map<string, Latent>();
	#asked = new Set<string>();
	#turns: Turns<Question, Pictures>;
	#thumbs = new Map<number, Shot>();
	#sheetKey = "";
	#stripKey = "";
	#endsKey = "";
	#waiting = new Map<string, { key: string; timer: ReturnType<typeof setTimeout> }>();
	#last: { latent: Latent; label: number | null } | null = null;
	#closed = false;

	/**
	 * @param changed called with what can be painted anew; "known" when latents came that were missing
	 * @param failed called with a sentence
	 */
	constructor(
		private readonly size: number,
		private readonly source: Source,
		private decoder: Decoder,
		private readonly changed: (what: What) => void,
		private readonly failed: (words: string) => void,
	) {
		this.#seeds = new Seeds((seeds) => source.latents(seeds));
		this.#turns = new Turns((question, sequence) => this.decoder.decode(question, sequence));
	}

	get book(): Book {
		return {
			size: this.size,
			seed: (seed) => this.#seeds.get(seed),
			member: (name) => this.#members.get(name),
			directions: this.directions,
		};
	}

	/** Goes on with another decoder; what the old one is doing still counts. */
	use(decoder: Decoder): void {
		this.decoder = decoder;
		this.#last = null;
		this.recent.forget();
		this.changed("known");
	}

	/** Brings the large picture up to date. True while it is not. */
	show(state: Exploring): boolean {
		const latent = this.#have(compose(state, this.book));
		if (!latent) return true;
		this.latent = latent;
		if (this.#last && this.#last.label === state.label && same(this.#last.latent, latent)) return false;
		this.#last = { latent, label: state.label };
		this.#turns.now({ latents: [latent], label: state.label }).then((pictures) => {
			if (!pictures || this.#closed) return pictures?.bitmap.close();
			this.shown?.pictures.bitmap.close();
			this.shown = { pictures, k: 0 };
			this.recent.note(pictures.ms);
			this.changed("shown");
		}, this.#complain);
		return true;
	}

	/** Brings the pictures of seeds up to date, those of the pad; they wear what the large one wears. */
	sheet(state: Exploring, seeds: number[]): void {
		const dress = this.#dress(state);
		const key = `${dress} ${seeds.join()}`;
		if (key === this.#sheetKey) return;
		this.#soon("sheet", key, this.#sheetKey === "" ? 0 : PAUSE, async () => {
			const of = (seed: number) => ofSeed(state, seed, this.book);
			await this.#seeds.need(seeds);
			await this.#need([of(seeds[0]!)]);
			if (!this.#ready(seeds.map(of))) return;
			const stale = !this.#sheetKey.startsWith(`${dress} `);
			this.#sheetKey = key;
			const wanted = stale ? seeds : seeds.filter((seed) => !this.#thumbs.has(seed));
			const old = stale ? new Map(this.#thumbs) : null;
			await this.#make("sheet", wanted, of, state.label, (seed, shot) => {
				this.#thumbs.set(seed, shot);
				old?.delete(seed);
			});
			if (old && this.#sheetKey === key) for (const seed of old.keys()) this.#thumbs.delete(seed);
		});
	}

	thumb(seed: number): Shot | undefined {
		return this.#thumbs.get(seed);
	}

	/** Brings the strip from A to B up to date: `count` pictures. */
	way(state: Exploring, count: number): void {
		const key = `${this.#dress(state)} ${JSON.stringify([state.a, state.b, state.how, count])}`;
		if (key === this.#stripKey) return;
		const places = Array.from({ length: count }, (_, k) => k);
		this.#soon("strip", key, this.#stripKey === "" ? 0 : PAUSE, async () => {
			const of = (k: number) => ofPath(state, k / (count - 1), this.book);
			await this.#need([of(0)]);
			if (!this.#ready([of(0)])) return;
			this.#stripKey = key;
			this.strip.length = count;
			await this.#make("strip", places, of, state.label, (k, shot) => (this.strip[k] = shot));
		});
	}

	/** The latent of a point of the path, as the strip shows it; null while something is missing. */
	along(state: Exploring, t: number): Latent | null {
		return this.#have(ofPath(state, t, this.book));
	}

	/** Brings the pictures of A and B, as they are by themselves, up to date. */
	cards(state: Exploring): void {
		const key = JSON.stringify([state.a, state.b, state.label]);
		if (key === this.#endsKey) return;
		this.#soon("ends", key, 0, async () => {
			const names = ["a", "b"] as const;
			const of = (name: "a" | "b") => ofEnd(state[name] as End, this.book);
			await this.#need(names.map(of));
			if (!this.#ready(names.map(of))) return;
			this.#endsKey = key;
			await this.#make("ends", [...names], of, state.label, (name, shot) => (this.ends[name] = shot));
		});
	}

	/** Pictures of latents, when there is time; null where a newer list of the name came in between. */
	async pictures(name: string, latents: Latent[], label: number | null): Promise<Shot[] | null> {
		const shots: Shot[] = [];
		const lists = this.#turns.later(name, inLots(latents, PIECE).map((lot) => ({ latents: lot, label })));
		for (const pictures of await Promise.all(lists)) {
			if (!pictures) return null;
			for (let k = 0; k < pictures.count; k++) shots.push({ pictures, k });
		}
		return shots;
	}

	/** Latents of seeds and members, fetched where they are not here yet. */
	async know(wanted: Wanted): Promise<void> {
		await Promise.all([this.#seeds.need(wanted.seeds), ...wanted.members.map((name) => this.#member(name))]);
	}

	close(): void {
		this.#closed = true;
		for (const { timer } of this.#waiting.values()) clearTimeout(timer);
		this.#turns.close();
		this.decoder.close();
	}

	/** Everything that is added to a base, in a few characters. */
	#dress({ held, attributes, plus, minus, strength, label }: Exploring): string {
		const sums = strength ? [plus, minus, strength] : [];
		const steps = this.directions.length ? Object.entries(attributes).filter(([, value]) => value) : [];
		return JSON.stringify([held, steps, sums, label]);
	}

	#have(found: Found): Latent | null {
		if ("latent" in found) return found.latent;
		this.know(found.wanted).then(() => this.changed("known"), this.#complain);
		return null;
	}

	async #need(found: Found[]): Promise<void> {
		for (const one of found) if ("wanted" in one) await this.know(one.wanted);
	}

	#ready(found: Found[]): boolean {
		return found.every((one) => "latent" in one);
	}

	async #member(name: string): Promise<void> {
		if (this.#members.has(name) || this.#asked.has(name)) return;
		this.#asked.add(name);
		try {
			this.#members.set(name, Float32Array.from(await this.source.member(name)));
		} finally {
			this.#asked.delete(name);
		}
	}

	async #make<T>(
		name: "sheet" | "strip" | "ends",
		things: T[],
		of: (thing: T) => Found,
		label: number | null,
		keep: (thing: T, shot: Shot) => void,
	): Promise<void> {
		const lots = inLots(things, PIECE);
		const questions = lots.map((lot) => ({
			latents: lot.map((thing) => (of(thing) as { latent: Latent }).latent),
			label,
		}));
		await Promise.all(
			this.#turns.later(name, questions).map(async (answer, place) => {
				const pictures = await answer;
				if (!pictures || this.#closed) return;
				lots[place]!.forEach((thing, k) => keep(thing, { pictures, k }));
				this.changed(name);
			}),
		);
	}

	/** Does the work after a pause, unless something else is wanted under the same name by then. */
	#soon(name: string, key: string, pause: number, work: () => Promise<void>): void {
		const waiting = this.#waiting.get(name);
		if (waiting?.key === key) return;
		clearTimeout(waiting?.timer);
		const done = () => {
			if (this.#waiting.get(name)?.key === key) this.#waiting.delete(name);
		};
		const timer = setTimeout(() => work().catch(this.#complain).finally(done), pause);
		this.#waiting.set(name, { key, timer });
	}

	#complain = (error: unknown): void => {
		if (!this.#closed) this.failed(error instanceof Error ? error.message : String(error));
	};
}

function same(a: Latent, b: Latent): boolean {
	return a.length === b.length && a.every((value, i) => value === b[i]);
}

function inLots<T>(things: T[], size: number): T[][] {
	return Array.from({ length: Math.ceil(things.length / size) }, (_, k) => things.slice(k * size, (k + 1) * size));
}
