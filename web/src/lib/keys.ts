/** Keys: a page lends its own while it is shown, and `?` shows all. Typing into a field is never a command. */

import { writable } from "svelte/store";
import { COURSE_ALONE, go } from "../router";

export interface Key {
	/** As it is pressed: "space", "[", or two in turn, "g r". */
	keys: string;
	does: string;
	run: (event: KeyboardEvent) => void;
}

export const keysShown = writable(false);
export const lent = writable<Key[]>([]);
const ALWAYS: Key[] = [
	{ keys: "?", does: "show all keys", run: () => keysShown.set(true) },
	...(COURSE_ALONE ? [] : [{ keys: "g r", does: "go to the runs", run: () => go("/") }]),
	{ keys: "g c", does: "go to the course", run: () => go("/course") },
	{ keys: "g k", does: "go to the cards", run: () => go("/cards") },
];
let current: Key[] = ALWAYS;
lent.subscribe((keys) => {
	current = [...keys, ...ALWAYS];
});

/** Lends keys until the returned function is called: `$effect(() => lend([...]))`. */
export function lend(keys: Key[]): () => void {
	lent.update((before) => [...before, ...keys]);
	return () => lent.update((before) => before.filter((key) => !keys.includes(key)));
}

export function always(): Key[] {
	return ALWAYS;
}

export function listen(): () => void {
	let first = "";
	let when = 0;
	const hear = (event: KeyboardEvent) => {
		if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
		const name = event.key === " " ? "space" : event.key;
		// a focused button or link answers space and enter by itself
		if ((name === "space" || name === "Enter") && (event.target as Element).closest?.("button, a, summary, input")) return;
		const pair = event.timeStamp - when < 1000 ? `${first} ${name}` : "";
		const key = current.find((one) => one.keys === pair) ?? current.find((one) => one.keys === name);
		first = name;
		when = event.timeStamp;
		if (!key) return;
		event.preventDefault();
		key.run(event);
	};
	addEventListener("keydown", hear);
	return () => removeEventListener("keydown", hear);
}

function typing(target: EventTarget | null): boolean {
	if (!(target instanceof HTMLElement)) return false;
	if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button", "range"].includes(target.type);
	return target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
