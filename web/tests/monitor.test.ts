import { describe, expect, it } from "vitest";
import { align } from "../src/lib/align";
import type { Curves, Series } from "../src/lib/api";
import { decimate } from "../src/lib/decimate";
import { atFirst, csv, grouped, grow, gridAt, label, panels, secondsAt, spread, step, table, tiles, valueAt } from "../src/lib/monitor";

function series(name: string, images: number[], value: (number | null)[], more: Partial<Series> = {}): Series {
	const phase = name.startsWith("probe.") ? "" : name.split(".")[0]!;
	const group = !phase ? "probe" : /gradient_norm|update_ratio/.test(name) ? "health" : "terms";
	return { name, group, phase, unit: "", images, seconds: images, value, low: null, high: null, ...more };
}

const GAN: Curves = {
	images_max: 30,
	series: [
		series("probe.frechet", [0, 30], [3, 1]),
		series("probe.vendi", [0, 30], [0.2, 0.9]),
		series("probe.coverage", [0, 30], [0, 0.5]),
		series("probe.judge_train", [0], [1]),
		series("critic.adversarial", [10, 20], [0.7, 0.5]),
		series("critic.loss", [10, 20], [0.9, 0.6]),
		series("generator.adversarial", [10, 20], [0.7, 2]),
		series("generator.loss", [10, 20], [0.7, 2]),
		series("inverter.loss", [10, 20], [1, 1]),
		series("critic.gradient_norm", [10, 20], [1, 2]),
		series("generator.update_ratio", [10, 20], [0.1, 0.2]),
	],
};

describe("groups of curves", () => {
	const groups = grouped(GAN);
	const names = (key: string) => groups.find((one) => one.key === key)?.series.map((one) => one.name);
	it("come in the order in which a person reads them", () => {
		expect(groups.map((one) => one.key)).toEqual([
			"losses", "terms-critic", "terms-generator", "terms-inverter", "variety", "distance", "judge", "gradients", "updates",
		]);
		expect(names("losses")).toEqual(["critic.adversarial", "generator.adversarial", "inverter.loss"]);
		expect(names("variety")).toEqual(["probe.coverage", "probe.vendi"]);
	});
	it("leave a loss out that is one of its terms", () => {
		expect(names("terms-generator")).toEqual(["generator.adversarial"]);
		expect(names("terms-critic")).toEqual(["critic.adversarial", "critic.loss"]);
	});
	it("begin with the players", () => {
		expect(atFirst(groups[0]!)).toEqual(["critic.adversarial", "generator.adversarial"]);
		expect(atFirst(groups[3]!)).toEqual(["inverter.loss"]);
	});
	it("fill three panels, as asked for where that exists", () => {
		expect(panels(groups, [])).toEqual(["losses", "variety", "gradients"]);
		expect(panels(groups, ["judge"])).toEqual(["judge", "variety", "gradients"]);
		expect(panels(groups, ["gradients", "nonsense"])).toEqual(["gradients", "variety", "losses"]);
		expect(panels(grouped({ images_max: 0, series: [] }), [])).toEqual([]);
		const vae = grouped({ images_max: 1, series: [series("elbo.loss", [1], [3]), series("elbo.gradient_norm", [1], [3])] });
		expect(panels(vae, [])).toEqual(["terms-elbo", "gradients"].sort((a) => (a === "terms-elbo" ? -1 : 1)));
	});
	it("name a curve by what the title does not tell", () => {
		expect(label(GAN.series[4]!, "losses")).toBe("critic");
		expect(label(GAN.series[4]!, "terms-critic")).toBe("adversarial");
		expect(label(GAN.series[3]!, "judge")).toBe("train");
		expect(label(GAN.series[0]!)).toBe("Fréchet distance");
	});
	it("want a logarithm only for what a few values tower over", () => {
		const flat = Array.from({ length: 20 }, (_, i) => 1 + (i % 3));
		expect(spread([series("critic.loss", flat, flat)])).toBe(false);
		expect(spread([series("critic.loss", flat, [...flat, 1000])])).toBe(true);
		expect(spread([series("critic.loss", flat, [...flat, 1000, -1])])).toBe(false);
	});
});

describe("what the stream adds", () => {
	it("goes to the end, and nothing is added twice", () => {
		const once = grow(GAN, { "critic.loss": [[20, 30, 40], [0.6, 0.4, null]], "critic.slope": [[40], [1]] });
		const loss = once.series.find((one) => one.name === "critic.loss");
		expect(loss?.images).toEqual([10, 20, 30, 40]);
		expect(loss?.value).toEqual([0.9, 0.6, 0.4, null]);
		expect(once.images_max).toBe(40);
		expect(once.series.at(-1)).toMatchObject({ name: "critic.slope", group: "terms", phase: "critic" });
		expect(grow(once, { "critic.loss": [[30, 40], [9, 9]] }).series.find((one) => one.name === "critic.loss")).toEqual(loss);
	});
	it("keeps the envelope as long as the line", () => {
		const thin = { images_max: 2, series: [series("a.loss", [1, 2], [1, 1], { low: [0, 0], high: [2, 2] })] };
		const grown = grow(thin, { "a.loss": [[3], [5]] }).series[0];
		expect([grown?.low, grown?.high]).toEqual([[0, 0, 5], [2, 2, 5]]);
	});
});

