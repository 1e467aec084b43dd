import { expect, it } from "vitest";

import { heardNext, type Heard } from "../../live/cache.ts";
import type { LiveMessage } from "../../live/messages.ts";
import { analysis, evidence, kept, partial, record, SID, stopped, turn } from "../../testing/examples.ts";
import { conversation, type Turn } from "./conversation.ts";

function heard(...messages: LiveMessage[]): Heard {
  return messages.reduce<Heard | undefined>(heardNext, undefined) ?? heardNext(undefined, { type: "heartbeat" });
}

const turns = (call: ReturnType<typeof conversation>) => call.rows.filter((row): row is Turn => row.kind === "turn");

it("stored and live words are one conversation, without a gap and without a double", () => {
  const stored = record({ transcript: [kept(), kept({ index: 1, text: "Please read me the code, now." })] });
  const call = conversation(stored, heard(turn(), turn({ index: 2, text: "And hurry." })));
  expect(turns(call).map((each) => [each.index, each.text])).toEqual([
    [0, "This is your bank."],
    [1, "Please read me the code, now."],
    [2, "And hurry."],
  ]);
});

it("words that came late stand where they belong", () => {
  const call = conversation(record({ transcript: [] }), heard(turn({ index: 2 }), turn({ index: 0 }), turn()));
  expect(turns(call).map((each) => each.index)).toEqual([0, 1, 2]);
});

it("a word put in while somebody speaks stands after the beginning of that speech", () => {
  const call = conversation(
    record({
      transcript: [kept({ index: 0, start_ms: 7_000 }), kept({ index: 1, start_ms: 200 }), kept({ index: 2, start_ms: 9_000 })],
      assessments: [
        analysis({ revision: 1, index: 0, risk_level: "low", score: 3 }),
        analysis({ revision: 2, index: 1, risk_level: "medium", score: 40 }),
        analysis({ revision: 3, index: 2, risk_level: "high", score: 70 }),
      ],
    }),
    undefined,
  );
  expect(turns(call).map((each) => [each.index, each.scoreBefore, each.score, each.rose])).toEqual([
    [1, 0, 40, true],
    [0, 40, 40, false],
    [2, 40, 70, true],
  ]);
});

it("the newest judgement holds, whichever way it came", () => {
  const older = analysis({ revision: 1, risk_level: "medium", score: 41, index: 0, evidence: [] });
  const stored = conversation(record({ assessments: [older, analysis()] }), heard(older));
  expect([stored.level, stored.score]).toEqual(["high", 76]);
  const live = conversation(record({ assessments: [older] }), heard(analysis()));
  expect([live.level, live.score]).toEqual(["high", 76]);
});

it("the risk is known at every turn, and where it rose", () => {
  const call = conversation(
    record({
      transcript: [kept(), kept({ index: 1 }), kept({ index: 2 })],
      assessments: [
        analysis({ revision: 1, index: 0, risk_level: "low", score: 9, evidence: [] }),
        analysis({ revision: 2, index: 1, risk_level: "medium", score: 50 }),
        analysis({ revision: 3, index: 1, risk_level: "high", score: 70, source: "analyst:x" }),
      ],
    }),
    undefined,
  );
  expect(turns(call).map((each) => [each.scoreBefore, each.score, each.level, each.rose])).toEqual([
    [0, 9, "low", false],
    [9, 70, "high", true],
    [70, 70, "high", false],
  ]);
});

it("evidence stands at its turn with the level at which it was first found", () => {
  const call = conversation(
    record({ transcript: [kept(), kept({ index: 1, text: "Please read me the code, now." })] }),
    heard(
      analysis({ revision: 1, risk_level: "medium" }),
      analysis({ revision: 2, risk_level: "critical" }),
    ),
  );
  expect(turns(call).map((each) => [each.evidence.length, each.evidenceLevel])).toEqual([
    [0, "low"],
    [1, "medium"],
  ]);
});

it("an analyst's quote without a place is found in the words", () => {
  const quote = evidence({ code: "analyst", label: "False bank", text: "this is your BANK", index: -1, why: "" });
  const call = conversation(record({ assessments: [analysis({ evidence: [quote] })] }), undefined);
  expect(call.findings).toMatchObject([{ label: "False bank", sinceMs: 1_000, shown: [{ index: 0 }] }]);
  const nowhere = conversation(record({ assessments: [analysis({ evidence: [{ ...quote, text: "never said" }] })] }), undefined);
  expect(nowhere.findings).toMatchObject([{ sinceMs: null, shown: [{ index: -1 }] }]);
});

it("one tactic is one finding, since its first words", () => {
  const twice = [evidence({ index: 1 }), evidence({ index: 0, text: "This is" }), evidence({ code: "urgency", label: "Pressure" })];
  const call = conversation(
    record({ transcript: [kept(), kept({ index: 1, start_ms: 6_000 })], assessments: [analysis({ evidence: twice })] }),
    undefined,
  );
  expect(call.findings.map((finding) => [finding.label, finding.sinceMs, finding.shown.length])).toEqual([
    ["Asks for a code", 1_000, 2],
    ["Pressure", 6_000, 1],
  ]);
});

it("the advice leaves out what the page shows already", () => {
  expect(conversation(record({ assessments: [analysis()] }), undefined).advice).toEqual(["Hang up."]);
  const plain = analysis({ text: "Hang up." });
  expect(conversation(record({ assessments: [plain] }), undefined).advice).toEqual(["Hang up."]);
});

it("what was not heard stands between the words, once", () => {
  const gap = { start_ms: 4_000, end_ms: 5_000, reason: "stream_lost" };
  const call = conversation(
    record({ transcript: [kept(), kept({ index: 1, start_ms: 6_000 })], gaps: [{ ...gap, role: null }] }),
    heard({ type: "call.gap", call_sid: SID, ...gap }),
  );
  expect(call.rows.map((row) => row.kind)).toEqual(["turn", "hole", "turn"]);
});

it("words still being spoken are shown while the call lives, and gone when it ends", () => {
  expect(conversation(record(), heard(partial("Please"))).partial).toEqual([{ role: "user", text: "Please" }]);
  const over = conversation(record(), heard(partial("Please"), stopped()));
  expect([over.partial, over.isLive, over.endedAt]).toEqual([[], false, "2026-03-01T10:01:00Z"]);
});

it("between the hang-up and the verdict the call is still live", () => {
  const ended = { type: "call.ended" as const, call_sid: SID, recording_id: record().recording_id };
  expect(conversation(record(), heard(ended))).toMatchObject({ isLive: true, hasHungUp: true });
  expect(conversation(record(), heard(ended, stopped()))).toMatchObject({ isLive: false, hasHungUp: false });
});

it("paused protection is told only of a call that goes on", () => {
  const ended = { type: "call.ended" as const, call_sid: SID, recording_id: record().recording_id };
  expect(conversation(record(), undefined, false).paused).toBe(true);
  expect(conversation(record(), heard(ended), false).paused).toBe(false);
  expect(conversation(record({ status: "ended" }), undefined, false).paused).toBe(false);
});

it("a call without a word or judgement is calm", () => {
  const call = conversation(record({ transcript: [] }), undefined);
  expect([call.level, call.score, call.latest, call.rows, call.advice]).toEqual(["low", 0, null, [], []]);
});
