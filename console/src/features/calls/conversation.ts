/** One call as its page shows it: the stored record and the live words, put together. Pure. */
import type { Level } from "../../components/risk.ts";
import { rank } from "../../components/risk.ts";
import type { Gap, Heard } from "../../live/cache.ts";
import type { Analysis, Evidence, Role, SpokenTurn } from "../../live/messages.ts";
import type { CallDetail } from "./api.ts";
import { findWords } from "./marks.ts";

export interface Turn extends SpokenTurn {
  kind: "turn";
  /** The judgement after this turn, and before it: 0–100. */
  score: number;
  scoreBefore: number;
  level: Level;
  /** The level is higher than after the turn before. */
  rose: boolean;
  evidence: readonly Evidence[];
  /** The call's level when evidence in this turn was first found. */
  evidenceLevel: Level;
}

export interface Hole extends Gap {
  kind: "hole";
}

/** One tactic and everything that showed it. */
export interface Finding {
  /** Tells it from the others. */
  tactic: string;
  label: string;
  why: string;
  /** Offset of the turn that showed it first; null when it was found outside the transcript. */
  sinceMs: number | null;
  shown: readonly { text: string; index: number }[];
}

export interface Conversation {
  isLive: boolean;
  /** It is still live, but only for the last words and the verdict. */
  hasHungUp: boolean;
  status: CallDetail["status"];
  endedAt: string | null;
  level: Level;
  score: number;
  latest: Analysis | null;
  rows: readonly (Turn | Hole)[];
  partial: readonly { role: Role; text: string }[];
  findings: readonly Finding[];
  /** What to know and do, in the call's language, without what the page shows in other ways already. */
  advice: readonly string[];
  notes: readonly string[];
  paused: boolean;
}

/** `isProtected` is false while the call is not heard; the record does not tell. */
export function conversation(record: CallDetail, heard: Heard | undefined, isProtected = true): Conversation {
  const turns = byNumber(record.transcript, Object.values(heard?.turns ?? {}), (turn) => turn.index);
  const analyses = byNumber(record.assessments, Object.values(heard?.analyses ?? {}), (made) => made.revision);
  const latest = analyses.at(-1) ?? null;
  const evidence = (latest?.evidence ?? []).map((piece) => placed(piece, turns));
  const found = findings(evidence, turns);
  const status = heard?.stopped?.status ?? record.status;
  const isLive = status === "live" || status === "ringing";
  return {
    isLive,
    hasHungUp: isLive && (heard?.hung_up ?? false),
    status,
    endedAt: heard?.stopped?.ended_at ?? record.ended_at,
    level: latest?.risk_level ?? "low",
    score: latest?.score ?? 0,
    latest,
    rows: withHoles(judged(turns, analyses, evidence), gaps(record, heard)),
    partial: isLive ? speaking(heard) : [],
    findings: found,
    advice: latest ? advice(latest.text, found) : [],
    notes: latest?.notes ?? [],
    paused: isLive && !isProtected && !(heard?.hung_up ?? false),
  };
}

/** Both lists as one, each number once, in order. What came live is the newer. */
function byNumber<T>(stored: readonly T[], live: readonly T[], number: (item: T) => number): T[] {
  const items = new Map<number, T>();
  for (const item of [...stored, ...live]) items.set(number(item), item);
  return [...items.values()].sort((a, b) => number(a) - number(b));
}

function judged(
  turns: readonly SpokenTurn[],
  analyses: readonly Analysis[],
  standing: readonly Evidence[],
): Turn[] {
  const after = new Map<number, Analysis>();
  for (const made of analyses) after.set(made.index, made);
  const found = firstFound(analyses, standing);
  let level: Level = "low";
  let score = 0;
  const rows = turns.map((turn): Turn => {
    const before = { level, score };
    const judgement = after.get(turn.index);
    if (judgement) ({ risk_level: level, score } = judgement);
    const evidence = found.filter((find) => find.evidence.index === turn.index);
    return {
      ...turn,
      kind: "turn",
      score,
      scoreBefore: before.score,
      level,
      rose: rank(level) > rank(before.level),
      evidence: evidence.map((find) => find.evidence),
      evidenceLevel: evidence.reduce<Level>((worst, find) => (rank(find.level) > rank(worst) ? find.level : worst), "low"),
    };
  });
  return byClock(rows);
}