describe("decimation", () => {
	const many = Array.from({ length: 1000 }, (_, i) => i);
	it("keeps both ends of every bucket, so that a spike stays to be seen", () => {
		const spiky = series("a.loss", many, many.map((i) => (i === 637 ? 1e6 : i === 200 ? null : 1)));
		const few = decimate(spiky, 100);
		expect(few.images).toHaveLength(100);
		expect(few.images.at(-1)).toBe(999);
		expect(Math.max(...few.high!.map((v) => v ?? 0))).toBe(1e6);
		expect(few.low!.every((v) => v === 1)).toBe(true);
		const again = decimate(few, 10);
		expect(Math.max(...again.high!.map((v) => v ?? 0))).toBe(1e6);
	});
	it("leaves alone what is short", () => {
		const short = series("a.loss", [1, 2], [1, 2]);
		expect(decimate(short, 2)).toBe(short);
	});
	it("bounds what a page keeps while a training goes on", () => {
		let curves: Curves = { images_max: 0, series: [] };
		for (let k = 0; k < 40; k++) curves = grow(curves, { "a.loss": [many.slice(0, 200).map((i) => 200 * k + i), many.slice(0, 200)] });
		const one = curves.series[0]!;
		expect(one.images.length).toBeLessThanOrEqual(3000);
		expect(one.images.at(-1)).toBe(7999);
		expect([one.low?.length, one.high?.length, one.value.length]).toEqual(Array(3).fill(one.images.length));
	});
});

describe("a moment", () => {
	it("has its seconds, from the last thing that told them", () => {
		const told = [{ images: 0, seconds: 1, url: "" }, { images: 25, seconds: 9, url: "" }];
		const grown = grow({ images_max: 20, series: [series("a.loss", [10, 20], [1, 1])] }, { "a.loss": [[30], [1]] });
		expect([0, 15, 20, 29, 40].map((at) => secondsAt(grown, told, at))).toEqual([1, 10, 20, 9, 9]);
		expect(secondsAt({ images_max: 0, series: [] }, [], 5)).toBeNull();
	});
	const grids = [0, 100, 200].map((images) => ({ images, seconds: images, url: String(images) }));
	it("has the newest grid that existed then", () => {
		expect([-1, 0, 99, 100, 250].map((at) => gridAt(grids, at)?.images)).toEqual([0, 0, 0, 100, 200]);
		expect(gridAt([], 5)).toBeNull();
	});
	it("has the last value at or before it", () => {
		const one = series("a.loss", [10, 20, 30], [1, null, 3]);
		expect([5, 10, 19, 20, 30, 99].map((at) => valueAt(one, at))).toEqual([null, 1, 1, null, 3, 3]);
	});
	it("steps from grid to grid", () => {
		expect([step(grids, 0, 1), step(grids, 150, 1), step(grids, 200, 1)]).toEqual([100, 200, 200]);
		expect([step(grids, 200, -1), step(grids, 150, -1), step(grids, 0, -1)]).toEqual([100, 100, 0]);
		expect(step([], 7, 1)).toBe(7);
	});
});

describe("sheets", () => {
	it("are cut as they were laid", () => {
		expect(tiles({ width: 526, height: 526 }, { width: 64, height: 64 })).toEqual({ across: 8, rows: 8, width: 64, height: 64, gap: 2 });
		expect(tiles({ width: 8 * 34 - 2, height: 8 * 34 - 2 }, { width: 8, height: 8 })).toMatchObject({ width: 32, height: 32 });
		expect(tiles({ width: 500, height: 300 }, { width: 64, height: 64 })).toBeNull();
	});
});

describe("tables", () => {
	const two = [series("a.loss", [1, 3], [1, 3]), series("b.loss", [2, 3], [null, 4])];
	it("have a line for every moment, the newest first", () => {
		expect(table(two)).toEqual([
			{ images: 3, values: [3, 4] },
			{ images: 2, values: [null, null] },
			{ images: 1, values: [1, null] },
		]);
		expect(table(two, 1)).toHaveLength(1);
	});
	it("become CSV, the oldest first", () => {
		expect(csv(two)).toBe("images,a.loss,b.loss\n1,1,\n2,,\n3,3,4");
	});
	it("share one axis in a chart", () => {
		expect(align(two)).toEqual([
			[1, 2, 3],
			[1, undefined, 3],
			[undefined, null, 4],
		]);
		const enveloped = series("a.loss", [1], [0.5], { low: [-1], high: [2] });
		expect(align([enveloped])).toEqual([[1], [0.5], [-1], [2]]);
		expect(align([enveloped], true), "a logarithm has no place for -1").toEqual([[1], [0.5], [null], [2]]);
	});
});
