/** Two models of the same points in the plane: a boundary between two classes, and a density that one can draw from. */

import { exp, ln, sigmoid } from "./exact";
import { Adam, Mlp } from "./mlp";
import { rngFor, type Rng } from "./rng";

/** Points of two classes: x and y in turn, and the class, 0 or 1, of each. */
export interface Labelled {
	readonly points: Float64Array;
	readonly labels: Uint8Array;
}

/** Two classes of a few groups each, the picture's first data. */
export function twoClasses(num: number, seed: number): Labelled {
	const rng = rngFor(seed, "two classes");
	const groups = [
		[-0.62, 0.3, 0.13, 0],
		[-0.3, -0.42, 0.11, 0],
		[0.42, 0.46, 0.13, 1],
		[0.6, -0.28, 0.11, 1],
	] as const;
	const points = new Float64Array(2 * num);
	const labels = new Uint8Array(num);
	for (let i = 0; i < num; i++) {
		const [x, y, spread, label] = groups[i % 4]!;
		points[2 * i] = x + spread * rng.normal();
		points[2 * i + 1] = y + spread * rng.normal();
		labels[i] = label;
	}
	return { points, labels };
}

/** P(class 1 | point), for a point anywhere. */
export type Boundary = (x: number, y: number) => number;

/**
 * A small network fitted by full-batch Adam on cross-entropy, with a little weight decay. With one class only it says that
 * class everywhere, as a classifier would.
 */
export function fitBoundary(data: Labelled, seed: number, steps = 300): Boundary {
	const num = data.labels.length;
	const net = new Mlp([2, 16, 16, 1], rngFor(seed, "boundary"));
	const adam = new Adam(net, 0.02, 0.9, 0.999);
	const trace = net.trace(num);
	trace.acts[0]!.set(data.points);
	const delta = trace.deltas[3]!;
	for (let s = 0; s < (num ? steps : 0); s++) {
		const scores = net.forward(trace);
		for (let i = 0; i < num; i++) delta[i] = (sigmoid(scores[i]!) - data.labels[i]!) / num;
		net.back(trace);
		net.gather(trace, null);
		for (let i = 0; i < net.params.length; i++) net.grads[i]! += 1e-4 * net.params[i]!;
		adam.step();
	}
	const one = net.trace(1);
	return (x, y) => {
		if (!num) return 0.5;
		one.acts[0]![0] = x;
		one.acts[0]![1] = y;
		return sigmoid(net.forward(one)[0]!);
	};
}

/** One Gaussian of a mixture: its share, centre, and covariance [xx, xy, yy]. */
export interface Gaussian {
	share: number;
	x: number;
	y: number;
	xx: number;
	xy: number;
	yy: number;
}

/** A mixture, and what it is worth. */
export interface Mixture {
	readonly parts: readonly Gaussian[];
	/** Mean log-density of the points it was fitted to. */
	readonly fit: number;
	/** Bayesian information criterion; the lowest of several mixtures is chosen. */
	readonly bic: number;
}

const FLOOR = 0.03 ** 2;
const TWO_PI = 6.283185307179586;

function logDensity(part: Gaussian, x: number, y: number): number {
	const det = part.xx * part.yy - part.xy * part.xy;
	const dx = x - part.x;
	const dy = y - part.y;
	const distance = (part.yy * dx * dx - 2 * part.xy * dx * dy + part.xx * dy * dy) / det;
	return ln(part.share) - 0.5 * (distance + ln(det)) - ln(TWO_PI);
}

/** ln p(x, y), by the sum over parts. */
export function logP(mixture: Mixture, x: number, y: number): number {
	const each = mixture.parts.map((part) => logDensity(part, x, y));
	const top = Math.max(...each);
	return top === -Infinity ? top : top + ln(each.reduce((sum, one) => sum + exp(one - top), 0));
}

/** Centres far from each other, each picked with a chance that grows with its squared distance (k-means++). */
function spreadOut(points: Float64Array, num: number, rng: Rng): number[] {
	const count = points.length / 2;
	const chosen = [rng.below(count)];
	const nearest = new Float64Array(count).fill(Infinity);
	while (chosen.length < num) {
		const last = chosen[chosen.length - 1]!;
		let total = 0;
		for (let i = 0; i < count; i++) {
			const d = (points[2 * i]! - points[2 * last]!) ** 2 + (points[2 * i + 1]! - points[2 * last + 1]!) ** 2;
			nearest[i] = Math.min(nearest[i]!, d);
			total += nearest[i]!;
		}
		let left = rng.uniform() * total;
		let pick = 0;
		while (pick < count - 1 && (left -= nearest[pick]!) > 0) pick++;
		chosen.push(pick);
	}
	return chosen;
}

