import { expect, it } from "vitest";

import { filtersAddress, isFiltered, readFilters, searchAddress, serverQuery, wholeNumber } from "./filters.ts";

const read = (query: string) => readFilters(new URLSearchParams(query));

it("the address and the filters say the same", () => {
  const filters = read("level=high&number=%2B15550111&q=code&since=2026-03-01&until=2026-03-02");
  expect(filtersAddress(filters)).toBe("/history?level=high&number=%2B15550111&q=code&since=2026-03-01&until=2026-03-02");
  expect(filtersAddress(read(""))).toBe("/history");
  expect([isFiltered(filters), isFiltered(read(""))]).toEqual([true, false]);
});

it("an address that was tampered with restricts nothing", () => {
  expect(isFiltered(read("level=awful&since=yesterday&cursor=1"))).toBe(false);
});

it("days are whole days of the reader's own time", () => {
  const query = new URLSearchParams(serverQuery(read("since=2026-03-01&until=2026-03-01"), null, 50));
  expect(query.get("since")).toBe(new Date(2026, 2, 1).toISOString());
  expect(query.get("until")).toBe(new Date(2026, 2, 2).toISOString());
});

it.each([
  ["+1 555 (01) 11", "+15550111"],
  ["+56 9 0000-1234", "+56900001234"],
  ["0056 9 0000 1234", "+56900001234"],
  ["15550111", null],
  ["+1 5", null],
  ["", null],
])("the number %j is asked for as %j", (text, number) => {
  expect(wholeNumber(text)).toBe(number);
  expect(new URLSearchParams(serverQuery({ ...read(""), number: text }, null, 50)).get("number")).toBe(number);
});

it.each([
  [" +56 9 0000-1234 ", "/history?number=%2B56+9+0000-1234"],
  ["900001234", "/history?number=900001234"],
  ["safe account", "/history?q=safe+account"],
  ["911", "/history?q=911"],
])("what is typed as %j leads to %s", (text, address) => {
  expect(searchAddress(text)).toBe(address);
});

it("the next page is asked for by its cursor", () => {
  expect(serverQuery(read("level=high&q=+code+"), "abc", 20)).toBe("limit=20&cursor=abc&level=high&q=code");
});
