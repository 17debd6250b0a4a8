/** What the page of a run knows: series that grow, the grid at a moment, groups of curves, and their bounds. */

import type { Curves, GridAt, Series } from "./api";
import { decimate } from "./decimate";
import { spoken } from "./format";

export interface Group {
	key: string;
	title: string;
	series: Series[];
}

/** Probes on one scale, on which real images score about 1. */
export const VARIETY = ["coverage", "diversity", "density", "vendi"];
/** Probes on which real images score about 0, and how sharp samples are. */
export const DISTANCE = ["frechet", "ndb", "copies", "missing_bins", "sharpness"];
const SHOWN = 4; // curves of a group that are drawn at first

/** Curves in the order in which a person reads them: the objective, how varied samples are, how the optimiser fares. */
export function grouped(curves: Curves): Group[] {
	const all = curves.series;
	const probe = (one: Series) => (one.group === "probe" ? one.name.replace("probe.", "") : "");
	const among = (names: string[]) => names.flatMap((name) => all.filter((one) => probe(one) === name));
	const phases = [...new Set(all.filter((one) => one.group === "terms").map((one) => one.phase))];
	const terms = (phase: string) => all.filter((one) => one.group === "terms" && one.phase === phase);
	const ending = (end: string) => all.filter((one) => one.group === "health" && one.name.endsWith(end));
	const rest = all.filter((one) => probe(one) && ![...VARIETY, ...DISTANCE].includes(probe(one)));
	const judge = rest.filter((one) => probe(one).startsWith("judge"));
	const groups: Group[] = [
		...(phases.length > 1 ? [{ key: "losses", title: "Losses", series: phases.flatMap((phase) => objective(terms(phase))) }] : []),
		...phases.map((phase) => ({ key: `terms-${phase}`, title: capital(phase), series: withoutTwins(terms(phase)) })),
		{ key: "variety", title: "Variety, real images 1", series: among(VARIETY) },
		{ key: "distance", title: "Distance from real", series: among(DISTANCE) },
		{ key: "held-out", title: "Held-out images", series: rest.filter((one) => !judge.includes(one)) },
		{ key: "judge", title: "The critic as a judge", series: judge },
		{ key: "gradients", title: "Gradients", series: ending(".gradient_norm") },
		{ key: "updates", title: "Update sizes", series: ending(".update_ratio") },
	];
	return groups.filter((group) => group.series.length);
}

/** What a player plays for, without its penalties. */
function objective(terms: Series[]): Series[] {
	const best = terms.find((one) => one.name.endsWith(".adversarial")) ?? terms.find((one) => one.name.endsWith(".loss"));
	return best ? [best] : terms.slice(0, 1);
}

/** The loss last, and not at all where it is one of its terms. */
function withoutTwins(terms: Series[]): Series[] {
	const loss = terms.find((one) => one.name.endsWith(".loss"));
	const parts = terms.filter((one) => one !== loss);
	const twin = loss && parts.some((one) => one.value.length === loss.value.length && one.value.every((v, i) => v === loss.value[i]));
	return loss && !twin ? [...parts, loss] : parts;
}

/** The groups of the three charts: as asked for where those exist, else the objective, the variety, the gradients. */
export function panels(groups: readonly Group[], asked: readonly string[]): string[] {
	const keys = groups.map((group) => group.key);
	const usual = [["losses"], ["variety", "held-out"], ["gradients"]];
	const taken = asked.filter((key) => keys.includes(key));
	return usual.flatMap((wanted, i) => {
		const key = keys.includes(asked[i] ?? "") ? asked[i] : wanted.find((one) => keys.includes(one) && !taken.includes(one));
		const found = key ?? keys.find((one) => !taken.includes(one));
		if (found) taken.push(found);
		return found ? [found] : [];
	});
}

/** Names of the curves that a group shows until somebody chooses: the helper that guesses latents is not a player. */
export function atFirst(group: Group): string[] {
	const players = group.series.filter((one) => one.phase !== "inverter");
	return (players.length ? players : group.series).slice(0, SHOWN).map((one) => one.name);
}

/** True when a few values are so far above the others that only a logarithm shows both. */
export function spread(series: readonly Series[]): boolean {
	const values = series.flatMap((one) => one.value.filter((v): v is number => v !== null)).sort((a, b) => a - b);
	const middle = values[values.length >> 1] ?? 0;
	return values.length > 8 && (values[0] ?? 0) > 0 && (values.at(-1) ?? 0) > 50 * middle;
}

/** A curve's name where the group's title tells the rest. */
export function label(series: Series, group = ""): string {
	if (["losses", "gradients", "updates"].includes(group)) return series.phase;
	const name = spoken(series.name);
	return group === "judge" ? name.replace(/^judge /, "") : name;
}

function capital(words: string): string {
	return words.length > 4 ? words.charAt(0).toUpperCase() + words.slice(1) : words.toUpperCase();
}

