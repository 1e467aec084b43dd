/** Finding the words that are evidence inside an utterance. Pure. */
import type { Evidence } from "../../live/messages.ts";

/** A stretch of an utterance: plain, or one that shows something. */
export interface Stretch {
  text: string;
  evidence: readonly Evidence[];
}

/** Punctuation that belongs to the words before it: a tag stands after it. */
const CLOSING = /^[.,;:!?…»”"')\]]+/;

interface Span {
  start: number;
  end: number;
  evidence: Evidence[];
}

/**
 * The utterance cut into stretches, in order. Words are found whatever their case, accents and punctuation;
 * overlapping finds become one stretch. Evidence whose words cannot be found marks the whole utterance.
 */
export function markWords(text: string, evidence: readonly Evidence[]): Stretch[] {
  const spans: Span[] = [];
  for (const piece of evidence) {
    const [start, lettersEnd] = findWords(text, piece.text) ?? [0, text.length];
    const end = lettersEnd + (CLOSING.exec(text.slice(lettersEnd))?.[0].length ?? 0);
    spans.push({ start, end, evidence: [piece] });
  }
  spans.sort((a, b) => a.start - b.start || b.end - a.end);

  const stretches: Stretch[] = [];
  let at = 0;
  for (const span of merge(spans)) {
    if (span.start > at) stretches.push({ text: text.slice(at, span.start), evidence: [] });
    stretches.push({ text: text.slice(span.start, span.end), evidence: span.evidence });
    at = span.end;
  }
  if (at < text.length) stretches.push({ text: text.slice(at), evidence: [] });
  return stretches;
}

function merge(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of spans) {
    const last = merged.at(-1);
    if (last && span.start < last.end) {
      last.end = Math.max(last.end, span.end);
      last.evidence.push(...span.evidence);
    } else {
      merged.push({ ...span });
    }
  }
  return merged;
}

/** Where the words stand, as offsets into the text; null when they do not. */
export function findWords(text: string, words: string): readonly [number, number] | null {
  const needle = fold(words).letters.trim();
  if (!needle) return null;
  const { letters, origin } = fold(text);
  const at = ` ${letters} `.indexOf(` ${needle} `);
  const found = at >= 0 ? at : letters.indexOf(needle);
  if (found < 0) return null;
  const start = origin[found];
  const end = origin[found + needle.length - 1];
  return start === undefined || end === undefined ? null : [start, end + 1];
}

/** Lower case without accents, anything but letters and digits as one space; `origin` leads back to the text. */
function fold(text: string): { letters: string; origin: number[] } {
  let letters = "";
  const origin: number[] = [];
  for (let place = 0; place < text.length; place += 1) {
    const plain = text.charAt(place).normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
    const next = /^[\p{L}\p{N}]+$/u.test(plain) ? plain : " ";
    if (next === " " && letters.endsWith(" ")) continue;
    for (const letter of next) {
      letters += letter;
      origin.push(place);
    }
  }
  return { letters, origin };
}
