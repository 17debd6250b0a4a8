/** What every living picture is given. */

import type { ComponentName, Unit } from "../content";

export interface PictureProps {
	unit: Unit;
	seed: number;
	/** Controls that a teacher has taken away. */
	hidden: ReadonlySet<string>;
	/** Counts up each time the learner presses Run: the picture then shows what was predicted. */
	run: number;
}

/** The controls of each picture that `?hide=` may name. */
export const CONTROLS: Record<ComponentName, readonly string[]> = {
	"two-questions": ["sample", "draw", "table"],
	"vae-stages": ["again", "skip", "sliders", "table"],
	reparameterisation: ["switch", "numbers", "redraw", "table"],
	"elbo-gauges": ["beta", "doctor", "table"],
	"gan-game": ["steps", "play", "objective", "draw", "recorded", "table"],
	"failure-gallery": ["tabs", "time", "faults", "table"],
	"trade-off": ["time", "strip", "table"],
	"latent-diffusion": ["passes", "table"],
};

/** Controls of the page itself. */
export const PAGE_CONTROLS = ["predict", "run", "compare", "explain", "train", "questions", "lesson-link"] as const;
