import { describe, expect, it, vi } from "vitest";
import * as ad from "../src/course/autodiff";
import { drawFrom, fitBoundary, fitDensity, fitMixture, logP, twoClasses } from "../src/course/density";
import { exp, ln, sigmoid, sincos2pi, softplus } from "../src/course/exact";
import { coverage, drawn, Game2d, ring8 } from "../src/course/game2d";
import { Adam, LEAK, Mlp } from "../src/course/mlp";
import { averaged, measure, reparameterised } from "../src/course/reparam";
import { mix, rngFor } from "../src/course/rng";

// these tests train; a busy machine may take its time
vi.setConfig({ testTimeout: 60_000 });

const near = (got: number, want: number, relative = 1e-12) =>
	expect(Math.abs(got - want)).toBeLessThanOrEqual(relative * Math.max(1, Math.abs(want)));

describe("exact functions", () => {
	it("agree with the library's", () => {
		for (let x = -700; x < 700; x += 3.7) near(exp(x) / Math.exp(x), 1);
		for (const x of [1e-310, 1e-300, 1e-9, 0.3, 0.7071, 1, 1.4143, 2, 12.5, 1e10, 1e300]) near(ln(x), Math.log(x), 1e-14);
		for (let u = 0; u < 1; u += 0.0037) {
			near(sincos2pi(u)[0], Math.sin(2 * Math.PI * u));
			near(sincos2pi(u)[1], Math.cos(2 * Math.PI * u));
		}
		expect([exp(-800), exp(0), ln(0), ln(1)]).toEqual([0, 1, -Infinity, 0]);
		expect(ln(-1)).toBeNaN();
	});
	it("keep small digits and do not overflow", () => {
		near(softplus(-30) / Math.exp(-30), 1, 1e-9);
		near(softplus(800), 800);
		near(sigmoid(-800), 0);
		near(sigmoid(2) + sigmoid(-2), 1);
	});
});

describe("randomness", () => {
	it("is the same everywhere: these numbers never change", () => {
		const rng = rngFor(7, "a", 1);
		expect([mix(7, "x"), Math.floor(rng.uniform() * 2 ** 32), rng.below(1000)]).toEqual([2312894270, 3223440117, 418]);
	});
	it("is normal, and streams do not touch", () => {
		const rng = rngFor(3, "n");
		const draws = Array.from({ length: 20_000 }, () => rng.normal());
		const mean = draws.reduce((a, b) => a + b, 0) / draws.length;
		const square = draws.reduce((a, b) => a + b * b, 0) / draws.length;
		const fourth = draws.reduce((a, b) => a + b ** 4, 0) / draws.length;
		expect(Math.abs(mean)).toBeLessThan(0.03);
		expect(Math.abs(square - 1)).toBeLessThan(0.04);
		expect(Math.abs(fourth - 3)).toBeLessThan(0.25);
		expect(rngFor(3, "n").normal()).toBe(draws[0]);
		expect(rngFor(4, "n").normal()).not.toBe(draws[0]);
		expect(rngFor(3, "m").normal()).not.toBe(draws[0]);
	});
});

/** The same perceptron from general matrix operations: a second implementation to argue with. */
function general(net: Mlp, inputs: Float64Array, num: number) {
	const leaves: ad.Value[] = [];
	let at = 0;
	const input = ad.leaf(num, net.sizes[0]!, inputs);
	let h = input;
	net.sizes.slice(1).forEach((size, l) => {
		const from = net.sizes[l]!;
		const turned = new Float64Array(size * from);
		for (let o = 0; o < size; o++) for (let k = 0; k < from; k++) turned[k * size + o] = net.params[at + o * from + k]!;
		const w = ad.leaf(from, size, turned);
		const b = ad.row(net.params.subarray(at + size * from, at + size * (from + 1)));
		leaves.push(w, b);
		h = ad.add(ad.matmul(h, w), b);
		if (l < net.sizes.length - 2) h = ad.leaky(h, LEAK);
		at += size * (from + 1);
	});
	return { out: h, input, leaves };
}

