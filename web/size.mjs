/** What a first visit loads, in kB gzipped, without the WebAssembly; fails above the budget. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const BUDGET_KB = 250;
const root = process.env.REVERIE_OUT ?? "../src/reverie/studio/static";
const html = readFileSync(join(root, "index.html"), "utf8");
const needed = new Set([...html.matchAll(/(?:src|href)="\/?([^"]+\.(?:js|css))"/g)].map((found) => found[1]));
// the heaviest page beside the frame, with everything that it imports at once
const assets = readdirSync(join(root, "assets"));
const kb = (name) => gzipSync(readFileSync(join(root, name))).length / 1000;
const frame = [...needed].reduce((sum, name) => sum + kb(name), 0);
const fonts = assets.filter((name) => /latin-wght-normal.*woff2$/.test(name) && !/latin-ext/.test(name));
const font = fonts.reduce((sum, name) => sum + readFileSync(join(root, "assets", name)).length / 1000, 0);
const text = (name) => readFileSync(join(root, "assets", name), "utf8");
const imports = (name, seen = new Set()) => {
	if (seen.has(name)) return seen;
	seen.add(name);
	for (const found of text(name).matchAll(/(?:from|import)\s*"\.\/([\w.-]+\.js)"/g)) imports(found[1], seen);
	return seen;
};
let worst = ["", 0];
for (const name of assets.filter((one) => one.endsWith(".js") && !one.includes("worker"))) {
	if (needed.has(`assets/${name}`)) continue;
	const sum = [...imports(name)].filter((one) => !needed.has(`assets/${one}`)).reduce((t, one) => t + kb(`assets/${one}`), 0);
	if (sum > worst[1]) worst = [name, sum];
}
const total = frame + font + worst[1];
console.log(
	`first load: frame ${frame.toFixed(0)} kB, fonts ${font.toFixed(0)} kB, heaviest page ${worst[0]} ${worst[1].toFixed(0)} kB: ` +
		`${total.toFixed(0)} of ${BUDGET_KB} kB`,
);
process.exit(total > BUDGET_KB ? 1 : 0);
