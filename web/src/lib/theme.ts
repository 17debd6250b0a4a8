/** Which of the two themes is shown: the system's, unless somebody chose one. */

export type Theme = "system" | "paper" | "darkroom";
export const THEMES: readonly Theme[] = ["system", "paper", "darkroom"];
const KEY = "reverie.theme";

export function chosenTheme(): Theme {
	const kept = remembered(KEY);
	return THEMES.find((theme) => theme === kept) ?? "system";
}

export function applyTheme(theme: Theme): void {
	const root = document.documentElement;
	if (theme === "system") root.removeAttribute("data-theme");
	else root.dataset.theme = theme;
	document.dispatchEvent(new Event("themechange"));
}

export function chooseTheme(theme: Theme): void {
	remember(KEY, theme);
	applyTheme(theme);
}

/** Whether dark colours are shown now. */
export function isDark(): boolean {
	const theme = document.documentElement.dataset.theme;
	return theme ? theme === "darkroom" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** A token's value now, for what is drawn on a canvas. */
export function token(name: string): string {
	return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Storage may be refused (private windows): then nothing is remembered, and nothing breaks. */
export function remembered(key: string): string | null {
	try {
		return localStorage.getItem(key);
	} catch {
		return null;
	}
}

export function remember(key: string, value: string): void {
	try {
		localStorage.setItem(key, value);
	} catch {
		// refused: see above
	}
}
