/** Forms made from a recipe's JSON schema: fields with their ranges, what a person typed as values, and what is wrong. */

import type { Ask, Family, Schema } from "./api";

export type Kind = "number" | "integer" | "boolean" | "choice" | "choices" | "text" | "pair";

export interface Field {
	/** Dotted, as in `--set`. */
	key: string;
	name: string;
	help: string;
	kind: Kind;
	/** Of a choice, or words that a number may be instead ("auto"). */
	options: string[];
	/** May be left out. */
	optional: boolean;
	least: number | null;
	most: number | null;
	/** True where the end itself is not allowed. */
	above: boolean;
	below: boolean;
}

export interface Part {
	name: string;
	doc: string;
	fields: Field[];
}

/** Keys that the form asks for by itself, above the sections. */
export const ASKED = new Set(["data.source", "train.minutes", "train.images"]);

/** The sections of a family's recipe with their fields; the family's own comes first. */
export function parts(family: Pick<Family, "name" | "schema">): Part[] {
	const found: Part[] = [];
	for (const [name, property] of Object.entries(family.schema.properties ?? {})) {
		const section = resolve(property, family.schema);
		if (!section.properties) continue;
		const fields = Object.entries(section.properties)
			.map(([key, schema]) => field(`${name}.${key}`, schema))
			.filter((one) => !ASKED.has(one.key));
		found.push({ name, doc: section.description ?? "", fields });
	}
	const own = (part: Part) => (part.name === family.name ? 0 : 1);
	return found.sort((a, b) => own(a) - own(b));
}

function resolve(schema: Schema, root: Schema): Schema {
	const name = schema.$ref?.replace("#/$defs/", "");
	return name ? (root.$defs?.[name] ?? schema) : schema;
}

export function field(key: string, schema: Schema): Field {
	const ways = schema.anyOf ?? [schema];
	const way = (type: string) => ways.find((one) => one.type === type && one.const === undefined && !one.enum);
	const numeric = way("number") ?? way("integer");
	const words = ways.flatMap((one) => (one.enum ?? (one.const === undefined ? [] : [one.const])) as unknown[]);
	const list = ways.find((one) => one.type === "array");
	return {
		key,
		name: (key.split(".").at(-1) ?? key).replaceAll("_", " "),
		help: schema.description ?? "",
		kind: kindOf(schema, list, numeric, words.length > 0),
		options: (list?.items?.enum ?? words).map(String),
		optional: ways.some((one) => one.type === "null"),
		least: numeric?.minimum ?? numeric?.exclusiveMinimum ?? null,
		most: numeric?.maximum ?? numeric?.exclusiveMaximum ?? null,
		above: numeric?.exclusiveMinimum !== undefined,
		below: numeric?.exclusiveMaximum !== undefined,
	};
}

function kindOf(schema: Schema, list: Schema | undefined, numeric: Schema | undefined, words: boolean): Kind {
	if (list?.items?.enum) return "choices";
	if (list) return "pair";
	if (numeric) return numeric.type === "integer" ? "integer" : "number";
	if (schema.type === "boolean") return "boolean";
	return words ? "choice" : "text";
}

/** "1 to 4,096", "above 0", "at least 1"; empty without a range. */
export function range(one: Pick<Field, "least" | "most" | "above" | "below">): string {
	const said = (value: number) => value.toLocaleString("en");
	const { least, most, above, below } = one;
	if (least !== null && most !== null && !above && !below) return `${said(least)} to ${said(most)}`;
	const low = least === null ? "" : `${above ? "above" : "at least"} ${said(least)}`;
	const high = most === null ? "" : `${below ? "below" : "at most"} ${said(most)}`;
	return [low, high].filter(Boolean).join(", ");
}

/** A value as it stands in a text field. */
export function written(value: unknown): string {
	if (value === null || value === undefined) return "";
	return Array.isArray(value) ? value.join(", ") : String(value);
}

export type Read = { value: unknown } | { error: string };

/** What somebody typed, as a value; an empty field that may be left out is null. */
export function read(one: Field, text: string): Read {
	const said = text.trim();
	if (!said) return one.optional ? { value: null } : { error: "Must not be empty." };
	if (one.kind === "text" || one.kind === "choice" || one.options.includes(said)) return { value: said };
	if (one.kind === "pair" && /[\sx×]/.test(said.replace(/\s*[,x×]\s*/, ","))) return { error: "One number, or two." };
	if (one.kind === "pair") {
		const numbers = said.split(/\s*[,x×]\s*/).map(Number);
		if (numbers.some((n) => !Number.isFinite(n)) || numbers.length > 2) return { error: "One number, or two." };
		return { value: numbers.length === 1 ? numbers[0] : numbers };
	}
	const number = Number(said);
	if (!Number.isFinite(number)) {
		const words = one.options.length ? `, or ${one.options.join(" or ")}` : "";
		return { error: `Must be a ${one.kind === "integer" ? "whole number" : "number"}${words}.` };
	}
	if (one.kind === "integer" && !Number.isInteger(number)) return { error: "Must be a whole number." };
	const low = one.least !== null && (number < one.least || (one.above && number === one.least));
	const high = one.most !== null && (number > one.most || (one.below && number === one.most));
	return low || high ? { error: `Must be ${range(one)}.` } : { value: number };
}

