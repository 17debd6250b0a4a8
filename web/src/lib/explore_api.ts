/** What the explorer asks of the studio. */

import { get, post, Refused } from "./api";

export interface Dimension {
	index: number;
	/** In nats an image; null where the model has no likelihood. */
	kl: number | null;
	std: number;
	active: boolean;
}

export interface Model {
	can: string[];
	latent_dim: number;
	num_classes: number;
	labels: string[];
	names: { run: string; family: string; data: string };
	images: number;
	height: number;
	width: number;
	channels: number;
	kind: string;
	decoder: { where: "page" | "server"; url: string | null; bytes: number | null; why: string };
	encoder: boolean;
	inverts: boolean;
}

export interface HeldOut {
	count: number;
	indices: number[];
	labels: string[];
	sheet: string | null;
	tile: { width: number; height: number; columns: number };
}

export interface Encoded {
	latent: number[];
	original: string;
	reconstruction: string;
	how: "encoder" | "inversion";
	ms: number;
}

export interface Step {
	name: string;
	latent: number[];
	strength: number;
	n: number;
	note: string;
}

/** Sends a picture as it is. */
async function send<T>(path: string, image: Blob, signal: AbortSignal): Promise<T> {
	const headers = { "content-type": image.type || "application/octet-stream" };
	const answer = await fetch(path, { method: "POST", headers, body: image, signal });
	const told = await answer.json().catch(() => null);
	if (!answer.ok) throw new Refused(answer.status, told?.error ?? `The studio refused (${answer.status}).`);
	return told as T;
}

/** The questions about one run. */
export function explorer(id: string) {
	const base = `/api/runs/${id}`;
	return {
		model: () => get<Model>(`${base}/model`),
		dims: async () => (await get<{ dims: Dimension[] }>(`${base}/dims`)).dims,
		latents: async (seeds: number[]) => (await get<{ latents: number[][] }>(`${base}/latents?seeds=${seeds.join(",")}`)).latents,
		directions: () => get<{ directions: Step[]; source: string }>(`${base}/directions`),
		heldOut: (first: number, count: number, label: number | null) =>
			get<HeldOut>(`${base}/held-out?first=${first}&count=${count}${label === null ? "" : `&label=${label}`}`),
		encode: (image: Blob, label: number | null, signal: AbortSignal) =>
			send<Encoded>(`${base}/encode${label === null ? "" : `?label=${label}`}`, image, signal),
		/** The latent of a member of a set: h12 is a held-out image, l2 every image of a class. */
		member: async (name: string) => {
			const number = Number(name.slice(1));
			const of = name.startsWith("l") ? { label: number } : { held_out: [number] };
			return (await post<{ latent: number[] }>(`${base}/mean`, of)).latent;
		},
		decodeUrl: `${base}/decode`,
	};
}

export type Explorer = ReturnType<typeof explorer>;
