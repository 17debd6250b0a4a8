/** The course's files as pages see them; `schema.py` says what they mean. */

/** Finished HTML, and the same in plain words. */
export interface Text {
	html: string;
	plain: string;
}

export interface Option {
	text: Text;
	right?: boolean;
	why: Text;
}

export type ComponentName =
	| "two-questions"
	| "vae-stages"
	| "reparameterisation"
	| "elbo-gauges"
	| "gan-game"
	| "failure-gallery"
	| "trade-off"
	| "latent-diffusion";

export interface Outline {
	id: string;
	number: number;
	title: Text;
	minutes: number;
	claim: Text;
	component: ComponentName;
}

export interface Draw {
	mu: number[];
	sigma: number[];
	eps: number[];
	z: number[];
}

export interface Unit extends Omit<Outline, "component"> {
	picture: { component: ComponentName; runs?: string[]; caption: Text };
	predict: { question: Text; options: Option[] };
	run: { recorded?: string | null; live?: string | null; words: Text };
	compare: Text;
	explain: { prompt: Text; model_answer: Text };
	sources: { text: Text; url?: string }[];
	worked?: Draw;
	body: Text;
}

export interface Question {
	id: string;
	unit: string;
	after?: string;
	practice?: number;
	ask: Text;
	options?: Option[];
	answer?: Text;
	points?: Text[];
}

export type Mistake = "variance" | "no-mean" | "no-noise" | "no-scale" | "minus" | "swapped";

export interface Compute {
	id: string;
	title: Text;
	unit: string;
	ask: Text;
	draw: Draw;
	tolerance: number;
	slips: { mistake: Mistake; why: Text }[];
	otherwise: Text;
	right: Text;
	fresh: { mu: number[]; sigma: number[]; eps: number[] };
}

export interface Situation {
	id: string;
	title: Text;
	ask: Text;
	answers: Record<string, string>;
	outcome: string;
	options: (Option & { family: "vae" | "gan" | "diffusion" | "ssl" })[];
}

export interface Step {
	id: string;
	ask: Text;
	options: Option[];
}

export interface Read {
	id: string;
	title: Text;
	unit: string;
	story: Text;
	recorded: string;
	beside: Text;
	steps: Step[];
	model_answer: Text;
}

export interface Fault extends Step {
	recorded: string;
	verdict: Text;
}

export interface Exercises {
	compute: Compute;
	choose: { id: string; title: Text; unit: string; ask: Text; situations: Situation[] };
	read: Read;
	faults: Fault[];
}

export interface Card {
	id: string;
	unit: string;
	front: Text;
	back: Text;
}
