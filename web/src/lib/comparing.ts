/** From the object of `reverie compare --json` to a table and words. */

export interface Measured {
	value: number | null;
	se: number | null;
	/** Ends of the 95 % interval, where there is an error. */
	low?: number | null;
	high?: number | null;
	n: number;
	unit: string;
}

export interface Compared {
	id: string;
	name: string;
	family: string | null;
	preset?: string | null;
	state?: string;
	minutes?: number;
	images_seen?: number;
	parameters?: number;
	device?: string;
	can?: string[];
	findings?: { code: string; title: string; saw: string }[];
	metrics: Record<string, Measured>;
	sheet?: string | null;
}

export interface Difference {
	metric: string;
	a: string;
	b: string;
	value: number;
	se: number | null;
	low: number;
	high: number;
	n: number;
	paired: boolean;
	p: number;
	p_holm: number;
	apart: boolean;
	winner: string | null;
	words: string;
}

export interface Comparison {
	kind: string;
	words: string[];
	runs: Compared[];
	protocol: Record<string, string | number | boolean | null>;
	floors: Record<string, Measured>;
	differences: Difference[];
	left_out: Record<string, string>;
	recommendation: string[];
	sheets?: Record<string, string>;
}

export type Way = "lower is better" | "higher is better" | "compare with real ones" | "";

export interface Cell {
	text: string;
	/** 95 % interval, from the standard error; null where there is none. */
	low: number | null;
	high: number | null;
	value: number | null;
	/** Better than another by more than chance, and worse than none. */
	best: boolean;
	/** Worse than another by more than chance. */
	worse: boolean;
}

export interface Line {
	metric: string;
	name: string;
	unit: string;
	way: Way;
	cells: (Cell | null)[];
	floor: Cell | null;
	/** Everything that is drawn of this line: the lowest and the highest end of all intervals. */
	range: [number, number] | null;
	verdict: string;
}

const NEITHER = new Set(["vendi", "mode_spread", "sharpness", "density", "parameters"]);
const LOWER = new Set(["frechet", "kid", "copies", "latency", "nll", "bits_per_dim", "sliced_wasserstein", "ndb", "reverse_kl"]);
const INITIALS = new Set(["elbo", "fd", "iwae", "kid", "kl", "nll", "psnr", "ssim"]);

/** Sharpness is a share of that of real images. */
const AS_SHARP: Cell = { text: "1", value: 1, low: null, high: null, best: false, worse: false };

/** A metric's name as a person says it. */
export function spoken(metric: string): string {
	return metric
		.split("_")
		.map((word) => (INITIALS.has(word) ? word.toUpperCase() : word))
		.join(" ");
}

export function wayOf(metric: string): Way {
	if (metric === "parameters") return "";
	if (NEITHER.has(metric)) return "compare with real ones";
	return LOWER.has(metric) ? "lower is better" : "higher is better";
}

/** A number with its standard error, in no more digits than the error supports; four digits without an error. */
export function shown(value: number | null, se: number | null = null): string {
	if (value === null || !Number.isFinite(value)) return "not finite";
	if (se !== null && Number.isFinite(se) && se > 0) {
		const rounded = Number(se.toPrecision(2));
		const magnitude = Math.floor(Math.log10(rounded));
		const decimals = -magnitude + (rounded < 2 * 10 ** magnitude ? 1 : 0);
		const places = Math.max(0, decimals);
		return `${grouped(roundTo(value, decimals), places)} ± ${grouped(roundTo(se, decimals), places)}`;
	}
	if (Math.abs(value) >= 1000 || Number.isInteger(value)) return grouped(value, 0);
	if (Math.abs(value) < 1e-3) return value.toPrecision(4);
	return value.toFixed(3 - Math.floor(Math.log10(Math.abs(value))));
}

function roundTo(value: number, decimals: number): number {
	const factor = 10 ** decimals;
	return Math.round(value * factor) / factor;
}

