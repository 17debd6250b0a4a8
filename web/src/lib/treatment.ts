/** What a treatment came to, in words. */

export interface Fork {
	id: string;
	found: boolean;
	images: number;
	codes: string[];
	evidence: Record<string, number>;
}
export interface Treated {
	code: string;
	title: string;
	from_images: number;
	remedy: Record<string, unknown>;
	helped: boolean;
	treated: Fork;
	control: Fork;
}

/** The verdict, and what to do next. */
export function verdict(told: Treated): string {
	const { treated, control } = told;
	const others = treated.codes.filter((code) => code !== told.code);
	if (told.helped && others.length) return `It helped against this; look at what else was found: ${others.join(", ")}.`;
	if (told.helped) return "It helped: the finding went away with the remedy, and stayed without it.";
	if (!treated.found && !control.found) {
		return "Neither shows it now: too early to tell, or time cured it. The remedy has proved nothing.";
	}
	if (!control.found) return "It did harm: only the treated one shows the finding. Try another finding's remedy.";
	return "It did not help in this time. Let the treated run go on, or try another finding's remedy.";
}
