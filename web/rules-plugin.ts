/**
 * The chooser's rules for a page without a server: `rules.toml` of the package, and what the package has, as
 * `virtual:rules`. Only as much of TOML is read as that file uses; a test compares the result with Python's.
 */

import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Plugin } from "vite";

type Value = string | string[] | Record<string, string | string[]>;
type Table = { [key: string]: Value | Table | Table[] };

const ID = "virtual:rules";

/** `rules.toml` as plain data. */
export function parseRules(text: string): Table {
	const root: Table = {};
	let here: Table = root;
	for (const [number, raw] of text.split("\n").entries()) {
		const line = raw.trim();
		if (!line || line.startsWith("#")) continue;
		const head = /^(\[\[?)([\w.-]+)\]\]?$/.exec(line);
		const pair = /^([\w-]+) = (.+)$/.exec(line);
		if (head) here = enter(root, head[2]!.split("."), head[1] === "[[");
		else if (pair) here[pair[1]!] = value(pair[2]!);
		else throw new Error(`rules.toml: line ${number + 1} is not understood. Extend web/rules-plugin.ts.`);
	}
	return root;
}

function enter(root: Table, path: string[], listed: boolean): Table {
	let table = root;
	for (const key of path.slice(0, -1)) table = (table[key] ??= {}) as Table;
	const last = path.at(-1)!;
	const made: Table = {};
	if (!listed) return (table[last] = made);
	((table[last] ??= []) as Table[]).push(made);
	return made;
}

/** A string, a list of strings, or a table on one line. Strings have no escapes but those of JSON. */
function value(text: string): Value {
	if (!text.startsWith("{")) return JSON.parse(text) as string | string[];
	const inner = text.slice(1, -1).trim();
	const found: Record<string, string | string[]> = {};
	for (const [, key, what] of inner.matchAll(/([\w-]+) = ("(?:[^"\\]|\\.)*"|\[[^\]]*\])/g)) {
		found[key!] = JSON.parse(what!) as string | string[];
	}
	return found;
}

/** Names of the package's families, or of its tasks: one folder or file each. */
export function names(folder: string): string[] {
	return readdirSync(folder)
		.filter((name) => !name.startsWith("_") && !name.startsWith("."))
		.map((name) => name.replace(/\.py$/, ""))
		.sort();
}

export function rules(): Plugin {
	const source = resolve("../src/reverie");
	const file = resolve(source, "advise/rules.toml");
	return {
		name: "reverie-rules",
		resolveId: (id) => (id === ID ? `\0${ID}` : null),
		load(id) {
			if (id !== `\0${ID}`) return null;
			this.addWatchFile(file);
			const installed = { families: names(resolve(source, "families")), tasks: names(resolve(source, "tasks")) };
			return `export default ${JSON.stringify({ ...parseRules(readFileSync(file, "utf8")), installed })}`;
		},
	};
}