/** A mixture of `num` Gaussians by expectation-maximisation (Dempster, Laird and Rubin 1977); the variance has a floor. */
export function fitMixture(points: Float64Array, num: number, seed: number, rounds = 60): Mixture {
	const count = points.length / 2;
	const rng = rngFor(seed, "mixture", num);
	const start = 0.02;
	const parts: Gaussian[] = spreadOut(points, num, rng).map((i) => ({
		share: 1 / num,
		x: points[2 * i]!,
		y: points[2 * i + 1]!,
		xx: start,
		xy: 0,
		yy: start,
	}));
	const belongs = new Float64Array(count * num);
	let fit = -Infinity;
	for (let r = 0; r < rounds; r++) {
		const before = fit;
		fit = expect(points, parts, belongs) / count;
		if (fit - before < 1e-6) break;
		if (r < rounds - 1) maximise(points, parts, belongs);
	}
	const free = 6 * num - 1;
	return { parts, fit, bic: free * ln(count) - 2 * count * fit };
}

/** Shares of every point in every part; returns the sum of log-densities. */
function expect(points: Float64Array, parts: readonly Gaussian[], belongs: Float64Array): number {
	const num = parts.length;
	let total = 0;
	for (let i = 0; i < points.length / 2; i++) {
		let top = -Infinity;
		for (let k = 0; k < num; k++) {
			belongs[i * num + k] = logDensity(parts[k]!, points[2 * i]!, points[2 * i + 1]!);
			top = Math.max(top, belongs[i * num + k]!);
		}
		let sum = 0;
		for (let k = 0; k < num; k++) sum += belongs[i * num + k] = exp(belongs[i * num + k]! - top);
		for (let k = 0; k < num; k++) belongs[i * num + k]! /= sum;
		total += top + ln(sum);
	}
	return total;
}

/** The parts that fit the shares best. */
function maximise(points: Float64Array, parts: Gaussian[], belongs: Float64Array): void {
	const num = parts.length;
	const count = points.length / 2;
	parts.forEach((part, k) => {
		let [w, x, y] = [1e-9, 0, 0];
		for (let i = 0; i < count; i++) {
			const b = belongs[i * num + k]!;
			w += b;
			x += b * points[2 * i]!;
			y += b * points[2 * i + 1]!;
		}
		x /= w;
		y /= w;
		let [xx, xy, yy] = [0, 0, 0];
		for (let i = 0; i < count; i++) {
			const b = belongs[i * num + k]!;
			const dx = points[2 * i]! - x;
			const dy = points[2 * i + 1]! - y;
			xx += b * dx * dx;
			xy += b * dx * dy;
			yy += b * dy * dy;
		}
		Object.assign(part, { share: w / count, x, y, xx: xx / w + FLOOR, xy: xy / w, yy: yy / w + FLOOR });
	});
}

/** The mixture of 1 to `most` parts with the lowest criterion; null without points. */
export function fitDensity(points: Float64Array, seed: number, most = 7): Mixture | null {
	const count = points.length / 2;
	let best: Mixture | null = null;
	for (let num = 1; num <= Math.min(most, Math.floor(count / 4) || (count ? 1 : 0)); num++) {
		const found = fitMixture(points, num, seed);
		if (!best || found.bic < best.bic) best = found;
	}
	return best;
}

/** A new point of a mixture: a part by its share, then a Gaussian draw through the root of its covariance. */
export function drawFrom(mixture: Mixture, rng: Rng): [number, number] {
	let left = rng.uniform();
	let part = mixture.parts[mixture.parts.length - 1]!;
	for (const one of mixture.parts) {
		left -= one.share;
		if (left <= 0) {
			part = one;
			break;
		}
	}
	const a = Math.sqrt(part.xx);
	const b = part.xy / a;
	const c = Math.sqrt(Math.max(0, part.yy - b * b));
	const e = rng.normal();
	return [part.x + a * e, part.y + b * e + c * rng.normal()];
}
