import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync("src/tokens.css", "utf8");

/** The colours that a rule sets, by name. */
function colours(selector: string): Record<string, string> {
	const start = css.indexOf(selector);
	expect(start, `${selector} is in tokens.css`).toBeGreaterThanOrEqual(0);
	const rule = css.slice(css.indexOf("{", start) + 1, css.indexOf("}", start));
	return Object.fromEntries([...rule.matchAll(/--([\w-]+): (#[0-9a-f]{6})\b;/g)].map((found) => [found[1], found[2]]));
}

/** Relative luminance, WCAG 2.2. */
function luminance(hex: string): number {
	const [r, g, b] = [1, 3, 5].map((at) => {
		const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
		return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
	}) as [number, number, number];
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
	const [dim, bright] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
	return (bright + 0.05) / (dim + 0.05);
}

const paper = colours(':root[data-theme="paper"] {');
const darkroom = colours(':root[data-theme="darkroom"] {');
const GROUNDS = ["ground", "raised", "sunk"];
const WORDS = ["ink", "quiet", "accent", "well", "watch", "ill", "vae", "gan", "diffusion", "ssl"];
const LINES = ["edge", "focus", "accent", "vae", "gan", "diffusion", "ssl", "well", "watch", "ill"];

describe("contrast", () => {
	it("is what WCAG's examples say", () => {
		expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
		expect(contrast("#777777", "#ffffff")).toBeCloseTo(4.48, 2);
	});
	for (const [theme, tokens] of Object.entries({ paper, darkroom })) {
		for (const ground of GROUNDS) {
			it.each(WORDS)(`${theme}: %s as text on ${ground}`, (name) => {
				expect(contrast(tokens[name]!, tokens[ground]!)).toBeGreaterThanOrEqual(4.5);
			});
			it.each(LINES)(`${theme}: %s as a line on ${ground}`, (name) => {
				expect(contrast(tokens[name]!, tokens[ground]!)).toBeGreaterThanOrEqual(3);
			});
		}
		it(`${theme}: words on the accent, and on its wash`, () => {
			expect(contrast(tokens["accent-ink"]!, tokens.accent!)).toBeGreaterThanOrEqual(4.5);
			for (const name of ["ink", "accent", "quiet"]) {
				expect(contrast(tokens[name]!, tokens["accent-wash"]!)).toBeGreaterThanOrEqual(4.5);
			}
		});
	}
});

it("a dark system gets the same colours as Darkroom", () => {
	expect(colours(':root:not([data-theme="paper"])')).toEqual(darkroom);
	expect(Object.keys(paper)).toEqual(Object.keys(darkroom));
});

it("no other file of styles has a colour of its own", () => {
	const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((file) => /\.(css|svelte)$/.test(file));
	expect(files.length).toBeGreaterThan(10);
	const own = files.filter((file) => !file.endsWith("tokens.css")).filter((file) => COLOUR.test(styles(file)));
	expect(own).toEqual([]);
});

const COLOUR = /(?:#[0-9a-f]{3,8}\b(?=[\s;,)])|\b(?:rgba?|hsla?|oklch)\()/i;

function styles(file: string): string {
	const text = readFileSync(`src/${file}`, "utf8");
	if (file.endsWith(".css")) return text;
	return [...text.matchAll(/<style[^>]*>([\s\S]*?)<\/style>/g)].map((one) => one[1]).join("\n");
}
