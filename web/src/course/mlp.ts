/**
 * A multilayer perceptron with leaky ReLUs, written for speed: flat arrays, no allocation in a step, and the slope penalty (R1)
 * without a second backward pass. With piecewise linear units the slope of the critic is a product of matrices and masks, so
 * its gradient is an outer product of the deltas of the first backward pass with a tangent that is pushed forward once.
 */

import type { Rng } from "./rng";

export const LEAK = 0.2;

/** What one pass over a batch leaves behind: per layer the activations, the deltas, and the tangents. */
export interface Trace {
	readonly num: number;
	readonly acts: Float64Array[];
	readonly deltas: Float64Array[];
	readonly tans: Float64Array[];
}

export class Mlp {
	readonly params: Float64Array;
	readonly grads: Float64Array;
	private readonly at: number[] = [];

	/** Weights are He-normal for the leak, biases zero; `sizes` names inputs, hidden layers, outputs. */
	constructor(readonly sizes: readonly number[], rng: Rng) {
		let total = 0;
		for (let l = 1; l < sizes.length; l++) {
			this.at.push(total);
			total += sizes[l]! * (sizes[l - 1]! + 1);
		}
		this.params = new Float64Array(total);
		this.grads = new Float64Array(total);
		for (let l = 1; l < sizes.length; l++) {
			const gain = l === sizes.length - 1 ? 1 : Math.sqrt(2 / (1 + LEAK * LEAK));
			const spread = gain / Math.sqrt(sizes[l - 1]!);
			const end = this.at[l - 1]! + sizes[l]! * sizes[l - 1]!;
			for (let i = this.at[l - 1]!; i < end; i++) this.params[i] = spread * rng.normal();
		}
	}

	/** Room for batches of `num`; write the inputs to `acts[0]`, row by row. */
	trace(num: number): Trace {
		const room = (): Float64Array[] => this.sizes.map((size) => new Float64Array(num * size));
		return { num, acts: room(), deltas: room(), tans: room() };
	}

	/** Fills `acts`; the last are the outputs. */
	forward(trace: Trace): Float64Array {
		for (let l = 1; l < this.sizes.length; l++) this.layer(trace, l, false);
		return trace.acts[trace.acts.length - 1]!;
	}

	/** Pushes `tans[0]`, a direction for every input, forward: the last are the changes of the outputs along it. */
	push(trace: Trace): Float64Array {
		for (let l = 1; l < this.sizes.length; l++) this.layer(trace, l, true);
		return trace.tans[trace.tans.length - 1]!;
	}

	private layer(trace: Trace, l: number, tangent: boolean): void {
		const [m, k] = [this.sizes[l]!, this.sizes[l - 1]!];
		const x = tangent ? trace.tans[l - 1]! : trace.acts[l - 1]!;
		const y = tangent ? trace.tans[l]! : trace.acts[l]!;
		const act = trace.acts[l]!;
		const w = this.params;
		const w0 = this.at[l - 1]!;
		const b0 = w0 + m * k;
		const isHidden = l < this.sizes.length - 1;
		for (let i = 0; i < trace.num; i++) {
			const xi = i * k;
			for (let o = 0; o < m; o += 4) {
				const many = o + 3 < m;
				const wo = w0 + o * k;
				let s0 = 0;
				let s1 = 0;
				let s2 = 0;
				let s3 = 0;
				if (many) {
					for (let j = 0; j < k; j++) {
						const v = x[xi + j]!;
						s0 += v * w[wo + j]!;
						s1 += v * w[wo + k + j]!;
						s2 += v * w[wo + 2 * k + j]!;
						s3 += v * w[wo + 3 * k + j]!;
					}
				} else {
					for (let j = 0; j < k; j++) {
						const v = x[xi + j]!;
						s0 += v * w[wo + j]!;
						if (o + 1 < m) s1 += v * w[wo + k + j]!;
						if (o + 2 < m) s2 += v * w[wo + 2 * k + j]!;
					}
				}
				const yi = i * m + o;
				y[yi] = s0;
				if (o + 1 < m) y[yi + 1] = s1;
				if (o + 2 < m) y[yi + 2] = s2;
				if (many) y[yi + 3] = s3;
			}
			for (let o = i * m; o < (i + 1) * m; o++) {
				const v = tangent ? y[o]! : y[o]! + w[b0 + o - i * m]!;
				y[o] = isHidden && (tangent ? act[o]! : v) <= 0 ? LEAK * v : v;
			}
		}
	}

