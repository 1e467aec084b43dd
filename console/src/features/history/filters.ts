/** What the history is searched by: in the page's address, and as the server wants it. Pure. */
import type { Level } from "../../components/risk.ts";

export interface Filters {
  level: Level | "";
  number: string;
  /** Words said in the call. */
  q: string;
  /** First and last day in the reader's own time, `2026-01-31`; empty does not restrict. */
  since: string;
  until: string;
}

export const LEVELS: readonly Exclude<Level, "low">[] = ["medium", "high", "critical"];

export function readFilters(query: URLSearchParams): Filters {
  const level = query.get("level") ?? "";
  return {
    level: LEVELS.find((known) => known === level) ?? "",
    number: query.get("number") ?? "",
    q: query.get("q") ?? "",
    since: day(query.get("since")),
    until: day(query.get("until")),
  };
}

export function filtersAddress(filters: Filters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filters)) if (value) query.set(name, String(value));
  const text = query.toString();
  return text ? `/history?${text}` : "/history";
}

/** Where one field's text is looked for: as a number if it looks like one, otherwise as words. */
export function searchAddress(text: string): string {
  const isNumber = /^\+?[\d\s().-]{6,}$/.test(text.trim());
  const filters = readFilters(new URLSearchParams());
  return filtersAddress({ ...filters, [isNumber ? "number" : "q"]: text.trim() });
}

export function isFiltered(filters: Filters): boolean {
  return Object.values(filters).some(Boolean);
}

/** `+1 555 (01) 11` and `001 555 0111` → `+15550111`; null when it is not yet a whole international number. */
export function wholeNumber(text: string): string | null {
  const number = text.replace(/[\s().-]/g, "").replace(/^00/, "+");
  return /^\+[1-9]\d{6,14}$/.test(number) ? number : null;
}

/** The query of `GET /api/v1/calls`. A number that is not whole yet does not restrict. */
export function serverQuery(filters: Filters, cursor: string | null, limit: number): string {
  const query = new URLSearchParams({ limit: String(limit) });
  if (cursor) query.set("cursor", cursor);
  if (filters.level) query.set("level", filters.level);
  const number = wholeNumber(filters.number);
  if (number) query.set("number", number);
  if (filters.q.trim()) query.set("q", filters.q.trim());
  if (filters.since) query.set("since", midnight(filters.since, 0));
  if (filters.until) query.set("until", midnight(filters.until, 1));
  return query.toString();
}

/** The start of a day in the reader's time, so many days later, as an instant. */
function midnight(date: string, later: number): string {
  const [year = 0, month = 1, dayOfMonth = 1] = date.split("-").map(Number);
  return new Date(year, month - 1, dayOfMonth + later).toISOString();
}

function day(text: string | null): string {
  return text && /^\d{4}-\d{2}-\d{2}$/.test(text) ? text : "";
}
