import { beforeEach, expect, it, vi } from "vitest";

import { perFrame } from "./frames.ts";

let delivered: (readonly number[])[];
let frames: (() => void)[];

beforeEach(() => {
  delivered = [];
  frames = [];
  vi.useFakeTimers();
  vi.stubGlobal("requestAnimationFrame", (run: () => void) => frames.push(run));
  vi.stubGlobal("cancelAnimationFrame", (place: number) => frames.splice(place - 1, 1));
});

const gatherer = () => perFrame<number>((items) => delivered.push(items));

it("everything of one frame is delivered together, in order", () => {
  const { add } = gatherer();
  [1, 2, 3].forEach(add);
  expect(delivered).toEqual([]);
  frames[0]?.();
  add(4);
  frames[0]?.();
  expect(delivered).toEqual([[1, 2, 3], [4]]);
});

it("without frames it waits for a moment only", () => {
  const { add } = gatherer();
  add(1);
  vi.advanceTimersByTime(100);
  expect(delivered).toEqual([[1]]);
  expect(frames).toEqual([]);
});

it("a page that nobody sees is told at once", () => {
  const { add } = gatherer();
  vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
  add(1);
  expect(delivered).toEqual([[1]]);
});

it("nothing is delivered after the end", () => {
  const { add, close } = gatherer();
  add(1);
  close();
  vi.advanceTimersByTime(1_000);
  expect(delivered).toEqual([]);
});
