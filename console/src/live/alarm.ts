/**
 * What a danger sounds and feels like in the browser.
 *
 * medium: 600 Hz for 500 ms, vibration 200-100-200. high: 800 Hz for 1000 ms. critical: the same sound,
 * vibration 200-100-200-100-200, and a notification that stays. Browsers play nothing before the reader has
 * touched the page (autoplay policy): then `sound` is `blocked`, and `turnOn` from a click lifts it.
 */
import type { Danger } from "../components/risk.ts";

export interface Signal {
  frequencyHz: number;
  durationMs: number;
  vibrationMs: readonly number[];
  stays: boolean;
}

export const SIGNALS: Record<Danger, Signal> = {
  medium: { frequencyHz: 600, durationMs: 500, vibrationMs: [200, 100, 200], stays: false },
  high: { frequencyHz: 800, durationMs: 1000, vibrationMs: [], stays: false },
  critical: { frequencyHz: 800, durationMs: 1000, vibrationMs: [200, 100, 200, 100, 200], stays: true },
};

export type Sound = "on" | "blocked" | "off";

export interface Warning {
  level: Danger;
  callSid: string;
  title: string;
  body: string;
  /** What a click on the notification does. */
  open: () => void;
}

const KEY = "ringfence.sound";
const LOUDNESS = 0.35;
/** Rise and fall of the tone: without them a speaker clicks. */
const EDGE_S = 0.012;
const NOTICE_MS = 8_000;

export class Alarm {
  readonly #page: Window & typeof globalThis;
  readonly #watchers = new Set<() => void>();
  readonly #notices = new Map<string, Notification>();
  #context: AudioContext | null = null;

  constructor(page: Window & typeof globalThis) {
    this.#page = page;
  }

  /** Call the function when `sound` may have changed; what comes back ends that. */
  watch = (changed: () => void): (() => void) => {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  };

  get sound(): Sound {
    if (this.#page.localStorage.getItem(KEY) === "off") return "off";
    return this.#audio()?.state === "running" ? "on" : "blocked";
  }

  /** From a click: lifts the browser's block, asks once for notifications, and forgets an earlier `turnOff`. */
  turnOn = (): void => {
    this.#page.localStorage.removeItem(KEY);
    this.touched();
    if ("Notification" in this.#page && this.#page.Notification.permission === "default") {
      void this.#page.Notification.requestPermission();
    }
    this.#changed();
  };

  turnOff = (): void => {
    this.#page.localStorage.setItem(KEY, "off");
    this.#changed();
  };

  /** The reader touched the page: from now on the browser allows sound. */
  touched = (): void => {
    const audio = this.#audio();
    if (audio?.state === "suspended") void audio.resume().then(this.#changed, this.#changed);
  };

  warn(warning: Warning): void {
    const signal = SIGNALS[warning.level];
    if (this.#page.localStorage.getItem(KEY) !== "off") {
      this.#play(signal);
      if (signal.vibrationMs.length > 0 && "vibrate" in this.#page.navigator) {
        this.#page.navigator.vibrate([...signal.vibrationMs]);
      }
    }
    this.#notify(warning, signal);
  }

  #play({ frequencyHz, durationMs }: Signal): void {
    const audio = this.#audio();
    // A tone scheduled while blocked would sound at the first touch, long after the moment it warns of.
    if (audio?.state !== "running") return;
    const start = audio.currentTime;
    const end = start + durationMs / 1000;
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = frequencyHz;
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(LOUDNESS, start + EDGE_S);
    volume.gain.setValueAtTime(LOUDNESS, end - EDGE_S);
    volume.gain.linearRampToValueAtTime(0, end);
    tone.connect(volume).connect(audio.destination);
    tone.start(start);
    tone.stop(end);
  }

  #notify({ title, body, callSid, open }: Warning, { stays }: Signal): void {
    if (!("Notification" in this.#page) || this.#page.Notification.permission !== "granted") return;
    // One notification a call: a higher level takes the place of the lower, and pops up anew.
    this.#notices.get(callSid)?.close();
    try {
      const notice = new this.#page.Notification(title, { body, tag: `${callSid} ${title}`, requireInteraction: stays });
      this.#notices.set(callSid, notice);
      notice.onclick = () => {
        this.#page.focus();
        open();
        notice.close();
      };
      if (!stays) this.#page.setTimeout(() => notice.close(), NOTICE_MS);
    } catch {
      // Some telephones allow notifications to service workers only; sound, vibration and screen remain.
    }
  }

  #audio(): AudioContext | null {
    if (!this.#context && "AudioContext" in this.#page) {
      this.#context = new this.#page.AudioContext();
      this.#context.onstatechange = this.#changed;
    }
    return this.#context;
  }

  #changed = (): void => {
    for (const changed of this.#watchers) changed();
  };
}
