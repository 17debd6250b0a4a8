/** One way to pictures, whether they are made in the page or on the server. */

import type { Asking, Opening, Told } from "./decoder.worker";
import { type Latent, stack } from "./latent";

export interface Question {
	latents: Latent[];
	label: number | null;
}

/** Pictures of one size in one bitmap: one below another, or side by side. */
export interface Pictures {
	bitmap: ImageBitmap;
	across: boolean;
	count: number;
	ms: number;
}

export interface Decoder {
	where: "page" | "server";
	/** "in this page · wasm, 1 thread", say. */
	words: string;
	/** Of the model's file, where it is in the page. */
	bytes: number | null;
	decode(question: Question, sequence: number): Promise<Pictures>;
	close(): void;
}

export interface Shape {
	latentDim: number;
	channels: number;
	height: number;
	width: number;
}

/** Where picture number k lies in its bitmap: x, y, width, height. */
export function place(pictures: Pictures, k: number): [number, number, number, number] {
	const { bitmap, across, count } = pictures;
	const width = across ? bitmap.width / count : bitmap.width;
	const height = across ? bitmap.height : bitmap.height / count;
	return across ? [k * width, 0, width, height] : [0, k * height, width, height];
}

/** Paints picture number k into a rectangle of a canvas. */
export function paint(
	context: CanvasRenderingContext2D,
	pictures: Pictures,
	k: number,
	x: number,
	y: number,
	width: number,
	height: number,
): void {
	context.drawImage(pictures.bitmap, ...place(pictures, k), x, y, width, height);
}

/** Threads that are worth it: more than one only where the browser allows them and the model is large. */
export function threadsFor(bytes: number): number {
	const large = bytes > 40e6;
	return large && globalThis.crossOriginIsolated ? Math.min(4, Math.max(1, navigator.hardwareConcurrency - 1)) : 1;
}

/** Decodes in a worker of the page. Rejects, in words, where the browser cannot. */
export function inPage(url: string, shape: Shape, threads: number): Promise<Decoder> {
	const worker = new Worker(new URL("./decoder.worker.ts", import.meta.url), { type: "module" });
	const open = new Map<number, { resolve: (p: Pictures) => void; reject: (e: Error) => void; count: number }>();
	let number = 0;
	const decoder = (bytes: number, used: number): Decoder => ({
		where: "page",
		words: `in this page, wasm × ${used}`,
		bytes,
		decode: ({ latents, label }) =>
			new Promise((resolve, reject) => {
				const asking: Asking = { kind: "decode", id: ++number, latents: stack(latents), count: latents.length, label };
				open.set(asking.id, { resolve, reject, count: latents.length });
				worker.postMessage(asking, [asking.latents.buffer]);
			}),
		close: () => worker.terminate(),
	});
	return new Promise((resolve, reject) => {
		const fail = (words: string) => {
			worker.terminate();
			reject(new Error(words));
		};
		worker.addEventListener("error", (event) => fail(event.message || "the worker did not start."));
		worker.addEventListener("message", ({ data }: MessageEvent<Told>) => {
			if (data.kind === "ready") return resolve(decoder(data.bytes, data.threads));
			if (data.id === null) return fail(data.kind === "failed" ? data.words : "");
			const waiting = open.get(data.id);
			open.delete(data.id);
			if (data.kind === "failed") waiting?.reject(new Error(data.words));
			else waiting?.resolve({ bitmap: data.bitmap, across: false, count: waiting.count, ms: data.ms });
		});
		const opening: Opening = { kind: "open", url: new URL(url, document.baseURI).href, ...shape, threads };
		worker.postMessage(opening);
	});
}

/** Decodes on the server, one request at a time. */
export function onServer(url: string, device: string): Decoder {
	return {
		where: "server",
		words: `on the server, ${device}`,
		bytes: null,
		close: () => undefined,
		async decode({ latents, label }, sequence) {
			const start = performance.now();
			const response = await fetch(url, {
				method: "POST",
				headers: { "content-type": "application/json" },
				credentials: "same-origin",
				body: JSON.stringify({
					latents: latents.map((z) => [...z]),
					labels: label === null ? undefined : latents.map(() => label),
					sequence,
				}),
			});
			if (!response.ok) throw new Error(await reason(response));
			const bitmap = await createImageBitmap(await response.blob());
			const ms = performance.now() - start;
			return { bitmap, across: true, count: latents.length, ms };
		},
	};
}

async function reason(response: Response): Promise<string> {
	try {
		const told: unknown = await response.json();
		if (told && typeof told === "object" && "error" in told) return String(told.error);
	} catch {
		// not JSON: the status says it
	}
	return `The server answered ${response.status}. Look at its terminal.`;
}
