import { expect, it } from "vitest";

import { Rises } from "./rises.ts";

it("each level of a call is told once, on the way up only", () => {
  const rises = new Rises(window.sessionStorage);
  const told = (["low", "medium", "medium", "low", "medium", "critical", "high", "critical"] as const).map((level) =>
    rises.take("CA1", level),
  );
  expect(told).toEqual([null, "medium", null, null, null, "critical", null, null]);
});

it("calls are told apart", () => {
  const rises = new Rises(window.sessionStorage);
  rises.take("CA1", "high");
  expect(rises.take("CA2", "high")).toBe("high");
});

it("a reload of the page tells nothing twice", () => {
  new Rises(window.sessionStorage).take("CA1", "high");
  const again = new Rises(window.sessionStorage);
  expect(again.take("CA1", "high")).toBeNull();
  expect(again.take("CA1", "critical")).toBe("critical");
});

it("spoilt memory is forgotten instead of silencing everything", () => {
  window.sessionStorage.setItem("ringfence.told", "{not json");
  expect(new Rises(window.sessionStorage).take("CA1", "high")).toBe("high");
});

it("the memory stays small", () => {
  const rises = new Rises(window.sessionStorage);
  for (let call = 0; call < 700; call += 1) rises.take(`CA${call}`, "high");
  expect(JSON.parse(window.sessionStorage.getItem("ringfence.told") ?? "[]")).toHaveLength(500);
});
