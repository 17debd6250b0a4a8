import { inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { animate, chunk, crc32, filtered } from "../src/lib/apng";

const text = (words: string) => new TextEncoder().encode(words);

function chunks(bytes: Uint8Array): { name: string; body: Uint8Array }[] {
	const view = new DataView(bytes.buffer);
	const found = [];
	for (let at = 8; at < bytes.length; ) {
		const length = view.getUint32(at);
		const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
		const body = bytes.subarray(at + 8, at + 8 + length);
		expect(view.getUint32(at + 8 + length)).toBe(crc32(bytes.subarray(at + 4, at + 8 + length)));
		found.push({ name, body });
		at += 12 + length;
	}
	return found;
}

describe("animated PNG", () => {
	it("has the checksum of the standard", () => {
		expect(crc32(text("123456789"))).toBe(0xcbf43926);
		expect([...chunk("IEND", new Uint8Array(0))]).toEqual([0, 0, 0, 0, 73, 69, 78, 68, 174, 66, 96, 130]);
	});
	it("can be read back, frame by frame", async () => {
		const frame = (shift: number) => Uint8ClampedArray.from({ length: 4 * 6 }, (_, i) => (i % 4 === 3 ? 255 : i * 9 + shift));
		const blob = await animate([frame(0), frame(20), frame(40)], 3, 2, 12);
		const found = chunks(new Uint8Array(await blob.arrayBuffer()));
		expect(found.map((one) => one.name)).toEqual(["IHDR", "acTL", "fcTL", "IDAT", "fcTL", "fdAT", "fcTL", "fdAT", "IEND"]);
		expect(new DataView(found[1]!.body.slice().buffer).getUint32(0)).toBe(3);
		const numbers = [2, 4, 5, 6, 7].map((k) => new DataView(found[k]!.body.slice().buffer).getUint32(0));
		expect(numbers).toEqual([0, 1, 2, 3, 4]);
		const raw = inflateSync(found[7]!.body.subarray(4));
		expect([...raw]).toEqual([...filtered(frame(40), 3, 2)]);
	});
	it("takes the left pixel away, by channel", () => {
		const pixels = Uint8Array.of(10, 20, 30, 255, 15, 10, 30, 255);
		expect([...filtered(pixels, 2, 1)]).toEqual([1, 10, 20, 30, 5, 246, 0]);
	});
});
