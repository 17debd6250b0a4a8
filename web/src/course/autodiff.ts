/**
 * Reverse-mode differentiation of small dense matrices: each operation notes how to send a gradient back to what it was made
 * of, and `backward` walks those notes. A value that was *sampled* has no such note, and there the walk ends.
 */

/** A matrix in the graph. `gradient` is null until a gradient has reached it, and stays null where there is no path. */
export interface Value {
	readonly rows: number;
	readonly cols: number;
	readonly data: Float64Array;
	readonly name: string;
	gradient: Float64Array | null;
	readonly parents: readonly Value[];
	/** Sends `gradient` to the parents. */
	readonly send: (() => void) | null;
}

function node(
	rows: number,
	cols: number,
	data: Float64Array,
	name: string,
	parents: readonly Value[] = [],
	send: ((self: Value) => void) | null = null,
): Value {
	const self: Value = { rows, cols, data, name, gradient: null, parents, send: send && (() => send(self)) };
	return self;
}

/** A leaf: rows x cols numbers, row by row. */
export function leaf(rows: number, cols: number, numbers: ArrayLike<number>, name = "leaf"): Value {
	if (numbers.length !== rows * cols) throw new RangeError(`${name}: needs ${rows * cols} numbers, got ${numbers.length}`);
	return node(rows, cols, Float64Array.from(numbers), name);
}

/** A row vector. */
export const row = (numbers: ArrayLike<number>, name = "row"): Value => leaf(1, numbers.length, numbers, name);

function into(value: Value): Float64Array {
	value.gradient ??= new Float64Array(value.data.length);
	return value.gradient;
}

function alike(a: Value, b: Value, what: string): void {
	if (a.rows !== b.rows || a.cols !== b.cols) {
		throw new RangeError(`${what}: ${a.rows} x ${a.cols} and ${b.rows} x ${b.cols} do not fit`);
	}
}

/** a + b; b may be one row, which is added to every row of a. */
export function add(a: Value, b: Value): Value {
	if (b.rows !== 1) alike(a, b, "add");
	else if (a.cols !== b.cols) alike(a, b, "add");
	const size = b.data.length;
	return node(a.rows, a.cols, a.data.map((v, i) => v + b.data[i % size]!), "add", [a, b], (self) => {
		const g = self.gradient!;
		const ga = into(a);
		const gb = into(b);
		for (let i = 0; i < g.length; i++) {
			ga[i]! += g[i]!;
			gb[i % size]! += g[i]!;
		}
	});
}

/** a - b. */
export const subtract = (a: Value, b: Value): Value => add(a, scale(b, -1));

/** a * b, number by number. */
export function multiply(a: Value, b: Value): Value {
	alike(a, b, "multiply");
	return node(a.rows, a.cols, a.data.map((v, i) => v * b.data[i]!), "multiply", [a, b], (self) => {
		const g = self.gradient!;
		const ga = into(a);
		const gb = into(b);
		for (let i = 0; i < g.length; i++) {
			ga[i]! += g[i]! * b.data[i]!;
			gb[i]! += g[i]! * a.data[i]!;
		}
	});
}

/** a times a number. */
export function scale(a: Value, by: number): Value {
	return map(a, "scale", (v) => v * by, () => by);
}

/** The matrix product a b. */
export function matmul(a: Value, b: Value): Value {
	if (a.cols !== b.rows) throw new RangeError(`matmul: ${a.rows} x ${a.cols} and ${b.rows} x ${b.cols} do not fit`);
	const [n, k, m] = [a.rows, a.cols, b.cols];
	const data = new Float64Array(n * m);
	for (let i = 0; i < n; i++)
		for (let l = 0; l < k; l++)
			for (let j = 0; j < m; j++) data[i * m + j]! += a.data[i * k + l]! * b.data[l * m + j]!;
	return node(n, m, data, "matmul", [a, b], (self) => {
		const g = self.gradient!;
		const ga = into(a);
		const gb = into(b);
		for (let i = 0; i < n; i++)
			for (let l = 0; l < k; l++)
				for (let j = 0; j < m; j++) {
					ga[i * k + l]! += g[i * m + j]! * b.data[l * m + j]!;
					gb[l * m + j]! += g[i * m + j]! * a.data[i * k + l]!;
				}
	});
}

/** A function of every number, with its derivative. */
export function map(a: Value, name: string, f: (v: number) => number, slope: (v: number) => number): Value {
	return node(a.rows, a.cols, a.data.map(f), name, [a], (self) => {
		const ga = into(a);
		for (let i = 0; i < ga.length; i++) ga[i]! += self.gradient![i]! * slope(a.data[i]!);
	});
}

export const square = (a: Value): Value => map(a, "square", (v) => v * v, (v) => 2 * v);

/** max(v, 0) + slope * min(v, 0). */
export const leaky = (a: Value, slope: number): Value =>
	map(a, "leaky", (v) => (v > 0 ? v : slope * v), (v) => (v > 0 ? 1 : slope));

/** The sum of all numbers, 1 x 1. */
export function sum(a: Value): Value {
	const total = a.data.reduce((one, other) => one + other, 0);
	return node(1, 1, Float64Array.of(total), "sum", [a], (self) => {
		const ga = into(a);
		for (let i = 0; i < ga.length; i++) ga[i]! += self.gradient![0]!;
	});
}

/**
 * A value that was drawn at random. What it was drawn *from* is remembered as parents, for the diagram, but a draw has no
 * derivative: nothing is sent back, and the walk of `backward` stops here.
 */
export function sampled(rows: number, cols: number, numbers: ArrayLike<number>, from: readonly Value[]): Value {
	return node(rows, cols, Float64Array.from(numbers), "sampled", from, null);
}

/** Fills the gradients of everything that `from`, a 1 x 1 value, depends on along a differentiable path. */
export function backward(from: Value): void {
	const order: Value[] = [];
	const seen = new Set<Value>();
	const visit = (value: Value): void => {
		if (seen.has(value)) return;
		seen.add(value);
		if (value.send) for (const parent of value.parents) visit(parent);
		order.push(value);
	};
	visit(from);
	from.gradient = Float64Array.of(1);
	for (const value of order.reverse()) if (value.gradient) value.send?.();
}
