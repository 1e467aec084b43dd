/** The four levels of risk, in the order in which they grow. */
import type { components } from "../generated/api.ts";

export type Level = components["schemas"]["CallLine"]["current_risk_level"];
export type Danger = Exclude<Level, "low">;

const ORDER: readonly Level[] = ["low", "medium", "high", "critical"];

export function rank(level: Level): number {
  return ORDER.indexOf(level);
}

export function isDanger(level: Level): level is Danger {
  return level !== "low";
}
