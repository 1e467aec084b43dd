import { screen, within } from "@testing-library/react";
import { expect, it } from "vitest";

import type { LineState } from "../../live/socket.ts";
import { renderPage } from "../../testing/render.tsx";
import { serve } from "../../testing/server.ts";
import type { Stats } from "./api.ts";
import { HealthPage } from "./HealthPage.tsx";

const STATS: Stats = {
  active_calls: 2,
  calls: 1_204,
  calls_by_status: { ringing: 0, live: 2, ended: 1_201, interrupted: 1 },
  calls_by_level: { low: 1_100, medium: 50, high: 40, critical: 14 },
  utterances: 9_000,
  feedback: { scam_caught: 11, scam_missed: 1, benign_alarmed: 2, benign_passed: 28 },
  timings_ms: { utterance_end_to_shown: { count: 500, median: 420, p95: 910 } },
  detector: "rules 1",
};

interface Told {
  ready?: { status?: number; json?: unknown };
  configured?: boolean;
  stats?: Stats;
  line?: LineState;
}

function open({ ready = { json: { status: "ready" } }, configured = true, stats = STATS, line = "open" }: Told = {}): void {
  serve({
    "GET /readyz": () => ready,
    "GET /api/v1/twilio/health": () => ({ json: { status: "ok", twilio_configured: configured, active_calls: 2 } }),
    "GET /api/v1/stats": () => ({ json: stats }),
  });
  renderPage(<HealthPage line={line} />);
}

/** The row of that name once it is told, with its sign. */
async function row(name: string, state: string): Promise<string> {
  const heading = await screen.findByRole("heading", { name });
  const item = heading.closest("li") ?? heading;
  await within(item).findByRole("img", { name: state });
  return item.textContent;
}

it("all is in order, and then there is nothing to do", async () => {
  open();
  expect(await row("Server", "In order")).toContain("takes new calls");
  expect(await row("Live updates", "In order")).toContain("as things happen");
  expect(await row("Carrier", "In order")).toContain("can be verified");
  expect(await row("Speed", "In order")).toContain("0.42 seconds after they are spoken, and 95 times in 100 within 0.91 seconds");
  expect(screen.queryByText("ringfence doctor")).toBeNull();
});

it("a server that takes no calls says why, and what helps", async () => {
  open({ ready: { status: 503, json: { detail: "The database did not answer within 1 s." } } });
  const text = await row("Server", "Needs attention");
  expect(text).toContain("takes no new calls");
  expect(text).toContain("The database did not answer within 1 s.");
  expect(screen.getByText("ringfence doctor")).toBeTruthy();
});

it("a broken line and a carrier without its token are told with their remedies", async () => {
  open({ line: "waiting", configured: false });
  expect(await row("Live updates", "Needs attention")).toContain("WebSockets");
  expect(await row("Carrier", "Needs attention")).toContain("TWILIO_AUTH_TOKEN");
});

it("of a server that does not answer nothing else is known", async () => {
  serve({});
  renderPage(<HealthPage line="waiting" />);
  expect(await row("Server", "Needs attention")).toContain("does not answer");
  expect(await row("Carrier", "Not known yet")).toContain("while the server does not answer");
  expect(await row("Speed", "Not known yet")).toContain("while the server does not answer");
});

it("words that come too late are told", async () => {
  open({ stats: { ...STATS, timings_ms: { utterance_end_to_shown: { count: 9, median: 2_100, p95: 6_000 } } } });
  expect(await row("Speed", "Needs attention")).toContain("faster speech engine");
});

it("before the first call nothing is judged", async () => {
  open({ stats: { ...STATS, timings_ms: {}, feedback: { scam_caught: 0, scam_missed: 0, benign_alarmed: 0, benign_passed: 0 } } });
  expect(await row("Speed", "Not known yet")).toContain("first call");
  expect(await screen.findByText(/Nobody has said yet/)).toBeTruthy();
});

it("calls are counted by level, and people's answers against the warnings", async () => {
  open();
  const figure = async (name: string) => (await screen.findByText(name)).closest("div")?.textContent;
  expect(await figure("Kept")).toBe("Kept1,204");
  expect(await figure("Likely scam")).toBe("Likely scam40");
  expect(await figure("Scams that were warned of")).toBe("Scams that were warned of11 of 12");
  expect(await figure("Honest calls that were warned of")).toBe("Honest calls that were warned of2 of 30");
  expect(screen.getByText(/server stopped: 1\./)).toBeTruthy();
});
