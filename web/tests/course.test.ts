import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compile, fill, plain, readFacts } from "../course-plugin";
import type { Card, Compute, Text } from "../src/course/content";
import { freshDraw, judge, mistaken, readNumber, written } from "../src/course/exercise";
import { ticks } from "../src/course/paint";
import { nothing, readProgress } from "../src/course/progress";
import { gridAt, type Recorded, valueAt } from "../src/course/recorded";
import { ahead, ankiText, due, graded, isLearning, next, RETENTION, wait } from "../src/course/schedule";
import { formFor } from "../src/course/train";

const text = (words: string): Text => ({ html: words, plain: words });
const compute: Compute = {
	id: "exercise-a", title: text("Compute z"), unit: "reparameterisation", ask: text("?"), tolerance: 0.005,
	draw: { mu: [0.2, 0.7, -0.3], sigma: [0.4, 0.1, 0.5], eps: [1, -0.5, 0.2], z: [0.6, 0.65, -0.2] },
	slips: (["variance", "no-mean", "no-noise", "no-scale", "minus", "swapped"] as const).map((mistake) => ({ mistake, why: text(mistake) })),
	otherwise: text("otherwise"), right: text("right"),
	fresh: { mu: [-0.9, -0.5, 0.1, 0.4, 0.8], sigma: [0.1, 0.2, 0.5, 0.8], eps: [-2, -1, -0.5, 0.5, 1.5] },
};

describe("exercise A", () => {
	it("knows the answer, and each mistake by the numbers that it gives", () => {
		expect(judge(compute, compute.draw, [0.6, 0.65, -0.2]).right).toBe(true);
		for (const { mistake } of compute.slips) expect(judge(compute, compute.draw, mistaken(mistake, compute.draw)).why.plain).toBe(mistake);
		expect(judge(compute, compute.draw, [9, 9, 9]).why.plain).toBe("otherwise");
	});
	it("names the dimension that is wrong, and why", () => {
		const one = judge(compute, compute.draw, [0.6, 0.75, -0.2]);
		expect([one.right, one.wrong, one.why.plain]).toEqual([false, [1], "minus"]);
	});
	it("draws afresh, the same for a seed, with mistakes that can be told apart", () => {
		expect(freshDraw(compute, 1, 1)).toEqual(freshDraw(compute, 1, 1));
		expect(freshDraw(compute, 1, 2)).not.toEqual(freshDraw(compute, 1, 1));
		for (let n = 1; n < 40; n++) {
			const draw = freshDraw(compute, 3, n);
			expect(judge(compute, draw, draw.z).right).toBe(true);
			expect(judge(compute, draw, draw.z.map((z) => Number(z.toFixed(2)))).right).toBe(true);
			for (const { mistake } of compute.slips) expect(judge(compute, draw, mistaken(mistake, draw)).right).toBe(false);
		}
	});
	it("reads numbers as people write them", () => {
		expect(["0.6", " -.5", "0,65", "−0.2", "+1", "1."].map(readNumber)).toEqual([0.6, -0.5, 0.65, -0.2, 1, 1]);
		expect(["", "a", "1.2.3", "1e3", "0x1", "--1"].map(readNumber)).toEqual([null, null, null, null, null, null]);
		expect([written(-0.001), written(-0.2), written(0.55)]).toEqual(["0.00", "−0.20", "0.55"]);
	});
});

