/**
 * Live messages become state of the query cache: the list of live calls, and what was heard of each call since
 * this page began to listen. Turns and assessments are keyed by their own numbers, so that hearing one twice
 * changes nothing; a call's page adds them to the stored record the same way.
 */
import { notifyManager, type QueryClient } from "@tanstack/react-query";

import type { Analysis, CallLine, LiveMessage, Role, SpokenTurn } from "./messages.ts";

export interface LiveCall extends CallLine {
  /** Both have hung up, and the verdict is still being made. */
  hung_up: boolean;
  ended_at: string | null;
}

export interface Gap {
  start_ms: number;
  end_ms: number;
  reason: string;
}

/** One call as the live socket told it; possibly not from its beginning. */
export interface Heard {
  turns: Readonly<Record<number, SpokenTurn>>;
  analyses: Readonly<Record<number, Analysis>>;
  /** Words still being spoken, by who speaks; empty once they are a turn. */
  partial: Readonly<Partial<Record<Role, string>>>;
  gaps: readonly Gap[];
  hung_up: boolean;
  stopped: { status: CallLine["status"]; ended_at: string | null } | null;
}

export const LIVE_CALLS = ["live", "calls"] as const;
export const RECORDS = "call";
export const heardKey = (callSid: string) => ["live", "heard", callSid] as const;
export const recordKey = (callSid: string) => [RECORDS, callSid] as const;

/** An ended call stays in the list so long, for the eye that is on it. */
const LINGER_MS = 8_000;
/** And is dropped from memory after so long: a pointer may have kept it on the screen meanwhile. */
const FORGET_MS = 120_000;

const NOTHING_HEARD: Heard = {
  turns: {},
  analyses: {},
  partial: {},
  gaps: [],
  hung_up: false,
  stopped: null,
};

export function heardNext(heard: Heard | undefined, message: LiveMessage): Heard {
  const before = heard ?? NOTHING_HEARD;
  switch (message.type) {
    case "transcript.update": {
      return {
        ...before,
        partial: { ...before.partial, [message.role]: "" },
        turns: { ...before.turns, [message.index]: message },
      };
    }
    case "transcript.partial":
      return { ...before, partial: { ...before.partial, [message.role]: message.text } };
    case "analysis.complete":
      return { ...before, analyses: { ...before.analyses, [message.revision]: message } };
    case "call.gap": {
      const { start_ms, end_ms, reason } = message;
      return { ...before, gaps: [...before.gaps, { start_ms, end_ms, reason }] };
    }
    case "call.ended":
      return { ...before, hung_up: true };
    case "call.stopped":
      return {
        ...before,
        partial: {},
        stopped: { status: message.status, ended_at: message.ended_at },
      };
    default:
      return before;
  }
}

/** `now` in milliseconds since 1970: calls that ended long enough ago leave the list with the next message. */
export function callsNext(calls: readonly LiveCall[], message: LiveMessage, now: number): readonly LiveCall[] {
  switch (message.type) {
    case "live.state": {
      const known = new Map(calls.map((call) => [call.call_sid, call]));
      return message.calls.map((line) => arrive(line, known.get(line.call_sid)));
    }
    case "call.started":
      return calls.some((call) => call.call_sid === message.call_sid)
        ? calls
        : [...calls.filter((call) => !endedBefore(call, now - FORGET_MS)), arrive(message.call, undefined)];
    case "transcript.update":
      return change(calls, message.call_sid, { last_words: message.text });
    case "analysis.complete":
      return change(calls, message.call_sid, {
        current_risk_level: message.risk_level,
        score: message.score,
        indicators: message.indicators,
      });
    case "protection.paused":
    case "protection.resumed":
      return change(calls, message.call_sid, { is_protected: message.type === "protection.resumed" });
    case "call.ended":
      return change(calls, message.call_sid, { hung_up: true });
    case "call.stopped":
      return change(calls, message.call_sid, {
        status: message.status,
        ended_at: message.ended_at ?? new Date(now).toISOString(),
      });
    default:
      return calls;
  }
}

export function hasLeft(call: LiveCall, now: number): boolean {
  return endedBefore(call, now - LINGER_MS);
}

function endedBefore(call: LiveCall, instant: number): boolean {
  return call.ended_at !== null && Date.parse(call.ended_at) < instant;
}

function arrive(line: CallLine, known: LiveCall | undefined): LiveCall {
  return { ...line, hung_up: known?.hung_up ?? false, ended_at: null };
}

function change(calls: readonly LiveCall[], callSid: string, news: Partial<LiveCall>): readonly LiveCall[] {
  return calls.map((call) => (call.call_sid === callSid ? { ...call, ...news } : call));
}

/**
 * Puts messages where the pages look, in their order, as one change: whoever looks on is told once.
 * After a (re)connection the open record is fetched again: it fills the gap.
 */
export function applyMessages(client: QueryClient, messages: readonly LiveMessage[], now: number): void {
  notifyManager.batch(() => {
    client.setQueryData<readonly LiveCall[]>(LIVE_CALLS, (known) =>
      messages.reduce<readonly LiveCall[] | undefined>(
        // Before the first state there is no list yet, and nothing to say about its calls.
        (calls, message) => (calls || message.type === "live.state" ? callsNext(calls ?? [], message, now) : calls),
        known,
      ),
    );
    for (const [callSid, news] of byCall(messages)) {
      client.setQueryData<Heard>(heardKey(callSid), (heard) => news.reduce<Heard | undefined>(heardNext, heard));
    }
    for (const message of messages) {
      if (message.type === "live.state") void client.invalidateQueries({ queryKey: [RECORDS] });
      if (message.type === "call.stopped") void client.invalidateQueries({ queryKey: recordKey(message.call_sid) });
    }
  });
}

function byCall(messages: readonly LiveMessage[]): Map<string, LiveMessage[]> {
  const calls = new Map<string, LiveMessage[]>();
  for (const message of messages) {
    if (!("call_sid" in message) || message.type === "call.started") continue;
    const news = calls.get(message.call_sid);
    if (news) news.push(message);
    else calls.set(message.call_sid, [message]);
  }
  return calls;
}
