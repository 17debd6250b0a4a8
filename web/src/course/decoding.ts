/** The recorded decoders, run in a worker of this page: one is open at a time for each, and the newest question wins. */

import { type Decoder, inPage, paint, type Pictures } from "../lib/decoder";
import { recordedUrl, type Recorded } from "./recorded";

const open = new Map<string, Promise<Decoder>>();

/** The decoder of a recorded run; kept open for as long as the page is. */
export function decoderOf(run: Recorded): Promise<Decoder> {
	const told = run.decoder;
	if (!told) return Promise.reject(new Error(`${run.title}: no decoder was recorded.`));
	let found = open.get(run.id);
	if (!found) {
		const { latent_dim: latentDim, channels, height, width } = told;
		found = inPage(recordedUrl(`runs/${run.id}/${told.file}`), { latentDim, channels, height, width }, 1);
		found.catch(() => open.delete(run.id));
		open.set(run.id, found);
	}
	return found;
}

/** Decodes the latest of what is asked; what came in between is dropped. */
export class Latest {
	private waiting: Float32Array[] | null = null;
	private busy = false;
	private number = 0;

	constructor(
		private readonly run: Recorded,
		private readonly show: (pictures: Pictures) => void,
		private readonly fail: (words: string) => void,
	) {}

	ask(latents: Float32Array[]): void {
		this.waiting = latents;
		if (!this.busy) void this.work();
	}

	private async work(): Promise<void> {
		this.busy = true;
		while (this.waiting) {
			const latents = this.waiting;
			this.waiting = null;
			try {
				const decoder = await decoderOf(this.run);
				const pictures = await decoder.decode({ latents, label: null }, ++this.number);
				this.show(pictures);
				pictures.bitmap.close();
			} catch (problem) {
				this.fail((problem as Error).message);
				break;
			}
		}
		this.busy = false;
	}
}

/** Paints picture k of a row over a whole canvas, at its own resolution. */
export function onto(canvas: HTMLCanvasElement, pictures: Pictures, k: number, width: number, height: number): void {
	if (canvas.width !== width || canvas.height !== height) {
		canvas.width = width;
		canvas.height = height;
	}
	const context = canvas.getContext("2d");
	if (context) paint(context, pictures, k, 0, 0, width, height);
}
