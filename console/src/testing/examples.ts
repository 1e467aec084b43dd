/** Invented calls for the tests, as the server would tell them. */
import type { components } from "../generated/api.ts";

type Schemas = components["schemas"];

export const SID = "CA00000000000000000000000000000001";

export function line(news: Partial<Schemas["CallLine"]> = {}): Schemas["CallLine"] {
  return {
    call_sid: SID,
    recording_id: "7d3a3c0e-0000-4000-8000-000000000001",
    caller_number: "+15550111",
    called_number: "+15550121",
    current_risk_level: "low",
    score: 3,
    indicators: [],
    is_protected: true,
    started_at: "2026-03-01T10:00:00Z",
    status: "live",
    language: "en",
    attestation: "absent",
    last_words: "",
    ...news,
  };
}

export function evidence(news: Partial<Schemas["Evidence"]> = {}): Schemas["Evidence"] {
  return {
    code: "asks_code",
    label: "Asks for a code",
    text: "read me the code",
    index: 1,
    why: "Real banks never ask for this code.",
    ...news,
  };
}

export function analysis(news: Partial<Schemas["AnalysisComplete"]> = {}): Schemas["AnalysisComplete"] {
  return {
    type: "analysis.complete",
    call_sid: SID,
    risk_level: "high",
    indicators: ["Asks for a code"],
    text: "Risk level: HIGH\nIndicators: Asks for a code\nReal banks never ask for this code.\nHang up.",
    is_danger: true,
    score: 76,
    final: false,
    uncertain: false,
    evidence: [evidence()],
    detector: "rules 1",
    source: "local",
    revision: 2,
    index: 1,
    notes: [],
    made_at: "2026-03-01T10:00:10Z",
    ...news,
  };
}

export function turn(news: Partial<Schemas["TranscriptUpdate"]> = {}): Schemas["TranscriptUpdate"] {
  return {
    type: "transcript.update",
    call_sid: SID,
    role: "user",
    text: "Please read me the code, now.",
    index: 1,
    start_ms: 6_000,
    end_ms: 9_000,
    ...news,
  };
}

export function partial(text: string): Schemas["TranscriptPartial"] {
  return { type: "transcript.partial", call_sid: SID, role: "user", text };
}

export function stopped(ended_at = "2026-03-01T10:01:00Z"): Schemas["CallStopped"] {
  return { type: "call.stopped", call_sid: SID, recording_id: line().recording_id, status: "ended", ended_at };
}

export function kept(news: Partial<Schemas["Turn"]> = {}): Schemas["Turn"] {
  return {
    role: "user",
    text: "This is your bank.",
    at: "2026-03-01T10:00:04Z",
    index: 0,
    start_ms: 1_000,
    end_ms: 4_000,
    engine: "scripted",
    confidence: null,
    ...news,
  };
}

export function record(news: Partial<Schemas["CallDetail"]> = {}): Schemas["CallDetail"] {
  const { call_sid, recording_id, caller_number, called_number, language, attestation, started_at } = line();
  return {
    call_sid,
    recording_id,
    caller_number,
    called_number,
    language,
    attestation,
    started_at,
    status: "live",
    risk_level: "low",
    score: 3,
    direction: "inbound",
    ended_at: null,
    legs: [],
    transcript: [kept()],
    assessments: [],
    alerts: [],
    gaps: [],
    timings: [],
    facts: {},
    feedback: [],
    detector: "rules 1",
    has_audio: false,
    ...news,
  };
}

export function summary(news: Partial<Schemas["CallSummary"]> = {}): Schemas["CallSummary"] {
  const { call_sid, recording_id, caller_number, called_number, language, attestation, started_at } = line();
  return {
    call_sid,
    recording_id,
    caller_number,
    called_number,
    language,
    attestation,
    started_at,
    status: "ended",
    risk_level: "high",
    score: 76,
    ended_at: "2026-03-01T10:01:00Z",
    last_words: "Please read me the code.",
    utterances: 2,
    feedback: null,
    ...news,
  };
}
