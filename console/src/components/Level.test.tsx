import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";

import { LevelBadge } from "./Level.tsx";
import type { Level } from "./risk.ts";

it.each<[Level, string]>([
  ["low", "No signs"],
  ["medium", "Careful"],
  ["high", "Likely scam"],
  ["critical", "Scam"],
])("%s has its word and a shape of its own", (level, word) => {
  const { container } = render(<LevelBadge level={level} />);
  expect(screen.getByText(word)).toBeTruthy();
  expect(container.querySelector(`[data-glyph=${level}]`)).not.toBeNull();
});

it("no two levels share a shape", () => {
  const levels: readonly Level[] = ["low", "medium", "high", "critical"];
  const shapes = levels.map((level) => {
    const { container } = render(<LevelBadge level={level} />);
    return container.querySelector("path")?.getAttribute("d");
  });
  expect(new Set(shapes).size).toBe(4);
});
