import { QueryClient, QueryObserver, skipToken } from "@tanstack/react-query";
import { expect, it, vi } from "vitest";

import { analysis, line, partial, SID, stopped, turn } from "../testing/examples.ts";
import { applyMessages, callsNext, hasLeft, heardKey, heardNext, LIVE_CALLS, recordKey, type Heard, type LiveCall } from "./cache.ts";

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

it("a pause lasts until listening resumes", () => {
  const pause = { type: "protection.paused" as const, call_sid: SID, reason: "no_audio" };
  const paused = callsNext(callsNext([], state(line()), NOW), pause, NOW);
  expect(paused[0]?.is_protected).toBe(false);
  expect(callsNext(paused, { ...pause, type: "protection.resumed" }, NOW)[0]?.is_protected).toBe(true);
});

it("a line of the list follows its call", () => {
  let calls = callsNext([], state(line()), NOW);
  for (const message of [turn(), analysis(), stopped()]) calls = callsNext(calls, message, NOW);
  expect(calls[0]).toMatchObject({
    last_words: "Please read me the code, now.",
    current_risk_level: "high",
    score: 76,
    indicators: ["Asks for a code"],
    status: "ended",
    ended_at: "2026-03-01T10:01:00Z",
  });
});

it("a call is listed once, however often it starts", () => {
  const started = { type: "call.started" as const, call_sid: SID, call: line() };
  expect(callsNext(callsNext([], started, NOW), started, NOW)).toHaveLength(1);
});

it("the state after a reconnection replaces the list and keeps what only we knew", () => {
  const ended = { type: "call.ended" as const, call_sid: SID, recording_id: line().recording_id };
  const before = callsNext(callsNext([], state(line(), line({ call_sid: "CA2" })), NOW), ended, NOW);
  const after = callsNext(before, state(line({ score: 80, is_protected: false })), NOW);
  expect(after.map((call) => [call.call_sid, call.score, call.is_protected, call.hung_up])).toEqual([[SID, 80, false, true]]);
});

it("what a message does not concern keeps its identity, so that it is not drawn again", () => {
  const calls = callsNext([], state(line(), line({ call_sid: "CA2" })), NOW);
  const after = callsNext(calls, analysis(), NOW);
  expect(after[0]).not.toBe(calls[0]);
  expect(after[1]).toBe(calls[1]);
});

it("many messages are one change", async () => {
  const client = new QueryClient();
  applyMessages(client, [state(line())], NOW);
  const changes = vi.fn();
  new QueryObserver(client, { queryKey: LIVE_CALLS, queryFn: skipToken }).subscribe(changes);
  applyMessages(client, [turn(), analysis(), turn({ index: 2, text: "Hurry." })], NOW);
  await vi.waitFor(() => expect(changes).toHaveBeenCalled());
  expect(changes).toHaveBeenCalledOnce();
  expect(client.getQueryData<LiveCall[]>(LIVE_CALLS)).toMatchObject([{ last_words: "Hurry.", score: 76 }]);
  expect(Object.keys(client.getQueryData<Heard>(heardKey(SID))?.turns ?? {})).toEqual(["1", "2"]);
});

it("an ended call lingers for a moment and is then gone", () => {
  const [call] = callsNext(callsNext([], state(line()), NOW), stopped(), NOW) as [LiveCall];
  expect(hasLeft(call, NOW + 1_000)).toBe(false);
  expect(hasLeft(call, NOW + 60_000)).toBe(true);
});

it("nothing is said of a list that has not been told yet", () => {
  const client = new QueryClient();
  applyMessages(client, [turn()], NOW);
  expect(client.getQueryData(LIVE_CALLS)).toBeUndefined();
  expect(client.getQueryData(heardKey(SID))).toMatchObject({ turns: { 1: { text: "Please read me the code, now." } } });
});

it("a (re)connection and a call's end have the record fetched again", () => {
  const client = new QueryClient();
  client.setQueryData(recordKey(SID), {});
  const isStale = () => client.getQueryState(recordKey(SID))?.isInvalidated;
  applyMessages(client, [turn()], NOW);
  expect(isStale()).toBe(false);
  applyMessages(client, [state(line())], NOW);
  expect(isStale()).toBe(true);
  client.setQueryData(recordKey(SID), {});
  applyMessages(client, [stopped()], NOW);
  expect(isStale()).toBe(true);
});
