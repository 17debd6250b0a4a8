/**
 * Whose turn it is at a decoder that does one thing at a time.
 *
 * What a person waits for (`now`) goes first, and only its newest request counts: an older one that has not begun is
 * dropped. Everything else (`later`) is done in small pieces in between, and a new list of the same name replaces the
 * pieces of the old one that have not begun. Dropped work resolves to null.
 */

interface Waiting<Q, A> {
	question: Q;
	resolve: (answer: A | null) => void;
	reject: (error: unknown) => void;
}

export class Turns<Q, A> {
	#newest: Waiting<Q, A> | null = null;
	#others = new Map<string, Waiting<Q, A>[]>();
	#busy = false;
	#closed = false;
	#sequence = 0;

	constructor(private readonly work: (question: Q, sequence: number) => Promise<A>) {}

	/** The answer, or null when a newer question came before this one had its turn. */
	now(question: Q): Promise<A | null> {
		this.#newest?.resolve(null);
		return new Promise((resolve, reject) => {
			this.#newest = { question, resolve, reject };
			this.#next();
		});
	}

	/** The answers in order, each null when its list was replaced before its turn. */
	later(name: string, questions: Q[]): Promise<A | null>[] {
		this.drop(name);
		const list: Waiting<Q, A>[] = [];
		const answers = questions.map(
			(question) => new Promise<A | null>((resolve, reject) => list.push({ question, resolve, reject })),
		);
		this.#others.set(name, list);
		this.#next();
		return answers;
	}

	/** Forgets what a list has not begun. */
	drop(name: string): void {
		for (const waiting of this.#others.get(name) ?? []) waiting.resolve(null);
		this.#others.delete(name);
	}

	/** Drops everything that has not begun, and takes nothing more. */
	close(): void {
		this.#closed = true;
		this.#newest?.resolve(null);
		this.#newest = null;
		for (const name of [...this.#others.keys()]) this.drop(name);
	}

	get idle(): boolean {
		return !this.#busy && this.#newest === null && this.#others.size === 0;
	}

	#take(): Waiting<Q, A> | null {
		const newest = this.#newest;
		this.#newest = null;
		if (newest) return newest;
		for (const [name, list] of this.#others) {
			const first = list.shift();
			if (list.length === 0) this.#others.delete(name);
			if (first) return first;
		}
		return null;
	}

	#next(): void {
		if (this.#busy) return;
		const taken = this.#take();
		if (!taken) return;
		if (this.#closed) {
			taken.resolve(null);
			return this.#next();
		}
		this.#busy = true;
		this.work(taken.question, ++this.#sequence)
			.then(taken.resolve, taken.reject)
			.finally(() => {
				this.#busy = false;
				this.#next();
			});
	}
}
