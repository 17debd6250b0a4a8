/** Decodes latents off the page's thread, with onnxruntime compiled to WebAssembly. Knows one model at a time. */

import * as ort from "onnxruntime-web/wasm";
import wasm from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import { toBytes } from "./pixels";

export interface Opening {
	kind: "open";
	url: string;
	latentDim: number;
	channels: number;
	height: number;
	width: number;
	threads: number;
}

export interface Asking {
	kind: "decode";
	id: number;
	latents: Float32Array<ArrayBuffer>;
	count: number;
	label: number | null;
}

export type Told =
	| { kind: "ready"; threads: number; bytes: number; fetched: number; ms: number }
	| { kind: "decoded"; id: number; bitmap: ImageBitmap; ms: number }
	| { kind: "failed"; id: number | null; words: string };

// Runs before the first picture: WebAssembly is compiled anew, and faster, while it runs.
const WARM_RUNS = 12;

let session: ort.InferenceSession | null = null;
let model: Opening | null = null;

const tell = (told: Told, moved: Transferable[] = []) => postMessage(told, { transfer: moved });

async function open(opening: Opening): Promise<void> {
	ort.env.wasm.wasmPaths = { wasm };
	ort.env.wasm.numThreads = opening.threads;
	ort.env.logLevel = "error";
	const start = performance.now();
	const response = await fetch(opening.url, { credentials: "same-origin" });
	if (!response.ok) throw new Error(`the decoder did not come (${response.status}).`);
	const bytes = new Uint8Array(await response.arrayBuffer());
	const fetched = performance.now() - start;
	session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
	model = opening;
	let ms = 0;
	for (let k = 0; k < WARM_RUNS; k++) {
		const begun = performance.now();
		await run(new Float32Array(opening.latentDim), 1, 0);
		ms = performance.now() - begun;
		if (performance.now() - start - fetched > 4000) break;
	}
	tell({ kind: "ready", threads: ort.env.wasm.numThreads ?? 1, bytes: bytes.length, fetched, ms });
}

async function run(latents: Float32Array<ArrayBuffer>, count: number, label: number | null): Promise<Float32Array> {
	if (!session || !model) throw new Error("no decoder is open.");
	const feeds: Record<string, ort.Tensor> = {
		latents: new ort.Tensor("float32", latents, [count, model.latentDim]),
	};
	if (session.inputNames.includes("labels")) {
		const labels = new BigInt64Array(count).fill(BigInt(label ?? 0));
		feeds.labels = new ort.Tensor("int64", labels, [count]);
	}
	const results = await session.run(feeds);
	const images = results.images ?? Object.values(results)[0];
	if (!images) throw new Error("the decoder gave nothing.");
	return images.data as Float32Array;
}

async function decode({ id, latents, count, label }: Asking): Promise<void> {
	const start = performance.now();
	const images = await run(latents, count, label);
	const { channels, height, width } = model!;
	const pixels = toBytes(images, count, channels, height, width);
	const bitmap = await createImageBitmap(new ImageData(pixels, width, height * count));
	tell({ kind: "decoded", id, bitmap, ms: performance.now() - start }, [bitmap]);
}

addEventListener("message", ({ data }: MessageEvent<Opening | Asking>) => {
	const id = data.kind === "decode" ? data.id : null;
	(data.kind === "open" ? open(data) : decode(data)).catch((error: unknown) => {
		tell({ kind: "failed", id, words: error instanceof Error ? error.message : String(error) });
	});
});
