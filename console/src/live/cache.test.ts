import { QueryClient } from "@tanstack/react-query";
import { expect, it } from "vitest";

import { analysis, line, partial, SID, stopped, turn } from "../testing/examples.ts";
import { applyMessage, callsNext, hasLeft, heardKey, heardNext, LIVE_CALLS, recordKey, type LiveCall } from "./cache.ts";

const NOW = Date.parse("2026-03-01T10:01:00Z");
const state = (...calls: ReturnType<typeof line>[]) => ({ type: "live.state" as const, calls });

it("hearing a turn or a judgement twice changes nothing", () => {
  const once = heardNext(heardNext(undefined, turn()), analysis());
  expect(heardNext(heardNext(once, turn()), analysis())).toEqual(once);
});

it("words still being spoken give way to the finished turn", () => {
  const speaking = heardNext(undefined, partial("Please read"));
  expect(speaking.partial.user).toBe("Please read");
  expect(heardNext(speaking, turn()).partial.user).toBe("");
});

it("a pause lasts until listening resumes or the call ends", () => {
  const pause = { type: "protection.paused" as const, call_sid: SID, reason: "stream_lost" };
  const paused = heardNext(undefined, pause);
  expect(paused.paused).toBe("stream_lost");
  expect(heardNext(paused, { ...pause, type: "protection.resumed" }).paused).toBeNull();
  expect(heardNext(paused, stopped()).paused).toBeNull();
});

it("a line of the list follows its call", () => {
  let calls = callsNext([], state(line()), NOW);
  for (const message of [turn(), analysis(), stopped()]) calls = callsNext(calls, message, NOW);
  expect(calls[0]).toMatchObject({
    last_words: "Please read me the code, now.",
    current_risk_level: "high",
    score: 76,
    tactic: "Asks for a code",
    status: "ended",
    ended_at: "2026-03-01T10:01:00Z",
  });
});

it("a call is listed once, however often it starts", () => {
  const started = { type: "call.started" as const, call_sid: SID, call: line() };
  expect(callsNext(callsNext([], started, NOW), started, NOW)).toHaveLength(1);
});

it("the state after a reconnection replaces the list and keeps what only we knew", () => {
  const before = callsNext(callsNext([], state(line(), line({ call_sid: "CA2" })), NOW), analysis(), NOW);
  const after = callsNext(before, state(line({ score: 80 })), NOW);
  expect(after.map((call) => [call.call_sid, call.score, call.tactic])).toEqual([[SID, 80, "Asks for a code"]]);
});

it("an ended call lingers for a moment and is then gone", () => {
  const [call] = callsNext(callsNext([], state(line()), NOW), stopped(), NOW) as [LiveCall];
  expect(hasLeft(call, NOW + 1_000)).toBe(false);
  expect(hasLeft(call, NOW + 60_000)).toBe(true);
});

it("nothing is said of a list that has not been told yet", () => {
  const client = new QueryClient();
  applyMessage(client, turn(), NOW);
  expect(client.getQueryData(LIVE_CALLS)).toBeUndefined();
  expect(client.getQueryData(heardKey(SID))).toMatchObject({ turns: { 1: { text: "Please read me the code, now." } } });
});

it("a (re)connection and a call's end have the record fetched again", () => {
  const client = new QueryClient();
  client.setQueryData(recordKey(SID), {});
  const isStale = () => client.getQueryState(recordKey(SID))?.isInvalidated;
  applyMessage(client, turn(), NOW);
  expect(isStale()).toBe(false);
  applyMessage(client, state(line()), NOW);
  expect(isStale()).toBe(true);
  client.setQueryData(recordKey(SID), {});
  applyMessage(client, stopped(), NOW);
  expect(isStale()).toBe(true);
});
