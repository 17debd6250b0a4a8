/** What a learner has done, kept in this browser alone: one record, which can be taken along as a file. */

import { writable } from "svelte/store";
import { remember, remembered } from "../lib/theme";
import type { Kept } from "./schedule";

const KEY = "reverie.course";

/** Of one unit: the prediction (its option), whether it was run, the learner's own sentence, and when it was finished. */
export interface Seen {
	predicted?: number;
	ran?: boolean;
	sentence?: string;
	finished?: string;
}

/** The last answer to a question: the option (or whether an open one was known), and how sure it was. */
export interface Answered {
	choice: number;
	right: boolean;
	sure: boolean | null;
	when: string;
}

export interface Progress {
	schema: 1;
	units: Record<string, Seen>;
	answers: Record<string, Answered>;
	cards: Record<string, Kept>;
}

export const nothing = (): Progress => ({ schema: 1, units: {}, answers: {}, cards: {} });

const isObject = (value: unknown): value is Record<string, unknown> =>
	typeof value === "object" && value !== null && !Array.isArray(value);
const isDate = (value: unknown): boolean => typeof value === "string" && !Number.isNaN(Date.parse(value));
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const ID = /^[a-z0-9-]{1,80}$/;

function seen(value: unknown): Seen | null {
	if (!isObject(value)) return null;
	const { predicted, ran, sentence, finished } = value;
	return {
		...(isNumber(predicted) && { predicted }),
		...(ran === true && { ran }),
		...(typeof sentence === "string" && { sentence: sentence.slice(0, 2000) }),
		...(isDate(finished) && { finished: finished as string }),
	};
}

function answered(value: unknown): Answered | null {
	if (!isObject(value) || !isNumber(value.choice) || typeof value.right !== "boolean" || !isDate(value.when)) return null;
	return { choice: value.choice, right: value.right, sure: typeof value.sure === "boolean" ? value.sure : null, when: value.when as string };
}

function kept(value: unknown): Kept | null {
	if (!isObject(value) || !isDate(value.due)) return null;
	const names = ["stability", "difficulty", "elapsed_days", "scheduled_days", "learning_steps", "reps", "lapses", "state"] as const;
	if (!names.every((name) => isNumber(value[name])) || ![0, 1, 2, 3].includes(value.state as number)) return null;
	const numbers = Object.fromEntries(names.map((name) => [name, value[name]]));
	return { ...numbers, due: value.due, ...(isDate(value.last_review) && { last_review: value.last_review }) } as Kept;
}

function each<T>(value: unknown, check: (one: unknown) => T | null): Record<string, T> {
	const found: Record<string, T> = {};
	if (!isObject(value)) return found;
	for (const [id, one] of Object.entries(value)) {
		const checked = ID.test(id) ? check(one) : null;
		if (checked) found[id] = checked;
	}
	return found;
}

/** Reads a record that may come from anywhere: what is not understood is left out; null when nothing is. */
export function readProgress(text: string): Progress | null {
	try {
		const value: unknown = JSON.parse(text);
		if (!isObject(value) || value.schema !== 1) return null;
		return { schema: 1, units: each(value.units, seen), answers: each(value.answers, answered), cards: each(value.cards, kept) };
	} catch {
		return null;
	}
}

/** The record of this browser; a page that changes it sees it kept at once. */
export const progress = writable<Progress>(readProgress(remembered(KEY) ?? "") ?? nothing());

let first = true;
progress.subscribe((value) => {
	if (first) first = false;
	else remember(KEY, JSON.stringify(value));
});
if (typeof window !== "undefined") {
	// another tab may have changed it
	window.addEventListener("storage", (event) => {
		const other = event.key === KEY && event.newValue ? readProgress(event.newValue) : null;
		if (other) progress.set(other);
	});
}

/** Changes what is known of a unit. */
export function note(unit: string, change: Seen): void {
	progress.update((all) => ({ ...all, units: { ...all.units, [unit]: { ...all.units[unit], ...change } } }));
}

/** Keeps an answer. */
export function answer(question: string, choice: number, right: boolean, sure: boolean | null): void {
	const when = new Date().toISOString();
	progress.update((all) => ({ ...all, answers: { ...all.answers, [question]: { choice, right, sure, when } } }));
}
