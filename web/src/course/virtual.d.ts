/** What the build makes of the course's files: see course-plugin.ts. */
declare module "virtual:course/outline" {
	const outline: import("./content").Outline[];
	export default outline;
}
declare module "virtual:course/units" {
	const units: Record<string, () => Promise<{ default: import("./content").Unit }>>;
	export default units;
}
declare module "virtual:course/questions" {
	const questions: import("./content").Question[];
	export default questions;
}
declare module "virtual:course/exercises" {
	const exercises: import("./content").Exercises;
	export default exercises;
}
declare module "virtual:course/cards" {
	const cards: import("./content").Card[];
	export default cards;
}
declare module "virtual:course/maths.css";
