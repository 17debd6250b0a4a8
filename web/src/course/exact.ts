/**
 * exp, ln and sin/cos from additions, multiplications and divisions alone. Those are rounded alike on every machine; Math.exp
 * and its friends are not, and a game that trains for a thousand steps would end elsewhere in another browser.
 */

const LN2 = 0.6931471805599453;

const words = new DataView(new ArrayBuffer(8));

/** 2^k for -1022 <= k <= 1023. */
function power2(k: number): number {
	words.setUint32(0, (k + 1023) << 20);
	words.setUint32(4, 0);
	return words.getFloat64(0);
}

/** e^x, to some 1e-15 of its value; 0 below -708, and at most e^709. */
export function exp(x: number): number {
	if (x !== x) return x;
	if (x < -708) return 0;
	const top = x > 709 ? 709 : x;
	const k = Math.round(top / LN2);
	const r = (top - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10;
	let sum = 1;
	for (let n = 13; n > 0; n--) sum = 1 + (r / n) * sum;
	return sum * power2(k);
}

/** The natural logarithm of a positive number, to some 1e-15. */
export function ln(x: number): number {
	if (!(x > 0)) return x === 0 ? -Infinity : NaN;
	if (x === Infinity) return x;
	if (x < 2.3e-308) return ln(x * 18014398509481984) - 54 * LN2;
	words.setFloat64(0, x);
	const high = words.getUint32(0);
	let k = ((high >>> 20) & 0x7ff) - 1023;
	words.setUint32(0, (high & 0x800fffff) | (1023 << 20));
	let m = words.getFloat64(0);
	if (m > 1.4142135623730951) {
		m /= 2;
		k += 1;
	}
	const s = (m - 1) / (m + 1);
	const s2 = s * s;
	let sum = 0;
	for (let n = 23; n > 0; n -= 2) sum = 1 / n + s2 * sum;
	return k * LN2 + 2 * s * sum;
}

/** [sin, cos] of 2 pi u, for u in [0, 1). */
export function sincos2pi(u: number): [number, number] {
	const quarter = Math.round(u * 4);
	const r = (u - quarter / 4) * 6.283185307179586;
	const r2 = r * r;
	let sine = 1;
	let cosine = 1;
	for (let n = 19; n > 1; n -= 2) sine = 1 - (r2 / (n * (n - 1))) * sine;
	for (let n = 18; n > 0; n -= 2) cosine = 1 - (r2 / (n * (n - 1))) * cosine;
	sine *= r;
	switch (quarter % 4) {
		case 0:
			return [sine, cosine];
		case 1:
			return [cosine, -sine];
		case 2:
			return [-sine, -cosine];
		default:
			return [-cosine, sine];
	}
}

/** 1 / (1 + e^-x). */
export function sigmoid(x: number): number {
	if (x >= 0) return 1 / (1 + exp(-x));
	const e = exp(x);
	return e / (1 + e);
}

/** ln(1 + e^x), without overflow. */
export function softplus(x: number): number {
	const e = exp(x > 0 ? -x : x);
	// ln(1 + e) loses the digits of a tiny e; its series does not.
	return (x > 0 ? x : 0) + (e < 1e-5 ? e - (e * e) / 2 : ln(1 + e));
}
