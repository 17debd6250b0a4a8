import { describe, expect, it } from "vitest";
import { type Source, Stream } from "../src/lib/stream";

class Fake implements Source {
	listeners: Record<string, (event: MessageEvent<string>) => void> = {};
	closed = false;
	constructor(readonly url: string) {}
	addEventListener(kind: string, hear: (event: MessageEvent<string>) => void): void {
		this.listeners[kind] = hear;
	}
	close(): void {
		this.closed = true;
	}
	send(kind: string, id: string, data: unknown): void {
		this.listeners[kind]?.({ data: JSON.stringify(data), lastEventId: id } as MessageEvent<string>);
	}
}

function page() {
	const made: Fake[] = [];
	const hears: (() => void)[] = [];
	const tab = { hidden: false, addEventListener: (_: string, hear: () => void) => hears.push(hear) };
	const stream = new Stream(
		(url) => {
			const fake = new Fake(url);
			made.push(fake);
			return fake;
		},
		tab as unknown as Document,
	);
	const show = (hidden: boolean) => {
		tab.hidden = hidden;
		for (const hear of hears) hear();
	};
	return { stream, made, show };
}

describe("the stream", () => {
	it("is one connection, however many listen, and none when nobody does", () => {
		const { stream, made } = page();
		expect(made).toHaveLength(0);
		const leave = [stream.on("run", () => {}), stream.on("grid", () => {}), stream.on("run", () => {})];
		expect(made).toHaveLength(1);
		for (const one of leave) one();
		expect(made[0]?.closed).toBe(true);
	});
	it("tells each listener what it asked for", () => {
		const { stream, made } = page();
		const heard: unknown[] = [];
		stream.on("run", (data) => heard.push(data));
		made[0]?.send("run", "a-1", { id: "x" });
		made[0]?.send("grid", "a-2", { id: "y" });
		expect(heard).toEqual([{ id: "x" }]);
	});
	it("lets go while the tab is hidden, and then asks for what it missed", () => {
		const { stream, made, show } = page();
		stream.on("run", () => {});
		expect(made[0]?.url).toBe("/api/events");
		made[0]?.send("points", "a-7", {});
		show(true);
		expect(made[0]?.closed).toBe(true);
		show(false);
		expect(made).toHaveLength(2);
		expect(made[1]?.url).toBe("/api/events?since=a-7");
	});
	it("begins after what was loaded, once", () => {
		const { stream, made } = page();
		stream.on("run", () => {});
		stream.knows("a-3");
		expect(made.map((one) => [one.url, one.closed])).toEqual([
			["/api/events", true],
			["/api/events?since=a-3", false],
		]);
		stream.knows("a-9");
		expect(made).toHaveLength(2);
	});
});
