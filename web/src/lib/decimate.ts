/** As few points as a screen shows, without losing an extreme. */

import type { Series } from "./api";

type Values = (number | null)[];

/** The series in at most `most` points: means, with the least and the largest value that each point stands for. */
export function decimate(series: Series, most: number): Series {
	const count = series.images.length;
	if (count <= most) return series;
	const images: number[] = [];
	const value: Values = [];
	const low: Values = [];
	const high: Values = [];
	for (let bucket = 0; bucket < most; bucket++) {
		const from = Math.floor((bucket * count) / most);
		const to = Math.floor(((bucket + 1) * count) / most);
		const finite = series.value.slice(from, to).filter((v): v is number => v !== null);
		images.push(series.images[to - 1] ?? 0);
		value.push(finite.length ? finite.reduce((sum, v) => sum + v, 0) / finite.length : null);
		low.push(extreme(Math.min, series.low ?? series.value, from, to));
		high.push(extreme(Math.max, series.high ?? series.value, from, to));
	}
	return { ...series, images, seconds: [], value, low, high };
}

function extreme(of: (...values: number[]) => number, values: Values, from: number, to: number): number | null {
	const finite = values.slice(from, to).filter((v): v is number => v !== null);
	return finite.length ? of(...finite) : null;
}
