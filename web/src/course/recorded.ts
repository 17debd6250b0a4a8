/** Recorded runs: what `course/record.py` kept of trainings that took place. */

import type { Series as Curve } from "../lib/api";

export interface Grid {
	images: number;
	seconds: number;
	/** The row of sheets in the sprite. */
	row?: number;
	/** Samples of a model of points. */
	points?: [number, number][];
}

export interface Encoding {
	index: number;
	mu: number[];
	sigma: number[];
	label?: number;
}

export interface Finding {
	code: string;
	title: string;
	saw?: string;
	[key: string]: unknown;
}

export interface Recorded {
	id: string;
	title: string;
	family: string;
	data: string;
	command: string;
	seed: number;
	minutes: number;
	machine: string;
	recorded: string;
	spec: { channels: number; height: number; width: number; kind: string };
	series: (Curve & { null?: [number, number] | null })[];
	findings: Finding[];
	sprite: { file: string; columns: number; rows: number; tile: [number, number] } | null;
	grids: Grid[];
	real?: [number, number][];
	decoder: { file: string; bytes: number; latent_dim: number; height: number; width: number; channels: number } | null;
	encodings: Encoding[] | null;
	held?: { file: string; columns: number; tile: [number, number]; rows: string[] };
	dims?: { index: number; kl: number; std: number; active: boolean }[];
	facts: Record<string, number | string>;
}

export interface Index {
	runs: { id: string; title: string }[];
	facts: Record<string, Record<string, number | string>>;
}

/** Where a file of the recordings lies: beside the page of a site of its own, at the root of the studio. */
export function recordedUrl(name: string): string {
	const alone = import.meta.env.MODE === "course";
	return new URL(`course-data/${name}`, alone ? new URL(".", document.baseURI) : new URL("/", location.origin)).href;
}

const kept = new Map<string, Promise<unknown>>();

function read<T>(name: string): Promise<T> {
	let found = kept.get(name) as Promise<T> | undefined;
	if (!found) {
		found = fetch(recordedUrl(name), { credentials: "same-origin" }).then((response) => {
			if (!response.ok) throw new Error(`${name}: this recording is not here. Was the course exported whole?`);
			return response.json() as Promise<T>;
		});
		found.catch(() => kept.delete(name));
		kept.set(name, found);
	}
	return found;
}

export const recordedRun = (id: string): Promise<Recorded> => read<Recorded>(`runs/${id}/run.json`);
export const recordedIndex = (): Promise<Index> => read<Index>("index.json");

const pictures = new Map<string, Promise<HTMLImageElement>>();

/** A picture, decoded once. */
export function recordedPicture(run: string, file: string): Promise<HTMLImageElement> {
	const url = recordedUrl(`runs/${run}/${file}`);
	let found = pictures.get(url);
	if (!found) {
		const image = new Image();
		image.src = url;
		found = image.decode().then(() => image);
		found.catch(() => pictures.delete(url));
		pictures.set(url, found);
	}
	return found;
}

/** The last grid at or before a moment; the first when there is none before. */
export function gridAt(run: Recorded, images: number): number {
	let found = 0;
	run.grids.forEach((grid, i) => {
		if (grid.images <= images) found = i;
	});
	return found;
}

/** A curve by its name, such as "critic.adversarial". */
export const curve = (run: Recorded, name: string): Recorded["series"][number] | undefined =>
	run.series.find((one) => one.name === name);

/** The last value of a curve at or before a moment; null before its first. */
export function valueAt(one: { images: number[]; value: (number | null)[] } | undefined, images: number): number | null {
	let found: number | null = null;
	one?.images.forEach((at, i) => {
		if (at <= images && one.value[i] !== null) found = one.value[i] ?? null;
	});
	return found;
}