/** A recipe's value by its dotted key. */
export function at(recipe: Record<string, unknown> | null | undefined, key: string): unknown {
	let value: unknown = recipe;
	for (const part of key.split(".")) value = (value as Record<string, unknown> | null | undefined)?.[part];
	return value ?? null;
}

/** The server's sentences by the key that each is about; those about a whole section, or none, under "". */
export function sorted(errors: readonly string[]): Record<string, string[]> {
	const found: Record<string, string[]> = {};
	for (const error of errors) {
		const [, key = "", words = error] = /^(?:recipe\.)?([a-z0-9_.]+): (.*)$/s.exec(error) ?? [];
		// a rule over several values names its section alone: the first value that it speaks of is meant
		const whole = key.includes(".") || !error.startsWith("recipe.") ? key : `${key}.${words.split(" ")[0]}`;
		found[whole] = [...(found[whole] ?? []), sentence(words)];
	}
	return found;
}

function sentence(words: string): string {
	return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What the form holds. */
export interface Form {
	family: string;
	data: string;
	/** Empty: the one that suits the data. */
	preset: string;
	budget: "minutes" | "images";
	/** Empty: the preset's own. */
	amount: string;
	seed: string;
	name: string;
	settings: Record<string, unknown>;
}

export const EMPTY: Form = {
	family: "",
	data: "faces",
	preset: "",
	budget: "minutes",
	amount: "",
	seed: "0",
	name: "",
	settings: {},
};

/** What is wrong with the form's own fields, by field. */
export function complaints(form: Form): Record<string, string> {
	const wrong: Record<string, string> = {};
	const amount = Number(form.amount);
	if (form.amount.trim() && !(amount > 0)) wrong.amount = "Must be above 0.";
	else if (form.amount.trim() && form.budget === "images" && !Number.isInteger(amount)) wrong.amount = "Must be a whole number.";
	const seed = Number(form.seed);
	if (!form.seed.trim() || !Number.isInteger(seed) || seed < 0 || seed >= 2 ** 31) {
		wrong.seed = "Must be a whole number from 0 to 2,147,483,647.";
	}
	if (!form.data.trim()) wrong.data = "Name a folder of images, or choose a built-in set.";
	if (form.name && !/^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$/.test(form.name)) {
		wrong.name = "Letters, digits, - and _, at most 60, beginning with a letter or digit.";
	}
	return wrong;
}

/** What is asked of the server. */
export function toAsk(form: Form): Ask {
	const amount = form.amount.trim();
	return {
		family: form.family,
		data: form.data.trim(),
		...(form.preset ? { preset: form.preset } : {}),
		...(amount ? { [form.budget]: Number(amount) } : {}),
		seed: Number(form.seed),
		settings: form.settings,
		...(form.name ? { name: form.name } : {}),
	};
}

/** The form as an address's query, without what is as it was at the start. */
export function toQuery(form: Form): string {
	const query = new URLSearchParams();
	for (const key of ["family", "data", "preset", "seed", "name"] as const) {
		if (form[key] !== EMPTY[key]) query.set(key, form[key]);
	}
	if (form.amount.trim()) query.set(form.budget, form.amount.trim());
	for (const [key, value] of Object.entries(form.settings)) query.append("set", `${key}=${JSON.stringify(value)}`);
	return query.toString();
}

/** The form that an address tells of; what it does not tell, or tells wrongly, is as at the start. */
export function fromQuery(query: URLSearchParams): Form {
	const form: Form = { ...EMPTY, settings: {} };
	for (const key of ["family", "data", "preset", "seed", "name"] as const) form[key] = query.get(key) ?? EMPTY[key];
	if (query.has("images")) form.budget = "images";
	form.amount = query.get(form.budget) ?? "";
	for (const text of query.getAll("set")) {
		const [, key, value] = /^([a-z0-9_]+\.[a-z0-9_]+)=(.*)$/s.exec(text) ?? [];
		if (!key || value === undefined) continue;
		try {
			form.settings[key] = JSON.parse(value);
		} catch {
			form.settings[key] = value;
		}
	}
	return form;
}

/** A preset's words: what it is, and its last sentences, which say how long it takes and what to expect. */
export function firstSentence(doc: string): [string, string] {
	const end = doc.search(/\. (?=[A-Z0-9])/);
	return end < 0 ? [doc, ""] : [doc.slice(0, end + 1), doc.slice(end + 2)];
}
