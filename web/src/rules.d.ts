/** What the build makes of the chooser's rules: see rules-plugin.ts. */
declare module "virtual:rules" {
	const table: import("./lib/choose").Rules & { installed: { families: string[]; tasks: string[] } };
	export default table;
}
