/** From a decoder's numbers to pixels. */

/**
 * Images (n, c, h, w) in [-1, 1] as RGBA bytes, one below another.
 *
 * One channel is grey, two are grey and opacity, three are colour, four are colour and opacity.
 */
export function toBytes(
	images: Float32Array,
	count: number,
	channels: number,
	height: number,
	width: number,
	out: Uint8ClampedArray<ArrayBuffer> = new Uint8ClampedArray(4 * count * height * width),
): Uint8ClampedArray<ArrayBuffer> {
	const area = height * width;
	const colours = channels >= 3 ? 3 : 1;
	const opacity = channels === 2 || channels === 4;
	for (let n = 0; n < count; n++) {
		const from = n * channels * area;
		const green = colours === 3 ? from + area : from;
		const blue = colours === 3 ? from + 2 * area : from;
		let to = 4 * n * area;
		// a clamped array rounds to nearest, and ends at 0 and 255 by itself
		for (let i = 0; i < area; i++, to += 4) {
			out[to] = images[from + i]! * 127.5 + 127.5;
			out[to + 1] = images[green + i]! * 127.5 + 127.5;
			out[to + 2] = images[blue + i]! * 127.5 + 127.5;
			out[to + 3] = opacity ? images[from + colours * area + i]! * 127.5 + 127.5 : 255;
		}
	}
	return out;
}
