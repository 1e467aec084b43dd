import { expect, it } from "vitest";

import { duration, relative } from "./clock.ts";

it.each([
  [0, "00:00"],
  [83_400, "01:23"],
  [3_723_000, "1:02:03"],
  [-5, "00:00"],
])("%d ms are written as %s", (ms, text) => {
  expect(duration(ms)).toBe(text);
});

it("an instant is told in the largest unit that fits, in the reader's language", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  expect(relative("2026-03-01T11:55:00Z", now, "en")).toBe("5 min. ago");
  expect(relative("2026-02-27T12:00:00Z", now, "es")).toBe("anteayer");
  expect(relative("2026-03-01T11:59:40Z", now, "en")).toBe("now");
  expect(relative("2025-12-24T12:00:00Z", now, "en")).toBe("Dec 24, 2025");
});
