/**
 * The chooser: from answers to advice. A pure function of the rules, the answers, and what is installed and measured;
 * the same reasoning as `reverie choose`, tested case by case against it.
 */

export interface Question {
	key: string;
	ask: string;
	default: string;
	answers: Record<string, string>;
}

export interface Rule {
	when: Record<string, string[]>;
	outcome: string;
}

export interface Outcome {
	families: string[];
	title: string;
	why: string;
	gives_up: string;
	commands: Record<string, string>;
	requires?: string[];
	nearest?: string | null;
	nearest_command?: string | null;
	nearest_lacks?: string;
	next?: string | null;
}

export interface Rules {
	question: Question[];
	rule: Rule[];
	outcome: Record<string, Outcome>;
	/** What people say of each family, by the metric that would settle it. */
	folklore?: Record<string, Record<string, string>>;
}

export type Answers = Record<string, string>;

/** What is said of a family, or was measured. */
export interface Said {
	family: string;
	words: string;
	measured: boolean;
}

export interface Advice {
	outcome: string;
	families: string[];
	title: string;
	why: string;
	gives_up: string;
	family: string;
	command: string;
	next: string | null;
	missing: string | null;
	said: Said[];
	assumed: Answers;
}

export interface Installed {
	families: readonly string[];
	tasks?: readonly string[];
	measured?: Record<string, Record<string, string>>;
}

/** The answers that are answers: unknown questions and unknown answers fall out. */
export function known(rules: Rules, answers: Answers): Answers {
	const found: Answers = {};
	for (const question of rules.question) {
		const answer = answers[question.key];
		if (answer !== undefined && Object.hasOwn(question.answers, answer)) found[question.key] = answer;
	}
	return found;
}

/** The outcome's key, of complete answers. */
export function result(rules: Rules, answers: Answers): string {
	for (const rule of rules.rule) {
		const holds = Object.entries(rule.when).every(([key, allowed]) => allowed.includes(answers[key] ?? ""));
		if (holds) return rule.outcome;
	}
	throw new Error("the rules of the chooser do not end. Reload the page.");
}

/** The first question whose answer can still change the outcome; null when it stands. */
export function nextQuestion(rules: Rules, answers: Answers): Question | null {
	const given = known(rules, answers);
	for (const question of rules.question) {
		if (!(question.key in given) && matters(rules, given, question)) return question;
	}
	return null;
}

/** The questions that are asked, one after another, with these answers, and the next one where there is one. */
export function asked(rules: Rules, answers: Answers): { path: Question[]; next: Question | null } {
	const given: Answers = {};
	const path: Question[] = [];
	for (;;) {
		const question = nextQuestion(rules, given);
		const answer = question && known(rules, answers)[question.key];
		if (!question || answer === undefined || answer === null) return { path, next: question };
		given[question.key] = answer;
		path.push(question);
	}
}

/** What to take, with defaults for what matters and has no answer. */
export function advise(rules: Rules, answers: Answers, installed: Installed): Advice {
	const given = known(rules, answers);
	const assumed: Answers = {};
	for (let open = nextQuestion(rules, given); open; open = nextQuestion(rules, given)) {
		assumed[open.key] = open.default;
		given[open.key] = open.default;
	}
	const key = result(rules, complete(rules, given));
	const outcome = rules.outcome[key]!;
	const [family, command, missing] = atHand(outcome, installed);
	const families = outcome.families.includes(family) ? outcome.families : [...outcome.families, family];
	return {
		outcome: key,
		families: outcome.families,
		title: outcome.title,
		why: outcome.why,
		gives_up: outcome.gives_up,
		family,
		command,
		next: missing === null ? (outcome.next ?? null) : null,
		missing,
		said: said(rules, families, installed.measured ?? {}),
		assumed,
	};
}

/** A rule's conditions in words: "synthesis: no, and likelihood: yes". */
export function condition(rules: Rules, rule: Rule): { ask: string; answers: string[] }[] {
	return Object.entries(rule.when).map(([key, allowed]) => {
		const question = rules.question.find((one) => one.key === key)!;
		return { ask: question.ask, answers: allowed.map((answer) => question.answers[answer] ?? answer) };
	});
}

/** The number of the rule that decides, of complete or incomplete answers with defaults. */
export function deciding(rules: Rules, answers: Answers): number {
	const full = complete(rules, { ...defaults(rules), ...known(rules, answers) });
	return rules.rule.findIndex((rule) =>
		Object.entries(rule.when).every(([key, allowed]) => allowed.includes(full[key] ?? "")),
	);
}

function defaults(rules: Rules): Answers {
	return Object.fromEntries(rules.question.map((question) => [question.key, question.default]));
}

/** Any complete answers that agree with these; every choice leads to one outcome when no question is open. */
function complete(rules: Rules, answers: Answers): Answers {
	const first = rules.question.map((question) => [question.key, Object.keys(question.answers)[0]!]);
	return { ...Object.fromEntries(first), ...answers };
}

/** True when two answers to this question can lead to two outcomes, everything else equal. */
function matters(rules: Rules, given: Answers, question: Question): boolean {
	const others = rules.question.filter((one) => one.key !== question.key && !(one.key in given));
	const visit = (index: number, full: Answers): boolean => {
		const other = others[index];
		if (other) return Object.keys(other.answers).some((answer) => visit(index + 1, { ...full, [other.key]: answer }));
		const found = Object.keys(question.answers).map((answer) => result(rules, { ...full, [question.key]: answer }));
		return found.some((outcome) => outcome !== found[0]);
	};
	return visit(0, given);
}

/** The family to train, its command, and a sentence where that is not what is advised. */
function atHand(outcome: Outcome, installed: Installed): [string, string, string | null] {
	const first = outcome.families[0]!;
	const there = (family: string) => installed.families.includes(family);
	const lacking = (outcome.requires ?? []).filter((task) => !(installed.tasks ?? []).includes(task));
	if (there(first) && lacking.length === 0) return [first, outcome.commands[first] ?? "", null];
	const others = [outcome.nearest, ...outcome.families.slice(1), ...Object.keys(outcome.commands)];
	const instead = others.find((family): family is string => !!family && there(family));
	if (!instead) {
		throw new Error(`choose: ${first} is advised, and neither it nor anything near it is installed. Install it.`);
	}
	const what = there(first) ? `\`reverie ${lacking[0]}\`` : `the family ${first}`;
	const lacks = outcome.nearest_lacks && instead === outcome.nearest ? `: ${outcome.nearest_lacks}` : "";
	const nearest = instead === outcome.nearest ? outcome.nearest_command : null;
	const command = nearest ?? outcome.commands[instead] ?? "";
	return [instead, command, `This version does not have ${what} yet. The nearest that it has is ${instead}${lacks}.`];
}

function said(rules: Rules, families: string[], measured: Record<string, Record<string, string>>): Said[] {
	return families.flatMap((family) =>
		Object.entries(rules.folklore?.[family] ?? {}).map(([metric, words]) => {
			const number = measured[family]?.[metric];
			return { family, words: number ?? words, measured: number !== undefined };
		}),
	);
}
