/** The server's API as typed functions. A refusal becomes an Error whose message is the server's sentence. */

export type State = "training" | "finished" | "stopped" | "diverged" | "unreadable";
export type HealthState = "well" | "watch" | "ill" | "unknown";

export interface Health {
	state: HealthState;
	codes: string[];
	title: string;
}
export interface Row {
	id: string;
	name: string;
	family: string;
	preset: string;
	data: string;
	state: State;
	images: number;
	fraction: number;
	seconds: number;
	speed: number;
	parameters: number;
	device: string;
	health: Health;
	best: { name: string; value: number; unit: string } | null;
	modified: number;
	problem: string | null;
	thumb: string | null;
	can: string[];
	budget: { images?: number | null; minutes?: number | null };
}
export interface Evidence {
	name: string;
	value: number | null;
	low: number | null;
	high: number | null;
	source: string;
}
export interface Finding {
	code: string;
	title: string;
	saw: string;
	why: string;
	evidence: Evidence[];
	confidence: number;
	since: number | null;
	remedy: Record<string, unknown>;
	advice: string;
	reference: string;
	pictures: string[];
	state: "ill" | "watch";
}
export interface GridAt {
	images: number;
	seconds: number;
	url: string;
}
export interface Details extends Row {
	recipe: Record<string, unknown>;
	findings: Finding[];
	grids: GridAt[];
	spec: { channels: number; height: number; width: number; kind: string; num_classes: number; labels: string[] } | null;
	nulls: Record<string, [number, number]>;
	command: string;
	/** The newest event of the stream that this holds. */
	seq?: string;
}
export interface Series {
	name: string;
	group: "terms" | "health" | "probe";
	phase: string;
	unit: string;
	images: number[];
	seconds: number[];
	value: (number | null)[];
	low: (number | null)[] | null;
	high: (number | null)[] | null;
}
export interface Curves {
	images_max: number;
	series: Series[];
}
export interface Job {
	job: string;
	kind: string;
	state: "running" | "done" | "failed";
	progress: number | null;
	words: string;
	about: Record<string, unknown>;
	result: Record<string, unknown> | null;
	log_tail: string;
}
export interface Neighbours {
	sample_url: string;
	nearest: { url: string; distance: number }[];
}
export interface Family {
	name: string;
	title: string;
	presets: { name: string; doc: string }[];
	schema: Schema;
	defaults: Record<string, unknown>;
}
export interface Schema {
	$defs?: Record<string, Schema>;
	$ref?: string;
	type?: string;
	title?: string;
	description?: string;
	default?: unknown;
	enum?: unknown[];
	const?: unknown;
	anyOf?: Schema[];
	items?: Schema;
	properties?: Record<string, Schema>;
	minimum?: number;
	maximum?: number;
	exclusiveMinimum?: number;
	exclusiveMaximum?: number;
}
export interface Ask {
	family: string;
	data: string;
	preset?: string;
	minutes?: number;
	images?: number;
	size?: number;
	seed?: number;
	settings?: Record<string, unknown>;
	name?: string;
}
export interface Checked {
	recipe: Record<string, unknown> | null;
	toml: string;
	command: string;
	errors: string[];
}

/** What the server refused, with its status. */
export class Refused extends Error {
	constructor(
		readonly status: number,
		message: string,
	) {
		super(message);
	}
}

async function ask(path: string, init?: RequestInit): Promise<Response> {
	let answer: Response;
	try {
		answer = await fetch(path, init);
	} catch {
		throw new Refused(0, "The studio does not answer. Start it again with `reverie studio`, then reload this page.");
	}
	if (answer.ok) return answer;
	const told = await answer.json().catch(() => null);
	throw new Refused(answer.status, told?.error ?? `The studio refused (${answer.status}). Reload this page.`);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
	return (await (await ask(path, { signal })).json()) as T;
}

export async function post<T>(path: string, body: unknown = {}): Promise<T> {
	const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
	return (await (await ask(path, init)).json()) as T;
}

export const listed = () => get<{ runs: Row[]; seq?: string }>("/api/runs");
export const runs = () => listed().then((told) => told.runs);
export const run = (id: string, signal?: AbortSignal) => get<Details>(`/api/runs/${id}`, signal);
export const curves = (id: string, points = 1200, signal?: AbortSignal) =>
	get<Curves>(`/api/runs/${id}/curves?points=${points}`, signal);
export const neighbours = (id: string, images: number, index: number) =>
	get<Neighbours>(`/api/runs/${id}/neighbours?grid_images=${images}&index=${index}`);
export const families = () => get<{ families: Family[] }>("/api/families").then((told) => told.families);
export const datasets = () =>
	get<{ sets: { name: string; title: string; kind: string }[]; note: string }>("/api/data");
export const check = (wanted: Ask) => post<Checked>("/api/recipe", wanted);
export const start = (wanted: Ask) => post<{ id: string }>("/api/runs", wanted);
export const stop = (id: string) => post<{ state: State }>(`/api/runs/${id}/stop`);
export const resume = (id: string) => post<{ state: State }>(`/api/runs/${id}/resume`);
export const treat = (id: string, code?: string) => post<{ job: string }>(`/api/runs/${id}/treat`, code ? { code } : {});
export const job = (id: string) => get<Job>(`/api/jobs/${id}`);
