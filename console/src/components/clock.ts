/** Durations and instants as people read them. */
import { useEffect, useState } from "react";

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

/** The present in milliseconds since 1970, renewed every so often while `running`. */
export function useNow(running = true, everyMs = 1000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!running) return;
    const timer = window.setInterval(() => setNow(Date.now()), everyMs);
    return () => window.clearInterval(timer);
  }, [running, everyMs]);
  return now;
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
