/**
 * Addresses: the studio uses paths, the course by itself `#/...`, which needs nothing of its host.
 *
 * A page is a file of pages/, named here with its pattern, and loaded when it is first shown.
 */

import type { Component } from "svelte";
import { readable } from "svelte/store";

export const COURSE_ALONE = import.meta.env.MODE === "course";

export interface Place {
	path: string;
	query: URLSearchParams;
}
// biome-ignore lint: a page decides about its own properties
type Page = { default: Component<any> };
interface Route {
	pattern: RegExp;
	load: () => Promise<Page>;
	title: string;
	/** Which entry of the navigation is current. */
	section: string;
}

const COURSE: Route[] = [
	{ pattern: /^\/course$/, load: () => import("./pages/Course.svelte"), title: "Course", section: "course" },
	{ pattern: /^\/course\/([\w-]+)$/, load: () => import("./pages/Unit.svelte"), title: "Unit", section: "course" },
	{ pattern: /^\/practice$/, load: () => import("./pages/Practice.svelte"), title: "Practice", section: "practice" },
	{ pattern: /^\/cards$/, load: () => import("./pages/Cards.svelte"), title: "Cards", section: "cards" },
	{ pattern: /^\/print$/, load: () => import("./pages/Print.svelte"), title: "Print", section: "cards" },
	{ pattern: /^\/choose$/, load: () => import("./pages/Choose.svelte"), title: "Choose", section: "choose" },
];
const STUDIO: Route[] = COURSE_ALONE
	? [{ pattern: /^\/$/, load: () => import("./pages/Course.svelte"), title: "Course", section: "course" }]
	: [
			{ pattern: /^\/$/, load: () => import("./pages/Runs.svelte"), title: "Runs", section: "runs" },
			{ pattern: /^\/runs\/([0-9a-f]+)$/, load: () => import("./pages/Run.svelte"), title: "Run", section: "runs" },
			{
				pattern: /^\/runs\/([0-9a-f]+)\/explore$/,
				load: () => import("./pages/Explore.svelte"),
				title: "Explore",
				section: "runs",
			},
			{ pattern: /^\/new$/, load: () => import("./pages/New.svelte"), title: "New training", section: "runs" },
			{ pattern: /^\/compare$/, load: () => import("./pages/Compare.svelte"), title: "Compare", section: "compare" },
		];
const ROUTES = [...STUDIO, ...COURSE];
const NOWHERE: Route = { pattern: /^/, load: () => import("./pages/Nowhere.svelte"), title: "Not found", section: "" };

export function matched(path: string): { route: Route; id: string | undefined } {
	for (const route of ROUTES) {
		const found = route.pattern.exec(path);
		if (found) return { route, id: found[1] };
	}
	return { route: NOWHERE, id: undefined };
}

/** The place in an address: of the path, or of what follows `#` when the course lies on a host of its own. */
export function placeIn(url: URL, alone = COURSE_ALONE): Place {
	const inside = alone ? new URL(url.hash.slice(1) || "/", "http://course") : url;
	return { path: inside.pathname.replace(/(.)\/+$/, "$1"), query: inside.searchParams };
}

/** What to put into `href` for a place such as "/course/the-vae?seed=3". */
export function href(to: string): string {
	return COURSE_ALONE ? `#${to}` : to;
}

/** The current place, for everything that shows it. */
export const place = readable<Place>(placeIn(new URL(location.href)), (set) => {
	const hear = () => set(placeIn(new URL(location.href)));
	addEventListener("popstate", hear);
	addEventListener("hashchange", hear);
	addEventListener("placechange", hear);
	return () => {
		removeEventListener("popstate", hear);
		removeEventListener("hashchange", hear);
		removeEventListener("placechange", hear);
	};
});

/** Goes to a place; `replace` leaves no entry to come back to, for state that changes with every drag. */
export function go(to: string, { replace = false } = {}): void {
	if (replace) history.replaceState(history.state, "", href(to));
	else history.pushState(null, "", href(to));
	dispatchEvent(new Event("placechange"));
}

/** Keeps links inside the page from loading it anew. */
export function follow(event: MouseEvent): void {
	const link = (event.target as Element).closest?.("a");
	if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
	if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
	if (COURSE_ALONE || link.pathname.startsWith("/api/") || link.pathname.startsWith("/course-data/")) return;
	if (link.pathname === location.pathname && link.search === location.search && link.hash) return;
	event.preventDefault();
	go(link.pathname + link.search + link.hash);
}
