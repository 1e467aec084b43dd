/** Which rises of which calls have been told already: once for each level of a call, also across a reload. */
import { isDanger, rank, type Danger, type Level } from "../components/risk.ts";

const KEY = "ringfence.told";
/** Calls remembered at most; the oldest are forgotten first. */
const MOST = 500;

export class Rises {
  readonly #store: Storage;
  readonly #told: Map<string, Level>;

  constructor(store: Storage) {
    this.#store = store;
    this.#told = new Map(read(store));
  }

  /** The level, if it is a danger and higher than everything told of this call; then it counts as told. */
  take(callSid: string, level: Level): Danger | null {
    if (!isDanger(level) || rank(level) <= rank(this.#told.get(callSid) ?? "low")) return null;
    this.#told.delete(callSid);
    this.#told.set(callSid, level);
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= MOST) break;
      this.#told.delete(oldest);
    }
    this.#keep();
    return level;
  }

  #keep(): void {
    try {
      this.#store.setItem(KEY, JSON.stringify([...this.#told]));
    } catch {
      // Full or forbidden: a reload may then tell a danger twice, which is better than not at all.
    }
  }
}

function read(store: Storage): [string, Level][] {
  try {
    const entries: unknown = JSON.parse(store.getItem(KEY) ?? "[]");
    return Array.isArray(entries) ? (entries as [string, Level][]) : [];
  } catch {
    return [];
  }
}
