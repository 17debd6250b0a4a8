/** Pictures as files: a strip, an animation there and back, or one alone. */

import { animate } from "./apng";
import { paint } from "./decoder";
import type { Shot } from "./easel";

const RATE = 15;

function sheet(width: number, height: number): CanvasRenderingContext2D {
	const canvas = document.createElement("canvas");
	canvas.width = width;
	canvas.height = height;
	const context = canvas.getContext("2d", { willReadFrequently: true });
	if (!context) throw new Error("The browser gives no canvas to draw the file on. Close other tabs, then try again.");
	context.fillStyle = "#ffffff";
	context.fillRect(0, 0, width, height);
	return context;
}

/** Whole-number enlargement that makes small pictures fit to be looked at. */
export function enlargement(width: number, least: number): number {
	return Math.max(1, Math.round(least / width));
}

/** Pictures side by side. */
export function asStrip(shots: Shot[], width: number, height: number): Promise<Blob> {
	const scale = enlargement(width, 128);
	const context = sheet(scale * width * shots.length, scale * height);
	shots.forEach(({ pictures, k }, at) => paint(context, pictures, k, scale * width * at, 0, scale * width, scale * height));
	return new Promise((resolve, reject) =>
		context.canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("The picture is too large to save.")))),
	);
}

/** An endless animation, there and back. */
export function asAnimation(shots: Shot[], width: number, height: number): Promise<Blob> {
	const scale = enlargement(width, 128);
	const [across, down] = [scale * width, scale * height];
	const frames = shots.map(({ pictures, k }) => {
		const context = sheet(across, down);
		paint(context, pictures, k, 0, 0, across, down);
		return context.getImageData(0, 0, across, down).data;
	});
	return animate([...frames, ...frames.slice(1, -1).reverse()], across, down, RATE);
}

/** Hands a file to the person. */
export function save(blob: Blob, name: string): void {
	const link = document.createElement("a");
	link.href = URL.createObjectURL(blob);
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
