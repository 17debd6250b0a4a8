/**
 * Compiles the course at build time: Markdown to HTML, formulas to HTML and MathML, YAML to data, and each {{run:key}} to the
 * number that was measured. What a page gets is plain data with finished HTML in it; nothing is parsed in the browser.
 *
 *     virtual:course/outline         what the path of units shows
 *     virtual:course/units           id -> a function that loads the unit's own chunk
 *     virtual:course/questions, exercises, cards
 *     virtual:course/maths.css       the sizes that formulas need, as classes: a strict policy forbids style attributes
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import katex from "katex";
import { Marked, type Tokens } from "marked";
import type { Plugin } from "vite";
import { parse } from "yaml";

type Facts = Record<string, Record<string, unknown>>;
type Json = string | number | boolean | null | undefined | Json[] | { [key: string]: Json };

const PLACEHOLDER = /\{\{\s*([a-z0-9-]+)\s*:\s*([a-z0-9_]+)\s*\}\}/g;
const VIRTUAL = "virtual:course/";
/** Texts that are shown; every other string of the files is an id, a number or an address. */
const TEXTS = new Set(
	"title claim caption question text why words compare prompt model_answer body ask answer story beside verdict otherwise right front back points".split(" "),
);

/** A text as a page needs it: HTML, and plain words for labels, cards to export, and searches. */
export interface Text {
	html: string;
	plain: string;
}

/** What was read of the course, compiled. */
export interface Compiled {
	units: Record<string, Json>[];
	questions: Json;
	exercises: Json;
	cards: Json;
	styles: string;
}

/** Collects the style attributes of formulas and gives each distinct one a class. */
class Styles {
	private readonly names = new Map<string, string>();

	classes(html: string): string {
		return html.replace(/<(\w+)([^>]*?) style="([^"]*)"([^>]*)>/g, (_, tag: string, before: string, style: string, after: string) => {
			const name = this.names.get(style) ?? `m${this.names.size}`;
			this.names.set(style, name);
			const rest = before + after;
			const classed = / class="/.test(rest) ? rest.replace(/ class="([^"]*)"/, ` class="$1 ${name}"`) : `${rest} class="${name}"`;
			return `<${tag}${classed}>`;
		});
	}

	css(): string {
		return [...this.names].map(([style, name]) => `.katex.katex.katex .${name}{${style}}`).join("\n");
	}
}

