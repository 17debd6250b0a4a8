/**
 * The one stream of events of this page. A browser allows six connections to a host, and every open stream holds one, so
 * a hidden tab lets go of its own; shown again it asks for what came after the last event that it knows.
 */

export type Kind = "run" | "points" | "grid" | "findings" | "job" | "reset";
const KINDS: readonly Kind[] = ["run", "points", "grid", "findings", "job", "reset"];
type Hear = (data: unknown) => void;

/** What of an EventSource is used: tests bring their own. */
export interface Source {
	addEventListener(kind: string, hear: (event: MessageEvent<string>) => void): void;
	close(): void;
}

export class Stream {
	private source: Source | null = null;
	private last = "";
	private listeners = new Map<Kind, Set<Hear>>();

	constructor(
		private readonly open: (url: string) => Source,
		private readonly page: Pick<Document, "hidden" | "addEventListener">,
	) {
		page.addEventListener("visibilitychange", () => this.settle());
	}

	/** Calls `hear` with every event of a kind, until the returned function is called. */
	on(kind: Kind, hear: Hear): () => void {
		const set = this.listeners.get(kind) ?? new Set();
		set.add(hear);
		this.listeners.set(kind, set);
		this.settle();
		return () => {
			set.delete(hear);
			this.settle();
		};
	}

	/** What was loaded holds all up to this event: those after it are asked for, unless the stream already tells of them. */
	knows(event: string | undefined): void {
		if (this.last || !event) return;
		this.last = event;
		if (!this.source) return;
		this.source.close();
		this.connect();
	}

	private settle(): void {
		const wanted = !this.page.hidden && [...this.listeners.values()].some((set) => set.size);
		if (wanted && !this.source) this.connect();
		if (!wanted && this.source) {
			this.source.close();
			this.source = null;
		}
	}

	private connect(): void {
		const source = this.open(this.last ? `/api/events?since=${encodeURIComponent(this.last)}` : "/api/events");
		this.source = source;
		for (const kind of KINDS) {
			source.addEventListener(kind, (event) => {
				if (event.lastEventId) this.last = event.lastEventId;
				const data: unknown = JSON.parse(event.data);
				for (const hear of [...(this.listeners.get(kind) ?? [])]) hear(data);
			});
		}
	}
}

let only: Stream | null = null;

/** The page's stream. */
export function stream(): Stream {
	only ??= new Stream((url) => new EventSource(url), document);
	return only;
}
