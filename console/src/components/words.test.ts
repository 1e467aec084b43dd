import { expect, it } from "vitest";

import { en } from "./words.en.ts";
import { es } from "./words.es.ts";
import { chooseTongue } from "./words.tsx";

it("the reader's first known language is spoken, with its region for dates", () => {
  expect(chooseTongue(["fr-FR", "es-CL", "en"])).toEqual({ words: es, locale: "es-CL" });
});

it("English is spoken to everybody else", () => {
  expect(chooseTongue(["fr", "de"]).words).toBe(en);
});

/** Every sentence with the way to it; functions are asked with values that show up again. */
function sentences(words: object, way = ""): [string, string][] {
  return Object.entries(words).flatMap(([name, value]: [string, unknown]) => {
    if (typeof value === "string") return [[way + name, value]];
    if (typeof value === "function") return [[way + name, String((value as (...parts: unknown[]) => unknown)(1, 2, 3))]];
    return typeof value === "object" && value ? sentences(value, `${way}${name}.`) : [];
  });
}

/** Words that are the same in both languages. */
const SAME = new Set(["product", "header.roles.ivr", "alarm.title"]);

it("every sentence is written in Spanish too", () => {
  const english = new Map(sentences(en));
  const untranslated = sentences(es).filter(([way, text]) => english.get(way) === text && !SAME.has(way));
  expect(untranslated).toEqual([]);
  expect(sentences(es).map(([way]) => way)).toEqual([...english.keys()]);
});

it.each([
  ["English", en],
  ["Spanish", es],
])("nothing is empty, shouts, or talks of AI in %s", (_, words) => {
  for (const [way, text] of sentences(words)) {
    expect(text.trim(), way).not.toBe("");
    expect(text, way).not.toMatch(/!|¡|\b(AI|IA)\b/);
  }
});
