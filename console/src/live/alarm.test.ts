import { beforeEach, expect, it, vi } from "vitest";

import { Alarm, type Warning } from "./alarm.ts";

interface Tone {
  hz: number;
  ms: number;
}

let tones: Tone[];
let notices: { title: string; options: NotificationOptions; isClosed: boolean; onclick: (() => void) | null }[];
let vibrations: unknown[];
let audio: { state: string; currentTime: number };
let permission: NotificationPermission;
let asked: number;

/** A browser page with ears: everything it would play, shake and show is kept. */
function page(): Window & typeof globalThis {
  audio = {
    state: "suspended",
    currentTime: 5,
  };
  class FakeAudioContext {
    destination = {};
    onstatechange: (() => void) | null = null;
    get state() {
      return audio.state;
    }
    get currentTime() {
      return audio.currentTime;
    }
    resume() {
      audio.state = "running";
      this.onstatechange?.();
      return Promise.resolve();
    }
    createGain() {
      const gain = { setValueAtTime: vi.fn(), linearRampToValueAtTime: vi.fn() };
      return { gain, connect: (to: unknown) => to };
    }
    createOscillator() {
      const tone = { hz: 0, ms: 0 };
      const frequency = {
        set value(hz: number) {
          tone.hz = hz;
        },
      };
      let startedAt = 0;
      return {
        frequency,
        connect: (to: unknown) => to,
        start: (at: number) => (startedAt = at),
        stop: (at: number) => {
          tone.ms = Math.round((at - startedAt) * 1000);
          tones.push(tone);
        },
      };
    }
  }
  class FakeNotification {
    static get permission() {
      return permission;
    }
    static requestPermission() {
      asked += 1;
      return Promise.resolve(permission);
    }
    isClosed = false;
    onclick: (() => void) | null = null;
    constructor(
      readonly title: string,
      readonly options: NotificationOptions,
    ) {
      notices.push(this);
    }
    close() {
      this.isClosed = true;
    }
  }
  return {
    AudioContext: FakeAudioContext,
    Notification: FakeNotification,
    localStorage: window.localStorage,
    navigator: { vibrate: (pattern: unknown) => vibrations.push(pattern) },
    setTimeout: window.setTimeout.bind(window),
    focus: vi.fn(),
  } as unknown as Window & typeof globalThis;
}

const warning = (level: Warning["level"], open: () => void = () => undefined): Warning => ({
  level,
  callSid: "CA1",
  title: level,
  body: "Asks for a code",
  open,
});

function heardAlarm(): Alarm {
  const alarm = new Alarm(page());
  alarm.turnOn();
  return alarm;
}

beforeEach(() => {
  tones = [];
  notices = [];
  vibrations = [];
  permission = "granted";
  asked = 0;
});

it.each([
  ["medium", { hz: 600, ms: 500 }, [[200, 100, 200]], false],
  ["high", { hz: 800, ms: 1000 }, [], false],
  ["critical", { hz: 800, ms: 1000 }, [[200, 100, 200, 100, 200]], true],
] as const)("%s sounds, shakes and shows as the contract says", (level, tone, vibration, stays) => {
  heardAlarm().warn(warning(level));
  expect(tones).toEqual([tone]);
  expect(vibrations).toEqual(vibration);
  expect(notices.map((notice) => notice.options.requireInteraction)).toEqual([stays]);
});

it("a notification closes by itself, a critical one only when it is acted upon", () => {
  vi.useFakeTimers();
  const alarm = heardAlarm();
  alarm.warn({ ...warning("high"), callSid: "CA2" });
  const open = vi.fn();
  alarm.warn(warning("critical", open));
  vi.advanceTimersByTime(60_000);
  expect(notices.map((notice) => notice.isClosed)).toEqual([true, false]);
  notices[1]?.onclick?.();
  expect(open).toHaveBeenCalledOnce();
  expect(notices[1]?.isClosed).toBe(true);
});

it("a call has one notification: the newest", () => {
  const alarm = heardAlarm();
  alarm.warn(warning("medium"));
  alarm.warn(warning("critical"));
  expect(notices.map((notice) => notice.isClosed)).toEqual([true, false]);
});

it("before the page was touched there is no sound, also not late, but a notification", () => {
  const alarm = new Alarm(page());
  expect(alarm.sound).toBe("blocked");
  alarm.warn(warning("critical"));
  alarm.touched();
  expect(alarm.sound).toBe("on");
  expect(tones).toEqual([]);
  expect(notices).toHaveLength(1);
});

it("muted, a danger neither sounds nor shakes, and the choice outlives the page", () => {
  const alarm = heardAlarm();
  alarm.turnOff();
  alarm.warn(warning("critical"));
  expect([tones, vibrations]).toEqual([[], []]);
  expect(notices).toHaveLength(1);
  expect(new Alarm(page()).sound).toBe("off");
});

it("whoever watches is told when the sound changes", () => {
  const alarm = new Alarm(page());
  const seen: string[] = [];
  const stop = alarm.watch(() => seen.push(alarm.sound));
  alarm.turnOn();
  alarm.turnOff();
  stop();
  alarm.turnOn();
  expect(new Set(seen)).toEqual(new Set(["on", "off"]));
  expect(seen.at(-1)).toBe("off");
});

it("leave to notify is asked for once, from a click, and never shown against the reader's will", () => {
  permission = "default";
  heardAlarm().warn(warning("high"));
  expect(asked).toBe(1);
  permission = "denied";
  heardAlarm().warn(warning("high"));
  expect(asked).toBe(1);
  expect(notices).toEqual([]);
});

it("a browser without any of this is left in peace", () => {
  const bare = { localStorage: window.localStorage, navigator: {} } as unknown as Window & typeof globalThis;
  const alarm = new Alarm(bare);
  alarm.turnOn();
  alarm.warn(warning("critical"));
  expect(alarm.sound).toBe("blocked");
});
