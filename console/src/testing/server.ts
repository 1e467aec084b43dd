/** A server of a few answers in the place of `fetch`, and what was asked of it. */
import { vi } from "vitest";

export interface Asked {
  method: string;
  path: string;
  body: unknown;
}

type Answer = (asked: Asked) => { status?: number; json?: unknown };

/** Keys such as `GET /api/v1/auth/me`; the path may be longer (a query). Anything else is 404. */
export function serve(answers: Record<string, Answer>): Asked[] {
  const all: Asked[] = [];
  vi.stubGlobal("fetch", (path: string, init: RequestInit = {}) => {
    const body: unknown = typeof init.body === "string" ? JSON.parse(init.body) : null;
    const asked = { method: init.method ?? "GET", path, body };
    all.push(asked);
    const key = Object.keys(answers).find((known) => `${asked.method} ${path}`.split("?")[0] === known);
    const answer = key === undefined ? undefined : answers[key];
    const { status = 200, json } = answer?.(asked) ?? { status: 404, json: { detail: "nothing here" } };
    return Promise.resolve(
      status === 204 ? new Response(null, { status }) : new Response(JSON.stringify(json), { status }),
    );
  });
  return all;
}
