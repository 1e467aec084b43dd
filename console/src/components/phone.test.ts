import { expect, it } from "vitest";

import { formatNumber } from "./phone.ts";

it.each([
  ["+12025550143", "+1 202 555 0143"],
  ["+15550111", "+1 555 0111"],
  ["+56900001234", "+56 9 0000 1234"],
  ["+34600000000", "+34 600 000 000"],
  ["anonymous", "anonymous"],
  ["sip:desk@example.org", "sip:desk@example.org"],
])("%s is shown as %s", (number, shown) => {
  expect(formatNumber(number).replaceAll("\u00a0", " ")).toBe(shown);
});

it("a number of another plan keeps all its digits", () => {
  expect(formatNumber("+4930123456").replace(/\D/g, "")).toBe("4930123456");
});
