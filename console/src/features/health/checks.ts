/** What is well and what is not, from what the server and the live line tell. Pure. */
import type { Words } from "../../components/words.en.ts";
import { HttpError } from "../../live/http.ts";
import type { LineState } from "../../live/socket.ts";
import type { Stats } from "./api.ts";

/** `unknown` is not asked yet, or nothing is there to judge by. */
export type State = "good" | "bad" | "unknown";

export interface Check {
  name: keyof Words["health"]["checks"];
  state: State;
  says: string;
  /** What helps; empty when nothing need be done. */
  remedy: string;
  /** What the server itself says of it, in English. */
  detail: string;
}

export interface Answers {
  ready: { isSuccess: boolean; error: Error | null };
  line: LineState;
  isCarrierConfigured: boolean | undefined;
  stats: Stats | undefined;
}

/** Words that are on the screen later than this, five times in a hundred, are too late to warn in time. */
export const SLOW_MS = 3_000;
const SPEED = "utterance_end_to_shown";

export function checks({ ready, line, isCarrierConfigured, stats }: Answers, words: Words, locale: string): Check[] {
  const silence = ready.error ? words.health.unknown : words.loading;
  return [
    server(ready, words),
    liveLine(line, words),
    carrier(isCarrierConfigured, silence, words),
    speed(stats, silence, words, locale),
  ];
}

function server({ isSuccess, error }: Answers["ready"], words: Words): Check {
  const { server: say } = words.health.checks;
  if (error instanceof HttpError && error.status === 503) return bad("server", say.closed, say.closedRemedy, error.message);
  if (error) return bad("server", say.down, say.downRemedy);
  return isSuccess ? good("server", say.good) : unknown("server", words.loading);
}

function liveLine(line: LineState, words: Words): Check {
  const { line: say } = words.health.checks;
  if (line === "waiting") return bad("line", say.lost, say.lostRemedy);
  return line === "open" ? good("line", say.good) : unknown("line", say.connecting);
}

function carrier(isConfigured: boolean | undefined, silence: string, words: Words): Check {
  const { carrier: say } = words.health.checks;
  if (isConfigured === undefined) return unknown("carrier", silence);
  return isConfigured ? good("carrier", say.good) : bad("carrier", say.missing, say.missingRemedy);
}

function speed(stats: Stats | undefined, silence: string, words: Words, locale: string): Check {
  if (!stats) return unknown("speed", silence);
  const { speed: say } = words.health.checks;
  const measured = stats.timings_ms[SPEED];
  if (!measured?.count) return unknown("speed", say.none);
  const format = new Intl.NumberFormat(locale, {
    style: "unit",
    unit: "second",
    unitDisplay: "long",
    maximumSignificantDigits: 2,
  });
  const told = say.measured(format.format(measured.median / 1_000), format.format(measured.p95 / 1_000));
  return measured.p95 > SLOW_MS ? bad("speed", told, say.slowRemedy) : good("speed", told);
}

const good = (name: Check["name"], says: string): Check => ({ name, state: "good", says, remedy: "", detail: "" });
const unknown = (name: Check["name"], says: string): Check => ({ ...good(name, says), state: "unknown" });
const bad = (name: Check["name"], says: string, remedy: string, detail = ""): Check => ({
  name,
  state: "bad",
  says,
  remedy,
  detail,
});
