/** The game of generator and critic on points in the plane, trained for real: two small networks, and steps one can take apart. */

import { sigmoid, softplus } from "./exact";
import { Adam, Mlp, type Trace } from "./mlp";
import { rngFor, type Rng } from "./rng";

/** Points to imitate. `centres` and `spread` where the true distribution is a mixture of Gaussians. */
export interface Cloud {
	readonly name: string;
	/** x and y in turn. */
	readonly points: Float64Array;
	readonly centres: Float64Array | null;
	readonly spread: number;
}

/**
 * - `non-saturating`: each point is judged by itself (Goodfellow et al. 2014), no penalty.
 * - `relativistic`: a real point is judged against a made one, and the critic pays for its slope at both (Huang et al. 2024,
 *   "The GAN is dead; long live the GAN!").
 */
export type Objective = "non-saturating" | "relativistic";

export interface Setup {
	readonly cloud: Cloud;
	readonly objective: Objective;
	readonly seed: number;
	readonly batch?: number;
	readonly hidden?: number;
	readonly latent?: number;
	readonly rate?: number;
	/** Weight of the slope penalty, for the relativistic objective. */
	readonly gamma?: number;
}

/** What the last steps were like. */
export interface Losses {
	critic: number;
	generator: number;
	/** Norm of the generator's gradient at its last step. */
	signal: number;
}

/** Eight Gaussians on a circle. */
export function ring8(num: number, seed: number, spread = 0.05): Cloud {
	const rng = rngFor(seed, "ring8");
	// Exact: the eight directions are made of 0, 1 and the root of a half.
	const h = Math.SQRT1_2;
	const centres = Float64Array.from([1, 0, h, h, 0, 1, -h, h, -1, 0, -h, -h, 0, -1, h, -h]);
	const points = new Float64Array(2 * num);
	for (let i = 0; i < num; i++) {
		const mode = rng.below(8);
		points[2 * i] = centres[2 * mode]! + spread * rng.normal();
		points[2 * i + 1] = centres[2 * mode + 1]! + spread * rng.normal();
	}
	return { name: "ring8", points, centres, spread };
}

/** A learner's own points, x and y in turn. */
export function drawn(points: ArrayLike<number>): Cloud {
	return { name: "drawing", points: Float64Array.from(points), centres: null, spread: 0.05 };
}

export class Game2d {
	readonly generator: Mlp;
	readonly critic: Mlp;
	readonly losses: Losses = { critic: NaN, generator: NaN, signal: NaN };
	/** Steps taken by each player. */
	criticSteps = 0;
	generatorSteps = 0;

	private readonly noise: Rng;
	private readonly batch: number;
	private readonly latent: number;
	private readonly gamma: number;
	private readonly made: Trace;
	private readonly judgedReal: Trace;
	private readonly judgedMade: Trace;
	private readonly ones: Float64Array;
	private readonly adamCritic: Adam;
	private readonly adamGenerator: Adam;
	private readonly shown: Trace;
	private map: Trace | null = null;

	constructor(readonly setup: Setup) {
		const { seed, hidden = 32, rate = 2e-3 } = setup;
		this.batch = setup.batch ?? 32;
		this.latent = setup.latent ?? 2;
		this.gamma = setup.gamma ?? 0.1;
		this.noise = rngFor(seed, "game");
		this.generator = new Mlp([this.latent, hidden, hidden, 2], rngFor(seed, "generator"));
		this.critic = new Mlp([2, hidden, hidden, 1], rngFor(seed, "critic"));
		this.adamGenerator = new Adam(this.generator, rate);
		this.adamCritic = new Adam(this.critic, rate);
		this.made = this.generator.trace(this.batch);
		this.judgedReal = this.critic.trace(this.batch);
		this.judgedMade = this.critic.trace(this.batch);
		this.ones = new Float64Array(this.batch).fill(1);
		this.shown = this.generator.trace(400);
		const rng = rngFor(seed, "shown");
		for (let i = 0; i < this.shown.acts[0]!.length; i++) this.shown.acts[0]![i] = rng.normal();
	}

	private pick(): void {
		const { points } = this.setup.cloud;
		const x = this.judgedReal.acts[0]!;
		for (let i = 0; i < this.batch; i++) {
			const at = 2 * this.noise.below(points.length / 2);
			x[2 * i] = points[at]!;
			x[2 * i + 1] = points[at + 1]!;
		}
	}

	private make(): void {
		const z = this.made.acts[0]!;
		for (let i = 0; i < z.length; i++) z[i] = this.noise.normal();
		this.judgedMade.acts[0]!.set(this.generator.forward(this.made));
	}

	/** One update of the critic, on a fresh batch of real and made points; the generator stands still. */
	stepCritic(): void {
		this.pick();
		this.make();
		const n = this.batch;
		const real = this.critic.forward(this.judgedReal);
		const made = this.critic.forward(this.judgedMade);
		const weightReal = new Float64Array(n);
		const weightMade = new Float64Array(n);
		let loss = 0;
		for (let i = 0; i < n; i++) {
			if (this.setup.objective === "relativistic") {
				const lead = real[i]! - made[i]!;
				loss += softplus(-lead) / n;
				weightReal[i] = -sigmoid(-lead) / n;
				weightMade[i] = -weightReal[i]!;
			} else {
				loss += (softplus(-real[i]!) + softplus(made[i]!)) / n;
				weightReal[i] = -sigmoid(-real[i]!) / n;
				weightMade[i] = sigmoid(made[i]!) / n;
			}
		}
		this.pull(this.judgedReal);
		this.pull(this.judgedMade);
		this.critic.gather(this.judgedReal, weightReal);
		this.critic.gather(this.judgedMade, weightMade);
		if (this.setup.objective === "relativistic") {
			this.penalise(this.judgedReal);
			this.penalise(this.judgedMade);
		}
		this.adamCritic.step();
		this.losses.critic = loss;
		this.criticSteps += 1;
	}