describe("perceptron", () => {
	const net = new Mlp([3, 8, 6, 2], rngFor(1, "net"));
	for (let i = 0; i < net.params.length; i++) net.params[i]! += 0.05 * rngFor(2, i).normal();
	const inputs = Float64Array.from({ length: 15 }, (_, i) => rngFor(5, i).normal());

	it("has the gradients of general differentiation", () => {
		const trace = net.trace(5);
		trace.acts[0]!.set(inputs);
		const out = net.forward(trace);
		const other = general(net, inputs, 5);
		out.forEach((value, i) => near(value, other.out.data[i]!));
		ad.backward(ad.sum(ad.square(other.out)));
		trace.deltas[3]!.set(out.map((v) => 2 * v));
		const slope = net.back(trace);
		net.grads.fill(0);
		net.gather(trace, null);
		slope.forEach((value, i) => near(value, other.input.gradient![i]!, 1e-10));
		let at = 0;
		other.leaves.forEach((leaf) => {
			for (let r = 0; r < leaf.rows; r++)
				for (let c = 0; c < leaf.cols; c++)
					near(net.grads[at + (leaf.rows > 1 ? c * leaf.rows + r : c)]!, leaf.gradient![r * leaf.cols + c]!, 1e-10);
			at += leaf.rows * leaf.cols;
		});
		net.grads.fill(0);
	});

	it("differentiates the slope penalty like finite differences do", () => {
		const critic = new Mlp([2, 12, 12, 1], rngFor(9, "critic"));
		const points = Float64Array.from({ length: 12 }, (_, i) => 0.8 * rngFor(6, i).normal());
		const penalty = (): number => {
			const trace = critic.trace(6);
			trace.acts[0]!.set(points);
			critic.forward(trace);
			trace.deltas[3]!.fill(1);
			return critic.back(trace).reduce((sum, g) => sum + (0.5 * g * g) / 6, 0);
		};
		const trace = critic.trace(6);
		trace.acts[0]!.set(points);
		critic.forward(trace);
		trace.deltas[3]!.fill(1);
		trace.tans[0]!.set(critic.back(trace));
		critic.push(trace);
		critic.gather(trace, new Float64Array(6).fill(1 / 6), true);
		for (let i = 0; i < critic.params.length; i += 3) {
			const kept = critic.params[i]!;
			critic.params[i] = kept + 1e-6;
			const up = penalty();
			critic.params[i] = kept - 1e-6;
			const down = penalty();
			critic.params[i] = kept;
			expect(Math.abs((up - down) / 2e-6 - critic.grads[i]!)).toBeLessThan(1e-7);
		}
	});

	it("takes Adam's first step as long as its rate, against the sign of the gradient", () => {
		const one = new Mlp([1, 1], rngFor(0, "one"));
		const before = Float64Array.from(one.params);
		one.grads.set([3, -0.2]);
		near(new Adam(one, 0.01).step(), Math.hypot(3, 0.2));
		near(one.params[0]! - before[0]!, -0.01, 1e-7);
		near(one.params[1]! - before[1]!, 0.01, 1e-7);
		expect([...one.grads]).toEqual([0, 0]);
	});
});

describe("the game", () => {
	it("is the same for the same seed, and stands still where it should", () => {
		const play = (seed: number) => {
			const game = new Game2d({ cloud: ring8(300, 0), objective: "non-saturating", seed });
			for (let i = 0; i < 20; i++) game.step();
			return game;
		};
		const [one, same, other] = [play(0), play(0), play(1)];
		expect([...one.samples()]).toEqual([...same.samples()]);
		expect([...one.samples()]).not.toEqual([...other.samples()]);
		const before = [...one.samples()];
		const critic = [...one.critic.params];
		one.stepCritic();
		expect([...one.samples()]).toEqual(before);
		expect([...one.critic.params]).not.toEqual(critic);
		const kept = [...one.critic.params];
		one.stepGenerator();
		expect([...one.critic.params]).toEqual(kept);
		expect([...one.samples()]).not.toEqual(before);
		expect([one.criticSteps, one.generatorSteps]).toEqual([21, 21]);
	});
	it("learns the ring with the relativistic objective", () => {
		const game = new Game2d({ cloud: ring8(2000, 0), objective: "relativistic", seed: 0 });
		for (let i = 0; i < 1500; i++) game.step();
		const found = coverage(game.setup.cloud, game.samples());
		expect(found.hit).toBeGreaterThanOrEqual(7);
		expect(found.good).toBeGreaterThan(0.3);
	});
	it("runs away when the generator plays alone", () => {
		const game = new Game2d({ cloud: ring8(500, 0), objective: "non-saturating", seed: 0 });
		for (let i = 0; i < 300; i++) game.step();
		for (let i = 0; i < 400; i++) game.stepGenerator();
		const far = game.samples().filter((v) => Math.abs(v) > 1.5).length / 800;
		expect(coverage(game.setup.cloud, game.samples()).good).toBeLessThan(0.1);
		expect(far).toBeGreaterThan(0.3);
	});
	it("separates real from made when the critic plays alone", () => {
		const game = new Game2d({ cloud: drawn([0.8, 0.8, 0.9, 0.8, 0.8, 0.9]), objective: "non-saturating", seed: 2 });
		for (let i = 0; i < 200; i++) game.stepCritic();
		expect(game.losses.critic).toBeLessThan(0.4);
		const belief = game.belief(10, 1);
		expect(belief[9 + 10]).toBeGreaterThan(0.8);
	});
	it("counts coverage", () => {
		const cloud = ring8(10, 0);
		expect(coverage(cloud, Float64Array.from([1, 0, 1, 0, 5, 5, 0, 1]))).toEqual({ hit: 2, of: 8, good: 0.75 });
	});
});

