/** Where things are on the pad: a window of whole seeds onto the endless sheet. */

import { FAR, seedAt } from "./latent";

/** Seeds across, and down. */
export const SPAN = 5;

export interface Window {
	left: number;
	top: number;
}

/** The window moved as little as it takes to have the cursor between its outermost seeds. */
export function follow({ left, top }: Window, x: number, y: number): Window {
	return { left: along(left, x), top: along(top, y) };
}

function along(first: number, at: number): number {
	const low = Math.max(0, Math.ceil(at) - (SPAN - 1));
	const high = Math.min(FAR - (SPAN - 1), Math.floor(at));
	return Math.min(Math.max(first, low), Math.max(high, 0));
}

/** The window with the cursor as near to its middle as the sheet allows. */
export function centred(x: number, y: number): Window {
	const first = (at: number) => Math.min(Math.max(0, Math.round(at) - (SPAN - 1) / 2), FAR - (SPAN - 1));
	return { left: first(x), top: first(y) };
}

/** Seeds in the window, row by row. */
export function seedsIn({ left, top }: Window): number[] {
	return Array.from({ length: SPAN * SPAN }, (_, k) => seedAt(left + (k % SPAN), top + Math.floor(k / SPAN)));
}

/** From a share of the pad's width and height to the sheet, kept between the outermost seeds. */
export function toSheet({ left, top }: Window, u: number, v: number): { x: number; y: number } {
	const at = (first: number, share: number) => first + Math.min(SPAN - 1, Math.max(0, share * SPAN - 0.5));
	return { x: at(left, u), y: at(top, v) };
}

/** And back: shares of the pad's width and height. */
export function toPad({ left, top }: Window, x: number, y: number): { u: number; v: number } {
	return { u: (x - left + 0.5) / SPAN, v: (y - top + 0.5) / SPAN };
}

/** Which way the window goes while a drag is held beyond an edge: -1, 0 or 1 each. */
export function beyond(u: number, v: number): { dx: number; dy: number } {
	const side = (share: number) => (share < 0 ? -1 : share > 1 ? 1 : 0);
	return { dx: side(u), dy: side(v) };
}

/** The window moved by whole seeds, kept on the sheet. */
export function shifted({ left, top }: Window, dx: number, dy: number): Window {
	const kept = (first: number) => Math.min(Math.max(0, first), FAR - (SPAN - 1));
	return { left: kept(left + dx), top: kept(top + dy) };
}
