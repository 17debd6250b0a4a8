import { readFileSync } from "node:fs";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { course } from "./course-plugin.ts";
import { rules } from "./rules-plugin.ts";

/** The studio is served from its own root; the course alone may lie in any folder of any host. */
export default defineConfig(({ mode }) => ({
	plugins: [course(), rules(), svelte()],
	base: mode === "course" ? "./" : "/",
	define: { __VERSION__: JSON.stringify(version()) },
	build: {
		outDir:
			process.env.REVERIE_OUT ??
			(mode === "course" ? "../src/reverie/studio/static-course" : "../src/reverie/studio/static"),
		emptyOutDir: true,
		target: "es2022",
		assetsInlineLimit: 0,
		modulePreload: { polyfill: false },
		reportCompressedSize: false,
	},
	worker: { format: "es" as const },
	test: { include: ["tests/**/*.test.ts"] },
}));

function version(): string {
	const found = /__version__ = "([^"]+)"/.exec(readFileSync("../src/reverie/__init__.py", "utf8"));
	return found?.[1] ?? "0";
}
