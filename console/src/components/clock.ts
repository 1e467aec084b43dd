/** Durations and instants as people read them. */
import { useSyncExternalStore } from "react";

/** `83_000` → `01:23`; from an hour on, `1:02:03`. */
export function duration(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000));
  const seconds = String(total % 60).padStart(2, "0");
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3600);
  return hours > 0
    ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}`
    : `${String(minutes).padStart(2, "0")}:${seconds}`;
}

/** One clock for all who look at it, so that a long list moves in one step; it stands still while nobody looks. */
class Clock {
  readonly #everyMs: number;
  readonly #watchers = new Set<() => void>();
  #timer = 0;
  #now = 0;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  readonly watch = (tell: () => void): (() => void) => {
    if (this.#watchers.size === 0) this.#timer = window.setInterval(() => this.#tick(), this.#everyMs);
    this.#watchers.add(tell);
    return () => {
      this.#watchers.delete(tell);
      if (this.#watchers.size === 0) window.clearInterval(this.#timer);
    };
  };

  readonly read = (): number => {
    // Nobody has looked for a while; from the first look on, only a tick moves the hand.
    if (this.#watchers.size === 0 && Math.abs(Date.now() - this.#now) >= this.#everyMs) this.#now = Date.now();
    return this.#now;
  };

  #tick(): void {
    this.#now = Date.now();
    for (const tell of this.#watchers) tell();
  }
}

const clocks = new Map<number, Clock>();

function clock(everyMs: number): Clock {
  const known = clocks.get(everyMs) ?? new Clock(everyMs);
  clocks.set(everyMs, known);
  return known;
}

const standStill = () => () => undefined;

/** The present in milliseconds since 1970, renewed every so often while `running`. */
export function useNow(running = true, everyMs = 1000): number {
  const { watch, read } = clock(everyMs);
  return useSyncExternalStore(running ? watch : standStill, read);
}

const DAY_MS = 86_400_000;
const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["day", DAY_MS],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** From so many days on, the date says more than their number. */
const DAYS_COUNTED = 7;

/** `5 minutes ago`, in the reader's language; below a minute, `now`; after a week, the date. */
export function relative(instant: string, now: number, language: string): string {
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const age = Date.parse(instant) - now;
  if (Math.abs(age) >= DAYS_COUNTED * DAY_MS) {
    return new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(new Date(instant));
  }
  for (const [unit, ms] of STEPS) {
    if (Math.abs(age) >= ms) return format.format(Math.round(age / ms), unit);
  }
  return format.format(0, "second");
}

export function absolute(instant: string, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(instant));
}
