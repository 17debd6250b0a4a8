import { describe, expect, it } from "vitest";
import { complaints, EMPTY, type Field, field, fromQuery, parts, range, read, sorted, toAsk, toQuery } from "../src/lib/recipe";

const LATENT = field("gan.latent", { type: "integer", minimum: 1, maximum: 4096, description: "Dimensions of z." });
const GAMMA = field("gan.gamma", { anyOf: [{ const: "auto", type: "string" }, { type: "number" }] });
const SIZE = field("data.size", {
	anyOf: [{ type: "integer" }, { type: "array" }, { type: "null" }],
	description: "Pixels: a side, or [height, width].",
});
const HELD = field("data.held_out", { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 0.5 });
const value = (one: Field, text: string) => read(one, text);

describe("fields", () => {
	it("are made from the schema", () => {
		expect(LATENT).toMatchObject({ kind: "integer", name: "latent", least: 1, most: 4096, optional: false });
		expect(GAMMA).toMatchObject({ kind: "number", options: ["auto"] });
		expect(SIZE).toMatchObject({ kind: "pair", optional: true });
		expect(field("gan.penalties", { type: "array", items: { enum: ["r1", "r2"] } })).toMatchObject({
			kind: "choices",
			options: ["r1", "r2"],
		});
		expect(field("data.fit", { type: "string", enum: ["crop", "pad"] })).toMatchObject({ kind: "choice" });
		expect(field("data.mirror", { type: "boolean" }).kind).toBe("boolean");
	});
	it("say their range", () => {
		expect(range(LATENT)).toBe("1 to 4,096");
		expect(range(HELD)).toBe("above 0, below 0.5");
		expect(range(GAMMA)).toBe("");
	});
	it("read what is typed", () => {
		expect(value(LATENT, " 64 ")).toEqual({ value: 64 });
		expect(value(LATENT, "0")).toEqual({ error: "Must be 1 to 4,096." });
		expect(value(LATENT, "1.5")).toEqual({ error: "Must be a whole number." });
		expect(value(LATENT, "")).toEqual({ error: "Must not be empty." });
		expect(value(GAMMA, "auto")).toEqual({ value: "auto" });
		expect(value(GAMMA, "0.1")).toEqual({ value: 0.1 });
		expect(value(GAMMA, "often")).toEqual({ error: "Must be a number, or auto." });
		expect(value(SIZE, "")).toEqual({ value: null });
		expect(value(SIZE, "32 x 48")).toEqual({ value: [32, 48] });
		expect(value(SIZE, "32")).toEqual({ value: 32 });
		expect(value(SIZE, "32 48")).toEqual({ error: "One number, or two." });
		expect(value(HELD, "0.5")).toEqual({ error: "Must be above 0, below 0.5." });
	});
	it("come in sections, the family's own first, without those asked for above", () => {
		const schema = {
			$defs: {
				Data: { properties: { source: { type: "string" }, fit: { type: "string", enum: ["crop"] } } },
				Gan: { description: "A game.", properties: { latent: { type: "integer" } } },
			},
			properties: { seed: { type: "integer" }, data: { $ref: "#/$defs/Data" }, gan: { $ref: "#/$defs/Gan" } },
		};
		const found = parts({ name: "gan", schema });
		expect(found.map((part) => [part.name, part.fields.map((one) => one.key)])).toEqual([
			["gan", ["gan.latent"]],
			["data", ["data.fit"]],
		]);
		expect(found[0]?.doc).toBe("A game.");
	});
});

describe("the server's sentences", () => {
	it("go to the field that each is about", () => {
		expect(
			sorted([
				"recipe.gan.latent: must be >= 1, got -4. Dimensions of z.",
				"recipe.train: micro must be <= batch (64), got 1000.",
				"family: 'x' is not a family.",
				"Something else broke.",
			]),
		).toEqual({
			"gan.latent": ["Must be >= 1, got -4. Dimensions of z."],
			"train.micro": ["Micro must be <= batch (64), got 1000."],
			family: ["'x' is not a family."],
			"": ["Something else broke."],
		});
	});
});

describe("the form", () => {
	it("survives its address", () => {
		const form = {
			...EMPTY,
			family: "gan",
			data: "/my photos",
			budget: "images" as const,
			amount: "5000",
			settings: { "gan.gamma": "auto", "gan.latent": 8, "data.size": [32, 48], "data.mirror": true, "train.micro": null },
		};
		expect(fromQuery(new URLSearchParams(toQuery(form)))).toEqual(form);
		expect(toQuery(EMPTY)).toBe("");
	});
	it("ignores what an address tells wrongly", () => {
		expect(fromQuery(new URLSearchParams("set=nonsense&set=gan.net=conv")).settings).toEqual({ "gan.net": "conv" });
	});
	it("asks for what was set, and nothing else", () => {
		expect(toAsk({ ...EMPTY, family: "vae" })).toEqual({ family: "vae", data: "faces", seed: 0, settings: {} });
		expect(toAsk({ ...EMPTY, family: "vae", amount: "3", name: "a" })).toMatchObject({ minutes: 3, name: "a" });
	});
	it("complains beside the field", () => {
		expect(complaints(EMPTY)).toEqual({});
		const wrong = complaints({ ...EMPTY, budget: "images", amount: "1.5", seed: "-1", data: " ", name: "../x" });
		expect(Object.keys(wrong).sort()).toEqual(["amount", "data", "name", "seed"]);
		expect(complaints({ ...EMPTY, amount: "0" }).amount).toBe("Must be above 0.");
	});
});
