/** The gradient of a loss with respect to mu and sigma, taken from the graph of the computation: with the trick, and without. */

import { add, backward, multiply, row, sampled, square, subtract, sum, type Value } from "./autodiff";
import type { Rng } from "./rng";

/** A step of the encoder's output through a draw into a loss: half the squared distance of z from a target. */
export interface Draw {
	readonly mu: readonly number[];
	readonly sigma: readonly number[];
	readonly eps: readonly number[];
	readonly target: readonly number[];
}

/** What backpropagation brought. A gradient is null where it brought nothing: there is no path. */
export interface Measured {
	readonly z: readonly number[];
	readonly loss: number;
	readonly slopeZ: readonly number[];
	readonly slopeMu: readonly number[] | null;
	readonly slopeSigma: readonly number[] | null;
}

const numbers = (gradient: Float64Array | null): number[] | null => gradient && Array.from(gradient);

/** z = mu + sigma * eps, dimension by dimension. */
export const reparameterised = (mu: readonly number[], sigma: readonly number[], eps: readonly number[]): number[] =>
	mu.map((m, i) => m + sigma[i]! * eps[i]!);

/**
 * Builds the graph, sends the loss back through it, and reads off what arrived.
 *
 * @param trick true: z = mu + sigma * eps. False: z is drawn from N(mu, sigma^2), with the same outcome, as one operation.
 */
export function measure(draw: Draw, trick: boolean): Measured {
	const mu = row(draw.mu, "mu");
	const sigma = row(draw.sigma, "sigma");
	const z: Value = trick
		? add(mu, multiply(sigma, row(draw.eps, "eps")))
		: sampled(1, draw.mu.length, reparameterised(draw.mu, draw.sigma, draw.eps), [mu, sigma]);
	const loss = sum(multiply(square(subtract(z, row(draw.target, "target"))), row(draw.mu.map(() => 0.5))));
	backward(loss);
	return {
		z: Array.from(z.data),
		loss: loss.data[0]!,
		slopeZ: numbers(z.gradient)!,
		slopeMu: numbers(mu.gradient),
		slopeSigma: numbers(sigma.gradient),
	};
}

/** The average gradient over many draws of eps; null where there is no path. */
export function averaged(draw: Draw, trick: boolean, num: number, rng: Rng): { mu: number[]; sigma: number[] } | null {
	const mu = draw.mu.map(() => 0);
	const sigma = draw.mu.map(() => 0);
	for (let n = 0; n < num; n++) {
		const found = measure({ ...draw, eps: draw.mu.map(() => rng.normal()) }, trick);
		if (!found.slopeMu || !found.slopeSigma) return null;
		found.slopeMu.forEach((slope, i) => (mu[i]! += slope / num));
		found.slopeSigma.forEach((slope, i) => (sigma[i]! += slope / num));
	}
	return { mu, sigma };
}
