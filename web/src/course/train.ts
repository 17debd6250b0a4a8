/** From a command to the form that starts the same training. */

/** The place of the studio's form, filled in as a `reverie train ...` command says; null for other commands. */
export function formFor(command: string): string | null {
	const [program, verb, family, data, ...rest] = command.trim().split(/\s+/);
	if (program !== "reverie" || verb !== "train" || !family || !data) return null;
	const query = new URLSearchParams({ family, data });
	for (let i = 0; i + 1 < rest.length; i += 2) {
		const [flag, value] = [rest[i]!, rest[i + 1]!];
		if (flag === "--set") query.append("set", value);
		else if (flag === "--run") query.set("name", value.replace(/^runs\//, ""));
		else if (flag.startsWith("--")) query.set(flag.slice(2), value);
	}
	return `/new?${query}`;
}