const POINTS = 1500; // of a curve that a page keeps, once it has twice as many

/** New points at the end of what is known; what is not newer than the last point is dropped. */
export function grow(curves: Curves, added: Record<string, [number[], (number | null)[]]>): Curves {
	let most = curves.images_max;
	const known = new Set(curves.series.map((one) => one.name));
	const series = curves.series.map((one) => {
		const [images, values] = added[one.name] ?? [[], []];
		const last = one.images.at(-1) ?? -1;
		const from = images.findIndex((at) => at > last);
		if (from < 0) return one;
		const tail = values.slice(from);
		most = Math.max(most, images.at(-1) ?? 0);
		const grown = {
			...one,
			images: [...one.images, ...images.slice(from)],
			value: [...one.value, ...tail],
			low: one.low && [...one.low, ...tail],
			high: one.high && [...one.high, ...tail],
		};
		return grown.images.length > 2 * POINTS ? decimate(grown, POINTS) : grown;
	});
	for (const [name, [images, value]] of Object.entries(added)) {
		if (known.has(name)) continue;
		const phase = name.startsWith("probe.") ? "" : (name.split(".")[0] ?? "");
		const health = /\.(gradient_norm|update_ratio)$/.test(name);
		const group = !phase ? "probe" : health ? "health" : "terms";
		series.push({ name, group, phase, unit: "", images, seconds: [], value, low: null, high: null });
		most = Math.max(most, images.at(-1) ?? 0);
	}
	return { images_max: most, series };
}

/** The newest grid that existed when so many images had been seen; the first where none did. */
export function gridAt(grids: readonly GridAt[], images: number): GridAt | null {
	let found: GridAt | null = grids[0] ?? null;
	for (const grid of grids) if (grid.images <= images) found = grid;
	return found;
}

/** A series' value at a moment: the last one at or before it. */
export function valueAt(series: Series, images: number): number | null {
	let low = 0;
	let high = series.images.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((series.images[middle] ?? 0) <= images) low = middle + 1;
		else high = middle;
	}
	return low ? (series.value[low - 1] ?? null) : null;
}

/** Seconds of training at a moment, from what curves and grids tell of earlier ones; null when nothing does. */
export function secondsAt(curves: Curves, grids: readonly GridAt[], images: number): number | null {
	let [last, seconds]: [number, number | null] = [-1, null];
	const hear = (at: number | undefined, when: number | undefined) => {
		if (at !== undefined && when !== undefined && at <= images && at > last) [last, seconds] = [at, when];
	};
	for (const grid of grids) hear(grid.images, grid.seconds);
	for (const one of curves.series) {
		const known = { ...one, images: one.images.slice(0, one.seconds.length), value: one.images.map((_, i) => i) };
		const place = valueAt(known, images);
		if (place !== null) hear(one.images[place], one.seconds[place]);
	}
	return seconds;
}

/** The next or previous moment of which there is a grid, from a moment. */
export function step(grids: readonly GridAt[], images: number, by: 1 | -1): number {
	const moments = grids.map((grid) => grid.images);
	if (by > 0) return moments.find((at) => at > images) ?? moments.at(-1) ?? images;
	return moments.findLast((at) => at < images) ?? moments[0] ?? images;
}

export interface Tiles {
	across: number;
	rows: number;
	/** Of a tile and of the gap between tiles, in pixels of the sheet. */
	width: number;
	height: number;
	gap: number;
}

/** How a sheet of `count` images of width x height lies, from its size in pixels; null when it is no such sheet. */
export function tiles(
	sheet: { width: number; height: number },
	image: { width: number; height: number },
	count = 64,
	gap = 2,
): Tiles | null {
	for (let across = 1; across <= count; across++) {
		const rows = Math.ceil(count / across);
		const width = (sheet.width + gap) / across - gap;
		const height = (sheet.height + gap) / rows - gap;
		const scale = width / image.width;
		if (Number.isInteger(scale) && scale > 0 && height === scale * image.height) return { across, rows, width, height, gap };
	}
	return null;
}

/** All series of a table, row by row: moments at which at least one has a value. Newest first, at most `most`. */
export function table(series: readonly Series[], most = 200): { images: number; values: (number | null)[] }[] {
	const moments = new Set<number>();
	for (const one of series) for (const at of one.images) moments.add(at);
	const places = series.map((one) => new Map(one.images.map((at, i) => [at, one.value[i] ?? null])));
	return [...moments]
		.sort((a, b) => b - a)
		.slice(0, most)
		.map((images) => ({ images, values: places.map((place) => place.get(images) ?? null) }));
}

/** All series as CSV. */
export function csv(series: readonly Series[]): string {
	const lines = table(series, Number.POSITIVE_INFINITY).reverse();
	const head = ["images", ...series.map((one) => one.name)].join(",");
	return [head, ...lines.map((line) => [line.images, ...line.values.map((v) => v ?? "")].join(","))].join("\n");
}