describe("the schedule", () => {
	const cards: Card[] = ["a", "b", "c"].map((id) => ({ id, unit: "the-vae", front: text(`front ${id}`), back: text(`back <${id}>`) }));
	const now = new Date("2026-03-01T10:00:00");
	const later = (days: number): Date => new Date(now.getTime() + days * 86_400_000);

	it("aims at nine in ten, and comes back later the easier it was", () => {
		expect(RETENTION).toBe(0.9);
		const waits = ahead(undefined, now);
		expect([...waits].sort((a, b) => a - b)).toEqual(waits);
	});
	it("grows its intervals with success, and shrinks them with failure", () => {
		let kept = graded(undefined, 4, now);
		const waits: number[] = [];
		let at = now;
		for (let i = 0; i < 4; i++) {
			at = new Date(kept.due);
			kept = graded(kept, 3, at);
			waits.push(Date.parse(kept.due) - at.getTime());
		}
		for (let i = 1; i < waits.length; i++) expect(waits[i]!).toBeGreaterThan(waits[i - 1]!);
		const failed = graded(kept, 1, new Date(kept.due));
		expect(isLearning(failed)).toBe(true);
		expect(Date.parse(failed.due) - Date.parse(kept.due)).toBeLessThan(86_400_000);
	});
	it("lists what is due by midnight, the most overdue first, then new cards", () => {
		expect(due(cards, {}, now)).toEqual(["a", "b", "c"]);
		const kept = { b: { ...graded(undefined, 3, now), due: later(-1).toISOString() }, c: { ...graded(undefined, 3, now), due: later(-3).toISOString() } };
		expect(due(cards, kept, now)).toEqual(["c", "b", "a"]);
		expect(due(cards, { ...kept, a: { ...kept.b, due: later(2).toISOString() } }, now)).toEqual(["c", "b"]);
		expect(next(kept)).toEqual(later(-3));
		expect(next({})).toBeNull();
	});
	it("says how long in words", () => {
		expect([30_000, 600_000, 7_200_000, 86_400_000, 8 * 86_400_000, 200 * 86_400_000].map(wait)).toEqual(["1 min", "10 min", "2 h", "1 day", "8 days", "7 months"]);
	});
	it("writes what Anki imports", () => {
		const lines = ankiText(cards).trimEnd().split("\n");
		expect(lines.slice(0, 2)).toEqual(["#separator:tab", "#html:true"]);
		expect(lines.slice(6)).toHaveLength(3);
		expect(lines[6]).toBe("reverie-a\tfront a\tback &lt;a&gt;\treverie the-vae");
	});
});

describe("progress", () => {
	it("comes back as it was kept", () => {
		const kept = graded(undefined, 3, new Date("2026-03-01T10:00:00Z"));
		const whole = { ...nothing(), units: { "the-vae": { predicted: 1, ran: true as const, sentence: "Because.", finished: "2026-03-01T10:00:00Z" } }, answers: { q: { choice: 2, right: true, sure: null, when: "2026-03-01T10:00:00Z" } }, cards: { a: kept } };
		expect(readProgress(JSON.stringify(whole))).toEqual(whole);
	});
	it("takes nothing from a file that is none, and only what it knows from one that is", () => {
		for (const bad of ["", "null", "[]", "{", '{"schema":2}', '"text"']) expect(readProgress(bad)).toBeNull();
		const read = readProgress('{"schema":1,"units":{"../x":{"ran":true},"ok":{"ran":"yes","predicted":1e999,"extra":1}},"answers":{"q":{"choice":"a"}},"cards":{"a":{"due":"never"},"b":{"due":"2026-01-01","state":9}},"evil":1}');
		expect(read).toEqual({ schema: 1, units: { ok: {} }, answers: {}, cards: {} });
	});
});

