/** When a card comes back: FSRS (open-spaced-repetition), aimed at nine in ten remembered, without chance in its intervals. */

import { type Card as Memory, createEmptyCard, fsrs, type Grade, Rating, State } from "ts-fsrs";
import type { Card } from "./content";

export const RETENTION = 0.9;
const scheduler = fsrs({ request_retention: RETENTION, enable_fuzz: false });

/** A memory as it is kept: dates are text. */
export type Kept = Omit<Memory, "due" | "last_review"> & { due: string; last_review?: string };

export const GRADES = [
	{ grade: Rating.Again, name: "Again", key: "1" },
	{ grade: Rating.Hard, name: "Hard", key: "2" },
	{ grade: Rating.Good, name: "Good", key: "3" },
	{ grade: Rating.Easy, name: "Easy", key: "4" },
] as const satisfies readonly { grade: Grade; name: string; key: string }[];

function memory(kept: Kept | undefined, now: Date): Memory {
	if (!kept) return createEmptyCard(now);
	const { due, last_review, ...rest } = kept;
	return { ...rest, due: new Date(due), ...(last_review && { last_review: new Date(last_review) }) };
}

/** The memory of a card after it was graded. */
export function graded(kept: Kept | undefined, grade: Grade, now: Date): Kept {
	const { due, last_review, ...rest } = scheduler.next(memory(kept, now), now, grade).card;
	return { ...rest, due: due.toISOString(), ...(last_review && { last_review: last_review.toISOString() }) };
}

/** For each grade, after how long the card would come back, in milliseconds. */
export function ahead(kept: Kept | undefined, now: Date): number[] {
	const all = scheduler.repeat(memory(kept, now), now);
	return GRADES.map(({ grade }) => all[grade].card.due.getTime() - now.getTime());
}

/** The ids of cards to look at today: what is due before midnight, the most overdue first, then new ones in their order. */
export function due(cards: readonly Card[], kept: Record<string, Kept>, now: Date): string[] {
	const midnight = new Date(now);
	midnight.setHours(24, 0, 0, 0);
	const known = cards.filter((card) => kept[card.id] && new Date(kept[card.id]!.due) < midnight);
	known.sort((a, b) => Date.parse(kept[a.id]!.due) - Date.parse(kept[b.id]!.due));
	return [...known, ...cards.filter((card) => !kept[card.id])].map((card) => card.id);
}

/** When the next card is due after today; null when none waits. */
export function next(kept: Record<string, Kept>): Date | null {
	const dates = Object.values(kept).map((one) => Date.parse(one.due));
	return dates.length ? new Date(Math.min(...dates)) : null;
}

/** Whether a card is still being learnt within a day, and comes back in this sitting. */
export const isLearning = (kept: Kept | undefined): boolean =>
	kept?.state === State.Learning || kept?.state === State.Relearning;

/** "10 min", "3 days": how a wait is said. */
export function wait(ms: number): string {
	const minutes = Math.round(ms / 60_000);
	if (minutes < 60) return `${Math.max(1, minutes)} min`;
	const hours = Math.round(ms / 3_600_000);
	if (hours < 24) return `${hours} h`;
	const days = Math.round(ms / 86_400_000);
	if (days < 61) return days === 1 ? "1 day" : `${days} days`;
	const months = Math.round(days / 30.4);
	return months < 24 ? `${months} months` : `${Math.round(days / 365)} years`;
}

/** A text file that Anki imports: a note a line, with an id of its own so that a second import updates the first. */
export function ankiText(cards: readonly Card[]): string {
	const cell = (html: string): string => html.replace(/[\t\n]+/g, " ");
	const safe = (text: string): string => text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]!);
	const head = ["#separator:tab", "#html:true", "#notetype:Basic", "#deck:Reverie", "#guid column:1", "#tags column:4"];
	const lines = cards.map((card) => ["reverie-" + card.id, safe(card.front.plain), safe(card.back.plain), "reverie " + card.unit].map(cell).join("\t"));
	return [...head, ...lines].join("\n") + "\n";
}