/**
 * Turns are numbered as they end, and read as they begin: somebody may have put in a word meanwhile. The curve goes
 * on without a leap: a word that was judged earlier leaves it where it is.
 */
function byClock(rows: readonly Turn[]): Turn[] {
  let newest = -1;
  let score = 0;
  return [...rows]
    .sort((a, b) => a.start_ms - b.start_ms || a.index - b.index)
    .map((turn) => {
      const scoreBefore = score;
      if (turn.index > newest) ({ index: newest, score } = turn);
      return { ...turn, scoreBefore, score };
    });
}

/** The evidence that still stands, each with the call's level when it was found. */
function firstFound(
  analyses: readonly Analysis[],
  standing: readonly Evidence[],
): { evidence: Evidence; level: Level }[] {
  const key = (piece: Evidence) => `${piece.code} ${piece.text}`;
  const levels = new Map<string, Level>();
  for (const made of analyses) {
    for (const piece of made.evidence) if (!levels.has(key(piece))) levels.set(key(piece), made.risk_level);
  }
  return standing.map((evidence) => ({ evidence, level: levels.get(key(evidence)) ?? "low" }));
}

/** Evidence without a place, such as an analyst's quote, gets the turn that holds its words. */
function placed(piece: Evidence, turns: readonly SpokenTurn[]): Evidence {
  if (piece.index >= 0) return piece;
  const turn = turns.find((spoken) => findWords(spoken.text, piece.text) !== null);
  return turn ? { ...piece, index: turn.index } : piece;
}

/** The text begins with a line for the level and one for the indicators; the reasons stand with the evidence. */
function advice(text: string, found: readonly Finding[]): string[] {
  const reasons = new Set(found.map((finding) => finding.why));
  const lines = text.split("\n");
  const isHeaded = lines.length >= 2 && lines.slice(0, 2).every((line) => /^[^:]{3,30}: /.test(line));
  return lines.slice(isHeaded ? 2 : 0).filter((line) => line.trim() && !reasons.has(line));
}

function findings(evidence: readonly Evidence[], turns: readonly SpokenTurn[]): Finding[] {
  const starts = new Map(turns.map((turn) => [turn.index, turn.start_ms]));
  const byTactic = new Map<string, Evidence[]>();
  for (const piece of evidence) {
    const tactic = `${piece.code} ${piece.label}`;
    byTactic.set(tactic, [...(byTactic.get(tactic) ?? []), piece]);
  }
  return [...byTactic].map(([tactic, pieces]) => {
    const first = pieces.reduce((a, b) => (b.index < a.index ? b : a));
    return {
      tactic,
      label: first.label,
      why: first.why,
      sinceMs: starts.get(first.index) ?? null,
      shown: pieces.map(({ text, index }) => ({ text, index })),
    };
  });
}

function gaps(record: CallDetail, heard: Heard | undefined): Hole[] {
  const holes = new Map<string, Hole>();
  for (const { start_ms, end_ms, reason } of [...record.gaps, ...(heard?.gaps ?? [])]) {
    holes.set(`${start_ms} ${end_ms} ${reason}`, { kind: "hole", start_ms, end_ms, reason });
  }
  return [...holes.values()].sort((a, b) => a.start_ms - b.start_ms);
}

/** A hole stands before the first turn that began after it. */
function withHoles(turns: readonly Turn[], holes: readonly Hole[]): (Turn | Hole)[] {
  const rows: (Turn | Hole)[] = [];
  const waiting = [...holes];
  for (const turn of turns) {
    while (waiting[0] && waiting[0].start_ms <= turn.start_ms) rows.push(...waiting.splice(0, 1));
    rows.push(turn);
  }
  return [...rows, ...waiting];
}

function speaking(heard: Heard | undefined): { role: Role; text: string }[] {
  const roles: readonly Role[] = ["user", "callee"];
  return roles.flatMap((role) => {
    const text = heard?.partial[role];
    return text ? [{ role, text }] : [];
  });
}
