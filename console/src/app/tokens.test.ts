import { readFileSync } from "node:fs";
import path from "node:path";

import { describe, expect, it } from "vitest";

const css = readFileSync(path.join(import.meta.dirname, "tokens.css"), "utf8");
const [lightCss = "", darkCss = ""] = css.split("@media (prefers-color-scheme: dark)");

function colours(text: string): Map<string, string> {
  return new Map([...text.matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g)].map(([, name = "", value = ""]) => [name, value]));
}

const light = colours(lightCss);
const themes = { light, dark: new Map([...light, ...colours(darkCss)]) };

/** WCAG 2.2, relative luminance of an sRGB colour. */
function luminance(colour: string): number {
  const channels = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255);
  const [r = 0, g = 0, b = 0] = channels.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [dark = 0, bright = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (bright + 0.05) / (dark + 0.05);
}

const GROUNDS = ["canvas", "surface", "sunken"];
const LEVELS = ["low", "medium", "high", "critical"];

/** Foreground, and every ground on which it is put. */
const TEXT: readonly (readonly [string, readonly string[]])[] = [
  ["text", [...GROUNDS, "accent-wash", ...LEVELS.map((level) => `${level}-wash`)]],
  ["muted", [...GROUNDS, "accent-wash", ...LEVELS.map((level) => `${level}-wash`)]],
  ["accent", [...GROUNDS, "accent-wash"]],
  ["on-accent", ["accent"]],
  ["on-solid", ["high-solid", "critical-solid"]],
  ["surface", ["text"]],
  ...LEVELS.map((level) => [`${level}-text`, [...GROUNDS, "accent-wash", `${level}-wash`]] as const),
];
const GLYPHS: readonly (readonly [string, readonly string[]])[] = [
  ["good", GROUNDS],
  ["line-strong", ["canvas", "surface"]],
  ["on-accent", ["accent"]],
  ...LEVELS.map((level) => [level, [...GROUNDS, "accent-wash", `${level}-wash`]] as const),
];

describe.each(Object.entries(themes))("in the %s theme", (_, theme) => {
  function ratio(front: string, ground: string): number {
    const [a, b] = [theme.get(front), theme.get(ground)];
    if (!a || !b) throw new Error(`no such token: ${a ? ground : front}`);
    return contrast(a, b);
  }

  it.each(TEXT)("the text colour %s can be read", (front, grounds) => {
    for (const ground of grounds) expect(ratio(front, ground), `${front} on ${ground}`).toBeGreaterThanOrEqual(4.5);
  });

  it.each(GLYPHS)("the glyph colour %s can be seen", (front, grounds) => {
    for (const ground of grounds) expect(ratio(front, ground), `${front} on ${ground}`).toBeGreaterThanOrEqual(3);
  });
});

it("the dark theme gives every colour a value of its own", () => {
  const same = [...light.keys()].filter((name) => !colours(darkCss).has(name) && name !== "on-solid");
  expect(same).toEqual([]);
});