function grouped(value: number, places: number): string {
	return value.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
}

/** The table: a line a metric, a cell a run, and what real images score. */
export function lines(told: Comparison): Line[] {
	const metrics = [...new Set(told.runs.flatMap((run) => Object.keys(run.metrics)))];
	return metrics.map((metric) => {
		const about = told.differences.filter((one) => one.metric === metric);
		const won = about.filter((one) => one.winner !== null);
		const winners = new Set(won.map((one) => one.winner));
		const losers = new Set(won.map((one) => (one.winner === one.a ? one.b : one.a)));
		const cells = told.runs.map((run) => {
			const entry = run.metrics[metric];
			if (!entry) return null;
			const worse = losers.has(run.name);
			return cell(entry, winners.has(run.name) && !worse, worse);
		});
		const floor = told.floors[metric];
		const unit = told.runs.find((run) => run.metrics[metric])?.metrics[metric]?.unit ?? "";
		const ground = floor ? cell(floor, false, false) : metric === "sharpness" ? AS_SHARP : null;
		return {
			metric,
			name: spoken(metric),
			unit,
			way: wayOf(metric),
			cells,
			floor: ground,
			range: range([...cells, ground]),
			verdict: verdict(about, metric),
		};
	});
}

function cell(entry: Measured, best: boolean, worse: boolean): Cell {
	return {
		text: shown(entry.value, entry.se),
		value: entry.value,
		low: entry.low ?? null,
		high: entry.high ?? null,
		best,
		worse,
	};
}

function range(cells: (Cell | null)[]): [number, number] | null {
	const ends = cells.flatMap((one) => (one ? [one.low ?? one.value, one.high ?? one.value] : []));
	const finite = ends.filter((end): end is number => end !== null && Number.isFinite(end));
	if (finite.length === 0) return null;
	const [low, high] = [Math.min(...finite), Math.max(...finite)];
	return low < high ? [low, high] : [low - 0.5, high + 0.5];
}

/** Who wins by Holm, in a few words. */
export function verdict(about: Difference[], metric: string): string {
	const tested = about.filter((one) => one.se !== null);
	if (NEITHER.has(metric) || about.length === 0) return "";
	if (tested.length === 0) return "no interval, so no verdict";
	const wins = tested.filter((one) => one.winner !== null);
	if (wins.length === 0) return tested.some((one) => one.apart) ? "apart, neither worse than real images" : "may be chance";
	const by = new Map<string, string[]>();
	for (const one of wins) {
		const loser = one.winner === one.a ? one.b : one.a;
		by.set(one.winner!, [...(by.get(one.winner!) ?? []), loser]);
	}
	return [...by].map(([winner, beaten]) => `${winner} beats ${listed(beaten)}`).join("; ");
}

/** Sentences of the differences: what is certain, and what may be chance. */
export function sentences(told: Comparison): { apart: Difference[]; chance: Difference[] } {
	const tested = told.differences.filter((one) => one.se !== null);
	return { apart: tested.filter((one) => one.apart), chance: tested.filter((one) => !one.apart) };
}

/** The protocol in one line, for a badge; the full one is `Object.entries(protocol)`. */
export function badge(told: Comparison): string {
	const { samples, data, split, features } = told.protocol;
	const count = typeof samples === "number" ? `n ${samples.toLocaleString("en-US")}` : "";
	const on = data ? `${baseName(String(data))}${split ? ` (${split})` : ""}` : "";
	return [count, on, features ? String(features) : ""].filter(Boolean).join(", ");
}

/** The last part of a path. */
export function baseName(path: string): string {
	return path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;
}

export function listed(words: string[], last = "and"): string {
	return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}

/** The ids of an address: two to four of them, each once. */
export function readIds(text: string | null): string[] {
	const found = (text ?? "").split(",").filter((id) => /^[0-9a-f]{12}$/.test(id));
	return [...new Set(found)].slice(0, 4);
}