	/** Sends deltas back; write those of the outputs to the last of `deltas` first. The first are those of the inputs. */
	back(trace: Trace): Float64Array {
		const w = this.params;
		for (let l = this.sizes.length - 1; l > 0; l--) {
			const [m, k] = [this.sizes[l]!, this.sizes[l - 1]!];
			const d = trace.deltas[l]!;
			const to = trace.deltas[l - 1]!;
			const act = trace.acts[l - 1]!;
			const w0 = this.at[l - 1]!;
			to.fill(0);
			for (let i = 0; i < trace.num; i++) {
				const ti = i * k;
				let o = 0;
				for (; o + 3 < m; o += 4) {
					const wo = w0 + o * k;
					const d0 = d[i * m + o]!;
					const d1 = d[i * m + o + 1]!;
					const d2 = d[i * m + o + 2]!;
					const d3 = d[i * m + o + 3]!;
					for (let j = 0; j < k; j++) {
						to[ti + j]! += d0 * w[wo + j]! + d1 * w[wo + k + j]! + d2 * w[wo + 2 * k + j]! + d3 * w[wo + 3 * k + j]!;
					}
				}
				for (; o < m; o++) {
					const one = d[i * m + o]!;
					for (let j = 0; j < k; j++) to[ti + j]! += one * w[w0 + o * k + j]!;
				}
				if (l > 1) for (let j = ti; j < ti + k; j++) if (act[j]! <= 0) to[j]! *= LEAK;
			}
		}
		return trace.deltas[0]!;
	}

	/**
	 * Adds to `grads` the outer products of deltas with what came in, row i times `weight[i]`.
	 *
	 * @param along take the tangents for what came in: the gradient of what `push` gives, for which biases do not matter.
	 */
	gather(trace: Trace, weight: ArrayLike<number> | null, along = false): void {
		const g = this.grads;
		for (let l = 1; l < this.sizes.length; l++) {
			const [m, k] = [this.sizes[l]!, this.sizes[l - 1]!];
			const d = trace.deltas[l]!;
			const x = along ? trace.tans[l - 1]! : trace.acts[l - 1]!;
			const w0 = this.at[l - 1]!;
			const b0 = w0 + m * k;
			for (let i = 0; i < trace.num; i += 2) {
				const pair = i + 1 < trace.num;
				const u0 = weight ? weight[i]! : 1;
				const u1 = pair ? (weight ? weight[i + 1]! : 1) : 0;
				const x0 = i * k;
				const x1 = pair ? x0 + k : x0;
				for (let o = 0; o < m; o++) {
					const d0 = u0 * d[i * m + o]!;
					const d1 = pair ? u1 * d[(i + 1) * m + o]! : 0;
					const wo = w0 + o * k;
					for (let j = 0; j < k; j++) g[wo + j]! += d0 * x[x0 + j]! + d1 * x[x1 + j]!;
					if (!along) g[b0 + o]! += d0 + d1;
				}
			}
		}
	}
}

/** Adam (Kingma and Ba 2015), with bias correction. */
export class Adam {
	private readonly m: Float64Array;
	private readonly v: Float64Array;
	private t = 0;
	private decay1 = 1;
	private decay2 = 1;

	constructor(private readonly net: Mlp, readonly rate: number, readonly beta1 = 0.5, readonly beta2 = 0.99) {
		this.m = new Float64Array(net.params.length);
		this.v = new Float64Array(net.params.length);
	}

	/** One update from `grads`, which are then zero; returns their norm. */
	step(): number {
		const { params, grads } = this.net;
		const { m, v, beta1, beta2 } = this;
		this.t += 1;
		this.decay1 *= beta1;
		this.decay2 *= beta2;
		const rate = (this.rate * Math.sqrt(1 - this.decay2)) / (1 - this.decay1);
		const tiny = 1e-8 * Math.sqrt(1 - this.decay2);
		let norm = 0;
		for (let i = 0; i < params.length; i++) {
			const g = grads[i]!;
			norm += g * g;
			m[i] = beta1 * m[i]! + (1 - beta1) * g;
			v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
			params[i]! -= (rate * m[i]!) / (Math.sqrt(v[i]!) + tiny);
			grads[i] = 0;
		}
		return Math.sqrt(norm);
	}
}
