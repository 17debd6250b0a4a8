/** Series of different moments on one axis, as the chart wants them: the line, then its least and most where known. */

import type { Series } from "./api";

type Column = (number | null | undefined)[];

export function align(series: readonly Series[], log = false): Column[] {
	const moments = new Set<number>();
	for (const one of series) for (const at of one.images) moments.add(at);
	const x = [...moments].sort((a, b) => a - b);
	const place = new Map(x.map((at, i) => [at, i]));
	const columns: Column[] = [x];
	for (const one of series) {
		for (const values of one.low && one.high ? [one.value, one.low, one.high] : [one.value]) {
			const column: Column = new Array(x.length).fill(undefined);
			one.images.forEach((at, i) => {
				const value = values[i] ?? null;
				// a logarithm has no place for what is not positive
				column[place.get(at) ?? 0] = value !== null && (!log || value > 0) ? value : null;
			});
			columns.push(column);
		}
	}
	return columns;
}
