/** Exercise A: draws to compute, and which mistake a wrong answer is. */

import type { Compute, Draw, Mistake, Text } from "./content";
import { reparameterised } from "./reparam";
import { rngFor } from "./rng";

const SLIPS: Record<Mistake, (mu: number, sigma: number, eps: number) => number> = {
	variance: (mu, sigma, eps) => mu + sigma * sigma * eps,
	"no-mean": (_, sigma, eps) => sigma * eps,
	"no-noise": (mu, sigma) => mu + sigma,
	"no-scale": (mu, _, eps) => mu + eps,
	minus: (mu, sigma, eps) => mu - sigma * eps,
	swapped: (mu, sigma, eps) => sigma + mu * eps,
};

/** What somebody gets who makes a mistake in every dimension. */
export const mistaken = (mistake: Mistake, { mu, sigma, eps }: Omit<Draw, "z">): number[] =>
	mu.map((m, i) => SLIPS[mistake](m, sigma[i]!, eps[i]!));

const close = (one: readonly number[], other: readonly number[], tolerance: number): boolean =>
	one.every((value, i) => Math.abs(value - other[i]!) <= tolerance + 1e-9);

/** A fresh draw: number `n` of a seed, in which every known mistake gives numbers of its own. */
export function freshDraw(compute: Compute, seed: number, n: number): Draw {
	const rng = rngFor(seed, "compute", n);
	const pick = (from: number[]): number[] => compute.draw.mu.map(() => from[rng.below(from.length)]!);
	for (;;) {
		const given = { mu: pick(compute.fresh.mu), sigma: pick(compute.fresh.sigma), eps: pick(compute.fresh.eps) };
		const draw = { ...given, z: reparameterised(given.mu, given.sigma, given.eps) };
		const made = [draw.z, ...compute.slips.map((slip) => mistaken(slip.mistake, draw))];
		const apart = made.every((one, i) => made.slice(0, i).every((other) => !close(one, other, compute.tolerance)));
		// two decimals are asked for, so the answer has no more
		if (apart && draw.z.every((z) => Math.abs(z * 100 - Math.round(z * 100)) < 1e-6)) return draw;
	}
}

export interface Judged {
	right: boolean;
	/** The dimensions that are wrong, from 0. */
	wrong: number[];
	why: Text;
}

/** Says whether numbers are z, and if not, by which mistake they may have come about. */
export function judge(compute: Compute, draw: Draw, given: readonly number[]): Judged {
	const wrong = draw.z.flatMap((z, i) => (Math.abs(z - given[i]!) <= compute.tolerance + 1e-9 ? [] : [i]));
	if (!wrong.length) return { right: true, wrong, why: compute.right };
	// a slip that explains every wrong dimension explains the answer
	const slip = compute.slips.find(({ mistake }) => {
		const made = mistaken(mistake, draw);
		return wrong.every((i) => Math.abs(made[i]! - given[i]!) <= compute.tolerance + 1e-9);
	});
	return { right: false, wrong, why: slip?.why ?? compute.otherwise };
}

/** A number as people write it, "0.6", "-,5" or "−0.2"; null when it is none. */
export function readNumber(text: string): number | null {
	const bare = text.trim().replace("−", "-").replace(",", ".");
	return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(bare) ? Number(bare) : null;
}

/** Numbers without the tails of binary fractions, with a real minus. */
export const written = (value: number, digits = 2): string =>
	value.toFixed(digits).replace(/^-(0\.?0*)$/, "$1").replace("-", "−");