describe("commands and recordings", () => {
	it("become the form's address", () => {
		expect(formFor("reverie train vae faces --preset faces --set vae.beta=4 --run runs/beta-4")).toBe("/new?family=vae&data=faces&preset=faces&set=vae.beta%3D4&name=beta-4");
		expect(formFor("reverie train gan ring8 --minutes 5")).toBe("/new?family=gan&data=ring8&minutes=5");
		expect(formFor("reverie bakeoff faces")).toBeNull();
	});
	it("are read at a moment", () => {
		const run = { grids: [{ images: 0 }, { images: 10 }, { images: 30 }] } as Recorded;
		expect([-1, 0, 9, 10, 29, 99].map((at) => gridAt(run, at))).toEqual([0, 0, 0, 1, 1, 2]);
		const one = { images: [5, 10, 20], value: [1, null, 3] };
		expect([0, 5, 15, 20].map((at) => valueAt(one, at))).toEqual([null, 1, 1, 3]);
		expect(valueAt(undefined, 3)).toBeNull();
	});
	it("have round ticks", () => {
		expect(ticks(0, 1, 4)).toEqual([0, 0.5, 1]);
		expect(ticks(0.2, 9.7, 4)).toEqual([5]);
		expect(ticks(3, 3)).toEqual([3]);
	});
});

describe("the compiler", () => {
	const facts = { one: { images: 20_000, loss: 0.00496, doctor: "V001 posterior collapse" } };
	const course = (body: string, ask = "A plain question?"): string => {
		const folder = mkdtempSync(join(tmpdir(), "course-"));
		mkdirSync(join(folder, "units"));
		writeFileSync(join(folder, "units", "01-one.md"), `---\nid: one\nnumber: 1\ntitle: One\nclaim: A *claim*.\n---\n${body}\n`);
		writeFileSync(join(folder, "questions.yaml"), `- id: q\n  ask: ${JSON.stringify(ask)}\n`);
		writeFileSync(join(folder, "exercises.yaml"), "compute: {id: a}\n");
		writeFileSync(join(folder, "cards.yaml"), "[]\n");
		writeFileSync(join(folder, "index.json"), JSON.stringify({ runs: [{ id: "one", facts: facts.one }], facts: {} }));
		return folder;
	};
	const html = (body: string): string => {
		const folder = course(body);
		return (compile(folder, folder).units[0]!.body as unknown as Text).html;
	};

	it("fills in what was measured", () => {
		expect(fill("{{one:images}} and {{ one:loss }}: {{one:doctor}}", "x", facts)).toBe("20,000 and 0.00496: V001 posterior collapse");
		expect(html("After {{one:images}} images.")).toContain("20,000 images");
	});
	it("ends the build with file and line where a number is missing", () => {
		expect(() => fill("a\nb {{one:nope}}", "units/01-one.md", facts)).toThrow("units/01-one.md:2: {{one:nope}}");
		expect(() => html("x\n\n{{one:nope}}")).toThrow(/units\/01-one\.md:9: /);
	});
	it("makes formulas without style attributes, with MathML, and a class for each style", () => {
		const folder = course("Inline $\\mu^2$ and\n\n$$\nz = \\mu + \\sigma\n$$\n");
		const { units, styles } = compile(folder, folder);
		const made = (units[0]!.body as unknown as Text).html;
		expect(made).toContain("<math");
		expect(made).not.toMatch(/ style=/);
		for (const name of new Set(made.match(/(?<=["\s])m\d+(?=["\s])/g))) expect(styles).toContain(`.${name}{`);
		expect(() => html("Broken $\\frac{1$.")).toThrow(/body/);
	});
	it("makes notes and commands, and lets no HTML through", () => {
		const made = html(":::note Why\nBecause.\n:::\n\n```bash\nreverie choose <x>\n```");
		expect(made).toContain('<aside class="aside"><h3>Why</h3><p>Because.</p>');
		expect(made).toContain("reverie choose &lt;x&gt;");
		for (const bad of ["<script>x</script>", "a <b>c</b>", "![x](https://a.b)", "|a|b|\n|-|-|\n|1|2|", "[x](javascript:alert)"]) expect(() => html(bad)).toThrow(/units\/01-one\.md/);
	});
	it("keeps plain words beside the HTML", () => {
		expect(plain("A **bold** `code` [link](https://x.y) $\\mu$")).toBe("A bold code link \\(\\mu\\)");
		expect(() => readFacts("/nowhere")).toThrow("Record the course's runs");
	});
});
