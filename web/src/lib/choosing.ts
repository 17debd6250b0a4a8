/** The chooser's address: answers by question, which question is shown, and whether the rest is left to the defaults. */

import { asked, type Answers, known, type Question, type Rules } from "./choose";

export interface Choosing {
	answers: Answers;
	/** The question that is shown; null where the advice is. */
	question: Question | null;
	/** Questions that were asked on the way to it, or to the advice. */
	path: Question[];
	/** A finished comparison whose numbers stand in the place of what people say. */
	measured: string | null;
}

/** What an address asks for. */
export function fromQuery(rules: Rules, query: URLSearchParams): Choosing {
	const answers = known(rules, Object.fromEntries(query));
	const { path, next } = asked(rules, answers);
	const at = query.get("at");
	const place = path.findIndex((question) => question.key === at);
	const measured = /^[\w-]{1,40}$/.test(query.get("measured") ?? "") ? query.get("measured") : null;
	if (place >= 0) return { answers, question: path[place]!, path: path.slice(0, place), measured };
	return { answers, question: query.has("enough") ? null : next, path, measured };
}

/** The address of some answers; `at` shows a question that is answered already, `enough` the advice so far. */
export function toQuery(
	rules: Rules,
	answers: Answers,
	{ at = null, enough = false, measured = null }: { at?: string | null; enough?: boolean; measured?: string | null } = {},
): string {
	const query = new URLSearchParams();
	for (const { key } of rules.question) if (key in answers) query.set(key, answers[key]!);
	if (at) query.set("at", at);
	if (enough) query.set("enough", "1");
	if (measured) query.set("measured", measured);
	const text = query.toString();
	return text ? `/choose?${text}` : "/choose";
}
