/** Small things that every drawing needs: colours of the tokens as numbers, fields of values, and marks that differ in shape. */

import { token } from "../lib/theme";

export type Rgb = readonly [number, number, number];

/** "#1f5f8b" -> its three numbers. */
export function rgb(hex: string): Rgb {
	const bare = hex.replace("#", "");
	return [0, 2, 4].map((at) => Number.parseInt(bare.slice(at, at + 2), 16)) as unknown as Rgb;
}

export const hue = (name: string): Rgb => rgb(token(name));

export const blend = (from: Rgb, to: Rgb, share: number): Rgb => from.map((v, i) => v + (to[i]! - v) * share) as unknown as Rgb;

let scratch: HTMLCanvasElement | null = null;

/** Paints a square field of values, row by row from the top left, over the whole of a canvas; softly enlarged. */
export function field(context: CanvasRenderingContext2D, size: number, values: ArrayLike<number>, colour: (value: number) => Rgb): void {
	const side = Math.round(Math.sqrt(values.length));
	scratch ??= document.createElement("canvas");
	scratch.width = scratch.height = side;
	const small = scratch.getContext("2d")!;
	const pixels = small.createImageData(side, side);
	for (let i = 0; i < side * side; i++) {
		const [r, g, b] = colour(values[i]!);
		pixels.data.set([r, g, b, 255], 4 * i);
	}
	small.putImageData(pixels, 0, 0);
	context.imageSmoothingEnabled = true;
	context.imageSmoothingQuality = "high";
	context.drawImage(scratch, 0, 0, side, side, 0, 0, size, size);
}

export type Shape = "disc" | "triangle" | "ring" | "cross";

/** Draws one mark at a place in pixels. */
export function mark(context: CanvasRenderingContext2D, shape: Shape, x: number, y: number, radius: number): void {
	context.beginPath();
	if (shape === "triangle") {
		context.moveTo(x, y - 1.25 * radius);
		context.lineTo(x + 1.15 * radius, y + 0.85 * radius);
		context.lineTo(x - 1.15 * radius, y + 0.85 * radius);
		context.closePath();
		context.fill();
	} else if (shape === "cross") {
		context.moveTo(x - radius, y);
		context.lineTo(x + radius, y);
		context.moveTo(x, y - radius);
		context.lineTo(x, y + radius);
		context.stroke();
	} else {
		context.arc(x, y, radius, 0, 7);
		if (shape === "disc") context.fill();
		else context.stroke();
	}
}

/** Round numbers that divide a range into about `num` parts. */
export function ticks(low: number, high: number, num = 4): number[] {
	const span = high - low;
	if (!(span > 0)) return [low];
	const raw = span / num;
	const power = 10 ** Math.floor(Math.log10(raw));
	const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= raw)!;
	const first = Math.ceil(low / step - 1e-9);
	return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}
