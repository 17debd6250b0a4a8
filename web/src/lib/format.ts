/** Numbers and times in words: never more digits than help, units always. */

/** 1234567 -> "1,234,567"; 0.01234 -> "0.0123"; three significant digits for what is not a count. */
export function number(value: number | null | undefined, digits = 3): string {
	if (value === null || value === undefined || !Number.isFinite(value)) return "–";
	if (value === 0) return "0";
	const size = Math.abs(value);
	if (size >= 1e7 || size < 1e-4) return value.toExponential(digits - 1).replace("e+", "e");
	const after = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
	return value.toLocaleString("en", { maximumFractionDigits: Math.min(after, 6) });
}

/** 1234567 -> "1.23 M", for the head of a column. */
export function short(value: number): string {
	for (const [size, letter] of [
		[1e9, "G"],
		[1e6, "M"],
		[1e3, "k"],
	] as const) {
		if (Math.abs(value) >= size) return `${number(value / size)} ${letter}`;
	}
	return number(value);
}

/** A number beside an axis, which has room for a few letters: 0.0001 -> "1e-4". */
export function tick(value: number): string {
	return value !== 0 && Math.abs(value) < 1e-3 ? Number(value.toPrecision(3)).toExponential() : short(value);
}

/** A value with its error, to the error's first two digits: "12.41 ± 0.62". */
export function withError(value: number, se: number | null | undefined): string {
	if (!se || !Number.isFinite(se)) return number(value, 4);
	const after = Math.min(6, Math.max(0, 1 - Math.floor(Math.log10(se))));
	const fixed = (x: number) => x.toLocaleString("en", { minimumFractionDigits: after, maximumFractionDigits: after });
	return `${fixed(value)} ± ${fixed(se)}`;
}

/** 75 -> "1 min 15 s"; 7300 -> "2 h 1 min". */
export function duration(seconds: number): string {
	const s = Math.max(0, Math.round(seconds));
	if (s < 60) return `${s} s`;
	if (s < 3600) return `${Math.floor(s / 60)} min${s % 60 ? ` ${s % 60} s` : ""}`;
	return `${Math.floor(s / 3600)} h${Math.floor((s % 3600) / 60) ? ` ${Math.floor((s % 3600) / 60)} min` : ""}`;
}

/** About how long: "74 s", "12 min", "1.5 h". */
export function roughly(seconds: number): string {
	if (seconds < 90) return `${Math.round(seconds)} s`;
	return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${number(seconds / 3600, 2)} h`;
}

/** How long ago, from seconds since 1970. */
export function age(modified: number, now = Date.now() / 1000): string {
	const s = now - modified;
	if (s < 90) return "now";
	if (s < 5400) return `${Math.round(s / 60)} min`;
	if (s < 129600) return `${Math.round(s / 3600)} h`;
	return `${Math.round(s / 86400)} d`;
}

const NAMES: Record<string, string> = {
	elbo: "ELBO",
	frechet: "Fréchet distance",
	kl: "KL",
	mse: "MSE",
	ndb: "NDB",
	nll: "NLL",
	vendi: "Vendi score",
};

/** "held_out_nll_nats" -> "held-out NLL", "critic.logit_real" -> "logit real". */
export function spoken(name: string): string {
	return (name.split(".").at(-1) ?? name)
		.replace(/_(nats|px|ms)$/, "")
		.replaceAll("held_out", "held-out")
		.split("_")
		.map((word) => NAMES[word] ?? word)
		.join(" ");
}