	/** Deltas of the critic's output itself: the first are its slope at every point. */
	private pull(trace: Trace): Float64Array {
		trace.deltas[trace.deltas.length - 1]!.set(this.ones);
		return this.critic.back(trace);
	}

	/** Adds the gradient of gamma / 2 times the mean squared slope at a batch; `pull` has been there. */
	private penalise(trace: Trace): void {
		trace.tans[0]!.set(trace.deltas[0]!);
		this.critic.push(trace);
		const each = this.gamma / trace.num;
		this.critic.gather(trace, new Float64Array(trace.num).fill(each), true);
	}

	/** One update of the generator, through a critic that stands still. */
	stepGenerator(): void {
		const n = this.batch;
		const relativistic = this.setup.objective === "relativistic";
		if (relativistic) this.pick();
		this.make();
		const real = relativistic ? this.critic.forward(this.judgedReal) : null;
		const made = this.critic.forward(this.judgedMade);
		const delta = this.judgedMade.deltas[this.judgedMade.deltas.length - 1]!;
		let loss = 0;
		for (let i = 0; i < n; i++) {
			const lead = real ? made[i]! - real[i]! : made[i]!;
			loss += softplus(-lead) / n;
			delta[i] = -sigmoid(-lead) / n;
		}
		this.made.deltas[this.made.deltas.length - 1]!.set(this.critic.back(this.judgedMade));
		this.generator.back(this.made);
		this.generator.gather(this.made, null);
		this.losses.signal = this.adamGenerator.step();
		this.losses.generator = loss;
		this.generatorSteps += 1;
	}

	/** One round: the critic, then the generator. */
	step(): void {
		this.stepCritic();
		this.stepGenerator();
	}

	/** 400 points from the same latents every time, x and y in turn; overwritten by the next call. */
	samples(): Float64Array {
		return this.generator.forward(this.shown);
	}

	/**
	 * The critic's belief that a point is real, on a square grid, row by row from the top left; 0.5 where it cannot tell.
	 *
	 * @param side points along an edge
	 * @param reach the square is [-reach, reach] in both directions
	 */
	belief(side: number, reach: number): Float64Array {
		if (this.map?.num !== side * side) {
			this.map = this.critic.trace(side * side);
			const x = this.map.acts[0]!;
			for (let i = 0; i < side * side; i++) {
				x[2 * i] = -reach + (2 * reach * ((i % side) + 0.5)) / side;
				x[2 * i + 1] = reach - (2 * reach * (Math.floor(i / side) + 0.5)) / side;
			}
		}
		const zero = this.middle();
		return Float64Array.from(this.critic.forward(this.map), (score) => sigmoid(score - zero));
	}

	/** Where a relativistic critic's scores, of which only differences count, have their middle; 0 for the other objective. */
	private middle(): number {
		if (this.setup.objective !== "relativistic") return 0;
		const trace = this.critic.trace(128);
		const { points } = this.setup.cloud;
		const made = this.samples();
		for (let i = 0; i < 64; i++) {
			const at = 2 * ((i * 31) % (points.length / 2));
			trace.acts[0]!.set([points[at]!, points[at + 1]!], 2 * i);
			trace.acts[0]!.set([made[2 * i]!, made[2 * i + 1]!], 128 + 2 * i);
		}
		return this.critic.forward(trace).reduce((one, other) => one + other, 0) / 128;
	}

	/** Weights and biases of both players. */
	get parameters(): number {
		return this.generator.params.length + this.critic.params.length;
	}
}

/** How well made points cover a cloud. */
export interface Coverage {
	/** Groups hit, and how many there are; for a drawing, a group is a point of it. */
	readonly hit: number;
	readonly of: number;
	/** Share of the made points that lie near some group. */
	readonly good: number;
}

/** Counts: a mode is hit when at least 1 in 100 of the made points lies within three spreads of it. */
export function coverage(cloud: Cloud, made: Float64Array): Coverage {
	const centres = cloud.centres ?? cloud.points;
	const of = centres.length / 2;
	const num = made.length / 2;
	const near = 9 * cloud.spread * cloud.spread;
	const count = new Int32Array(of);
	let good = 0;
	for (let i = 0; i < num; i++) {
		let isNear = false;
		for (let c = 0; c < of; c++) {
			const dx = made[2 * i]! - centres[2 * c]!;
			const dy = made[2 * i + 1]! - centres[2 * c + 1]!;
			if (dx * dx + dy * dy <= near) {
				count[c]! += 1;
				isNear = true;
			}
		}
		if (isNear) good += 1;
	}
	const enough = cloud.centres ? Math.ceil(num / 100) : 1;
	return { hit: count.reduce((sum, c) => sum + (c >= enough ? 1 : 0), 0), of, good: good / num };
}