describe("the trick", () => {
	const draw = { mu: [0.5, -0.2], sigma: [0.1, 0.3], eps: [0.5, -1], target: [0, 0] };
	it("gives the z worked by hand", () => {
		reparameterised(draw.mu, draw.sigma, draw.eps).forEach((z, i) => near(z, [0.55, -0.5][i]!));
	});
	it("carries the gradient: that of z to mu, and times eps to sigma", () => {
		const found = measure({ ...draw, target: [1, 0.25] }, true);
		found.slopeZ.forEach((slope, i) => near(slope, found.z[i]! - [1, 0.25][i]!));
		found.slopeMu!.forEach((slope, i) => near(slope, found.slopeZ[i]!));
		found.slopeSigma!.forEach((slope, i) => near(slope, found.slopeZ[i]! * draw.eps[i]!));
		expect(measure({ ...draw, eps: [0.5, 0] }, true).slopeSigma![1]).toBeCloseTo(0, 15);
	});
	it("has no path without it, though z and the loss are the same", () => {
		const [on, off] = [measure(draw, true), measure(draw, false)];
		expect([off.slopeMu, off.slopeSigma]).toEqual([null, null]);
		expect([off.z, off.loss, off.slopeZ]).toEqual([on.z, on.loss, on.slopeZ]);
		expect(averaged(draw, false, 10, rngFor(0))).toBeNull();
	});
	it("is right on average: the slopes of the expected loss", () => {
		const found = averaged({ ...draw, target: [1, 0.25] }, true, 4_000, rngFor(0))!;
		found.mu.forEach((slope, i) => near(slope, draw.mu[i]! - [1, 0.25][i]!, 0.04));
		found.sigma.forEach((slope, i) => near(slope, draw.sigma[i]!, 0.06));
	});
});

describe("boundary and density", () => {
	const data = twoClasses(200, 0);
	it("divides the points, and is certain far away", () => {
		const boundary = fitBoundary(data, 0);
		const right = data.labels.filter((label, i) => boundary(data.points[2 * i]!, data.points[2 * i + 1]!) > 0.5 === (label === 1));
		expect(right.length / 200).toBeGreaterThan(0.97);
		expect(boundary(6, 1)).toBeGreaterThan(0.99);
		expect(boundary(-6, -1)).toBeLessThan(0.01);
		expect(fitBoundary({ points: new Float64Array(0), labels: new Uint8Array(0) }, 0)(1, 1)).toBe(0.5);
	});
	it("finds four groups, integrates to one, and is nearly nothing far away", () => {
		const mixture = fitDensity(data.points, 0)!;
		expect(mixture.parts.length).toBe(4);
		let mass = 0;
		for (let x = -3; x < 3; x += 0.02) for (let y = -3; y < 3; y += 0.02) mass += Math.exp(logP(mixture, x, y)) * 0.0004;
		near(mass, 1, 1e-3);
		expect(logP(mixture, 6, 1)).toBeLessThan(-50);
	});
	it("never loses fit as it iterates", () => {
		const fits = [1, 2, 4, 8, 16].map((rounds) => fitMixture(data.points, 3, 1, rounds).fit);
		for (let i = 1; i < fits.length; i++) expect(fits[i]!).toBeGreaterThanOrEqual(fits[i - 1]! - 1e-6);
	});
	it("draws points like those it was fitted to", () => {
		const mixture = fitDensity(data.points, 0)!;
		const rng = rngFor(1);
		const drawnPoints = Array.from({ length: 4000 }, () => drawFrom(mixture, rng));
		for (const axis of [0, 1] as const) {
			const mean = drawnPoints.reduce((sum, p) => sum + p[axis], 0) / 4000;
			const real = mixture.parts.reduce((sum, part) => sum + part.share * (axis ? part.y : part.x), 0);
			expect(Math.abs(mean - real)).toBeLessThan(0.04);
		}
		expect(fitDensity(new Float64Array(0), 0)).toBeNull();
		expect(fitDensity(Float64Array.of(0.1, 0.2), 0)!.parts[0]!.x).toBeCloseTo(0.1);
	});
});
