/** Worst first, and steady while somebody points at the list. */
import { useState } from "react";

import { rank } from "../../components/risk.ts";
import type { LiveCall } from "../../live/cache.ts";

/** Running calls before ended ones, then by level, then by score, then the longest first. */
export function worstFirst(calls: readonly LiveCall[]): LiveCall[] {
  return [...calls].sort(
    (a, b) =>
      Number(a.ended_at !== null) - Number(b.ended_at !== null) ||
      rank(b.current_risk_level) - rank(a.current_risk_level) ||
      b.score - a.score ||
      a.started_at.localeCompare(b.started_at),
  );
}

/** The order shown so far, with what has come since at its end and without what has gone. */
export function keepOrder(shown: readonly string[], sorted: readonly LiveCall[]): LiveCall[] {
  const calls = new Map(sorted.map((call) => [call.call_sid, call]));
  const kept = shown.flatMap((sid) => calls.get(sid) ?? []);
  const known = new Set(shown);
  return [...kept, ...sorted.filter((call) => !known.has(call.call_sid))];
}

/** While `held`, nothing that is shown changes its place. */
export function useSteadyOrder(calls: readonly LiveCall[], held: boolean): LiveCall[] {
  const [shown, setShown] = useState<readonly string[]>([]);
  const sorted = worstFirst(calls);
  const ordered = held ? keepOrder(shown, sorted) : sorted;
  if (ordered.length !== shown.length || ordered.some((call, place) => call.call_sid !== shown[place])) {
    setShown(ordered.map((call) => call.call_sid));
  }
  return ordered;
}
