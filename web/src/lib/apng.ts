/** Animated PNG (the PNG specification, third edition, chunks acTL, fcTL and fdAT), written without any library. */

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
	let c = n;
	for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
	return c >>> 0;
});

/** CRC-32 as PNG has it. */
export function crc32(bytes: Uint8Array): number {
	let c = 0xffffffff;
	for (const byte of bytes) c = TABLE[(c ^ byte) & 255]! ^ (c >>> 8);
	return (c ^ 0xffffffff) >>> 0;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** One chunk: length, name, body, checksum. */
export function chunk(name: string, body: Uint8Array): Bytes {
	const out = new Uint8Array(12 + body.length);
	const view = new DataView(out.buffer);
	view.setUint32(0, body.length);
	for (let i = 0; i < 4; i++) out[4 + i] = name.charCodeAt(i);
	out.set(body, 8);
	view.setUint32(8 + body.length, crc32(out.subarray(4, 8 + body.length)));
	return out;
}

/** RGBA rows as RGB rows, each with the filter that takes away the pixel on its left. */
export function filtered(pixels: Uint8ClampedArray | Uint8Array, width: number, height: number): Bytes {
	const out = new Uint8Array(height * (1 + 3 * width));
	let to = 0;
	for (let y = 0; y < height; y++) {
		out[to++] = 1;
		for (let x = 0; x < width; x++) {
			const at = 4 * (y * width + x);
			for (let c = 0; c < 3; c++) out[to++] = pixels[at + c]! - (x ? pixels[at - 4 + c]! : 0);
		}
	}
	return out;
}

async function deflated(bytes: Bytes): Promise<Uint8Array> {
	const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
	return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * An endless animation.
 *
 * @param frames RGBA pixels of each frame, opaque
 * @param rate frames a second
 */
export async function animate(
	frames: (Uint8ClampedArray | Uint8Array)[],
	width: number,
	height: number,
	rate: number,
): Promise<Blob> {
	const header = new Uint8Array(13);
	const view = new DataView(header.buffer);
	view.setUint32(0, width);
	view.setUint32(4, height);
	header.set([8, 2, 0, 0, 0], 8);
	const control = new Uint8Array(8);
	new DataView(control.buffer).setUint32(0, frames.length);
	const parts: Bytes[] = [
		Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10]),
		chunk("IHDR", header),
		chunk("acTL", control),
	];
	let sequence = 0;
	for (const [k, frame] of frames.entries()) {
		const data = await deflated(filtered(frame, width, height));
		parts.push(chunk("fcTL", frameControl(sequence++, width, height, rate)));
		if (k === 0) {
			parts.push(chunk("IDAT", data));
			continue;
		}
		const body = new Uint8Array(4 + data.length);
		new DataView(body.buffer).setUint32(0, sequence++);
		body.set(data, 4);
		parts.push(chunk("fdAT", body));
	}
	return new Blob([...parts, chunk("IEND", new Uint8Array(0))], { type: "image/png" });
}

function frameControl(sequence: number, width: number, height: number, rate: number): Bytes {
	const body = new Uint8Array(26);
	const view = new DataView(body.buffer);
	view.setUint32(0, sequence);
	view.setUint32(4, width);
	view.setUint32(8, height);
	view.setUint16(20, 1);
	view.setUint16(22, rate);
	return body;
}
