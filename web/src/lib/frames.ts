/** One loop of animation frames that runs only while there is something to do, and a count of what it showed. */

/** Calls `paint` on the next animation frame after `mark`, once however often it is marked. */
export class Loop {
	#asked = 0;

	constructor(private readonly paint: (now: number) => void) {}

	mark(): void {
		if (this.#asked) return;
		this.#asked = requestAnimationFrame((now) => {
			this.#asked = 0;
			this.paint(now);
		});
	}

	stop(): void {
		if (this.#asked) cancelAnimationFrame(this.#asked);
		this.#asked = 0;
	}
}

/** Frames a second over the last second of motion; null when nothing moves. */
export class Rate {
	#times: number[] = [];

	/** Notes a frame; `now` in milliseconds. A pause begins a new count. */
	note(now: number): void {
		const last = this.#times.at(-1);
		if (last !== undefined && now - last > 400) this.#times = [];
		this.#times.push(now);
		while (this.#times.length > 2 && now - this.#times[0]! > 1000) this.#times.shift();
	}

	value(now: number): number | null {
		const [first, last] = [this.#times[0], this.#times.at(-1)];
		if (first === undefined || last === undefined || this.#times.length < 5 || now - last > 400) return null;
		return ((this.#times.length - 1) * 1000) / (last - first);
	}
}

/** The median of the last few numbers. */
export class Recent {
	#values: number[] = [];

	constructor(private readonly most = 21) {}

	note(value: number): void {
		this.#values.push(value);
		if (this.#values.length > this.most) this.#values.shift();
	}

	forget(): void {
		this.#values = [];
	}

	get median(): number | null {
		const sorted = [...this.#values].sort((a, b) => a - b);
		const middle = sorted.length >> 1;
		if (!sorted.length) return null;
		return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
	}
}
