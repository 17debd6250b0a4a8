/** What a screen reader is told about changes that nobody's focus is on. */

import { writable } from "svelte/store";

export const announced = writable("");

export function announce(text: string): void {
	announced.set("");
	setTimeout(() => announced.set(text), 30);
}
