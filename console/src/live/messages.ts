/** What the live socket says, read from text. Unknown messages are left alone: a newer server may send more. */
import type { components } from "../generated/api.ts";

type Schemas = components["schemas"];

export type CallLine = Schemas["CallLine"];
export type Analysis = Schemas["AnalysisComplete"];
export type SpokenTurn = Schemas["SpokenTurn"];
export type Evidence = Schemas["Evidence"];
export type Role = SpokenTurn["role"];

export type LiveMessage = Schemas["LiveMessage"];

/** Each type, and the fields without which it cannot be used. */
const NEEDED: Record<LiveMessage["type"], Record<string, "string" | "number" | "object">> = {
  "live.state": { calls: "object" },
  "call.started": { call: "object", call_sid: "string" },
  "transcript.update": { call_sid: "string", role: "string", text: "string", index: "number" },
  "transcript.partial": { call_sid: "string", role: "string", text: "string" },
  "analysis.complete": { call_sid: "string", risk_level: "string", indicators: "object", evidence: "object", revision: "number" },
  "protection.paused": { call_sid: "string" },
  "protection.resumed": { call_sid: "string" },
  "call.ended": { call_sid: "string" },
  "call.gap": { call_sid: "string", start_ms: "number", end_ms: "number" },
  "call.stopped": { call_sid: "string" },
  heartbeat: {},
};

/** Null: not one of ours, or cut short. */
export function parseMessage(text: string): LiveMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || !("type" in value)) return null;
  const needed = Object.hasOwn(NEEDED, String(value.type)) ? NEEDED[value.type as LiveMessage["type"]] : null;
  if (!needed) return null;
  const fields = value as Record<string, unknown>;
  const isWhole = Object.entries(needed).every(([name, kind]) => typeof fields[name] === kind && fields[name] !== null);
  return isWhole ? (value as LiveMessage) : null;
}