const escape = (text: string): string =>
	text.replace(/[&<>"]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char]!);

/** Markdown of the course's own dialect (`dialect.py` says what there is) to HTML. */
function writer(styles: Styles): (text: string, blocks: boolean) => string {
	const formula = (tex: string, display: boolean): string =>
		styles.classes(katex.renderToString(tex, { displayMode: display, output: "htmlAndMathml", throwOnError: true, strict: "error" }));
	const refuse = (what: string) => (): never => {
		throw new Error(`holds ${what}, which no page shows`);
	};
	const marked = new Marked({
		async: false,
		gfm: true,
		extensions: [
			{
				name: "formula",
				level: "inline",
				start: (source) => source.indexOf("$"),
				tokenizer(source) {
					const found = /^\$([^$\n]+)\$/.exec(source);
					return found ? { type: "formula", raw: found[0], tex: found[1] } : undefined;
				},
				renderer: (token) => formula(token.tex as string, false),
			},
			{
				name: "display",
				level: "block",
				start: (source) => source.search(/^\$\$$/m),
				tokenizer(source) {
					const found = /^\$\$\n([\s\S]+?)\n\$\$(?:\n|$)/.exec(source);
					return found ? { type: "display", raw: found[0], tex: found[1] } : undefined;
				},
				// long formulas scroll inside their own box, which the keyboard must reach
				renderer: (token) => `<div class="formula" tabindex="0" role="group" aria-label="Formula">${formula(token.tex as string, true)}</div>\n`,
			},
			{
				name: "aside",
				level: "block",
				start: (source) => source.search(/^:::note /m),
				tokenizer(source) {
					const found = /^:::note ([^\n]+)\n([\s\S]+?)\n:::(?:\n|$)/.exec(source);
					if (!found) return undefined;
					return { type: "aside", raw: found[0], title: found[1], tokens: this.lexer.blockTokens(found[2]!, []) };
				},
				renderer(token) {
					return `<aside class="aside"><h3>${escape(token.title as string)}</h3>${this.parser.parse(token.tokens!)}</aside>\n`;
				},
			},
		],
		renderer: {
			html: refuse("HTML"),
			image: refuse("a picture"),
			table: refuse("a table"),
			code: ({ text }: Tokens.Code) => `<pre class="command" tabindex="0"><code>${escape(text)}</code></pre>\n`,
			link({ href, tokens }: Tokens.Link) {
				if (!href.startsWith("https://")) throw new Error(`holds a link to ${href}; links start with https://`);
				return `<a href="${escape(href)}" rel="noreferrer">${this.parser.parseInline(tokens)}</a>`;
			},
		},
	});
	return (text, blocks) => {
		const html = blocks || /\n\s*\n/.test(text) ? marked.parse(text) : marked.parseInline(text.trim());
		return html as string;
	};
}

/** Words without marks: what a label or a card in another program shows. */
export function plain(text: string): string {
	return text
		.replace(/\$([^$\n]+)\$/g, (_, tex: string) => `\\(${tex}\\)`)
		.replace(/\*\*([^*]+)\*\*|\*([^*]+)\*|`([^`]+)`/g, (_, a: string, b: string, c: string) => a ?? b ?? c)
		.replace(/\[([^\]\n]+)\]\([^)\s]+\)/g, "$1")
		.replace(/\s+/g, " ")
		.trim();
}

/** Facts of the recorded runs, by run. */
export function readFacts(recorded: string): Facts {
	const path = join(recorded, "index.json");
	if (!existsSync(path)) throw new Error(`${path} is not there. Record the course's runs: python -m reverie.studio.course.record`);
	const index = JSON.parse(readFileSync(path, "utf8")) as { runs: { id: string; facts: Record<string, unknown> }[]; facts: Facts };
	return { ...index.facts, ...Object.fromEntries(index.runs.map((run) => [run.id, run.facts])) };
}

/** Puts measured numbers in the places of a file's text. A number that is missing ends the build, with file and line. */
export function fill(text: string, where: string, facts: Facts): string {
	return text.replace(PLACEHOLDER, (all, run: string, key: string, at: number) => {
		const value = facts[run]?.[key];
		if (value === undefined || value === null) {
			const line = text.slice(0, at).split("\n").length;
			throw new Error(`${where}:${line}: ${all} is given by no recorded run. Record it, or change the text.`);
		}
		return typeof value === "number" ? value.toLocaleString("en-US", { maximumFractionDigits: 20 }) : String(value);
	});
}

/** Reads and compiles everything. */
export function compile(folder: string, recorded: string): Compiled {
	const facts = readFacts(recorded);
	const styles = new Styles();
	const write = writer(styles);
	const read = (name: string): string => fill(readFileSync(join(folder, name), "utf8"), name, facts);
	const shown = (value: Json, where: string, key = ""): Json => {
		if (Array.isArray(value)) return value.map((one) => shown(one, where, key));
		if (value && typeof value === "object")
			return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shown(one, where, name)]));
		if (typeof value !== "string" || !TEXTS.has(key)) return value;
		try {
			return { html: write(value, key === "body"), plain: plain(value) } satisfies Text;
		} catch (problem) {
			throw new Error(`${where}: ${key} ${(problem as Error).message} ("${value.trim().slice(0, 60)}").`);
		}
	};
	const units = readdirSync(join(folder, "units"))
		.filter((name) => name.endsWith(".md"))
		.sort()
		.map((name) => {
			const where = `units/${name}`;
			const [before, front, ...rest] = read(where).split(/^---\n/m);
			if (before !== "" || front === undefined) throw new Error(`${where}: has no front matter between '---' lines.`);
			return shown({ ...(parse(front) as Record<string, Json>), body: rest.join("---\n").trim() }, where) as Record<string, Json>;
		});
	const [questions, exercises, cards] = ["questions.yaml", "exercises.yaml", "cards.yaml"].map((name) => shown(parse(read(name)) as Json, name));
	return { units, questions, exercises, cards, styles: styles.css() };
}

/** What the path of units needs of one. */
function outlined(unit: Record<string, Json>): Json {
	const { id, number, title, minutes, claim, picture } = unit;
	return { id, number, title, minutes, claim, component: (picture as Record<string, Json>).component };
}

/** Only what browsers of today load: one format of each font. */
const woff2Only = (css: string): string => css.replace(/,url\([^)]+\) format\("(?:woff|truetype)"\)/g, "");

export function course(): Plugin {
	const folder = resolve(import.meta.dirname, "../src/reverie/studio/course");
	const recorded = process.env.REVERIE_RECORDED ?? join(folder, "recorded");
	let compiled: Compiled | null = null;
	let alone = false;
	const get = (): Compiled => (compiled ??= compile(folder, recorded));
	return {
		name: "reverie-course",
		enforce: "pre",
		configResolved(config) {
			alone = config.mode === "course";
		},
		buildStart() {
			compiled = null;
		},
		resolveId: (id) => (id.startsWith(VIRTUAL) ? `\0${id}` : undefined),
		load(id) {
			if (!id.startsWith(`\0${VIRTUAL}`)) return undefined;
			const name = id.slice(VIRTUAL.length + 1);
			const { units, questions, exercises, cards, styles } = get();
			const module = (value: Json): string => `export default ${JSON.stringify(value)}`;
			if (name === "outline") return module(units.map(outlined));
			if (name === "units")
				return `export default {${units.map(({ id }) => `${JSON.stringify(id)}: () => import("${VIRTUAL}unit/${id}")`).join(",")}}`;
			if (name.startsWith("unit/")) return module(units.find((unit) => `unit/${unit.id}` === name)!);
			if (name === "maths.css") return styles;
			return module({ questions, exercises, cards }[name]);
		},
		transformIndexHtml() {
			// the studio's server sends its own policy; on a host of its own the course has to bring one
			const content = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'";
			return alone ? [{ tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content }, injectTo: "head-prepend" as const }] : [];
		},
		transform(code, id) {
			return id.includes("katex") && id.includes(".css") ? { code: woff2Only(code), map: null } : undefined;
		},
	};
}
