import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { turn } from "../testing/examples.ts";
import type { LiveMessage } from "./messages.ts";
import { lineAddress, openLine, SILENCE_MS, waitBefore, type LineState } from "./socket.ts";

class Socket {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  isClosed = false;
  close(): void {
    this.isClosed = true;
  }
  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

let sockets: Socket[];
let states: LineState[];
let heard: LiveMessage[];
let close: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  states = [];
  heard = [];
});

afterEach(() => close());

function open(onLost?: () => void): void {
  close = openLine({
    url: "ws://here/api/v1/live",
    onMessage: (message) => heard.push(message),
    onState: (state) => states.push(state),
    ...(onLost ? { onLost } : {}),
    random: () => 1,
    connect: () => {
      const socket = new Socket();
      sockets.push(socket);
      return socket as unknown as WebSocket;
    },
  });
}

function last(): Socket {
  const socket = sockets.at(-1);
  if (!socket) throw new Error("no socket was opened");
  return socket;
}

it("the line counts as open once the state was told", () => {
  open();
  expect(states).toEqual(["connecting"]);
  last().say({ type: "live.state", calls: [] });
  expect(states).toEqual(["connecting", "open"]);
});

it("messages are handed on, and what is not one of ours is not", () => {
  open();
  last().say(turn());
  last().say({ type: "something.else" });
  expect(heard).toEqual([turn()]);
});

it("a lost line comes back by itself, each time a little later", () => {
  const lost = vi.fn();
  open(lost);
  last().onclose?.();
  expect(states.at(-1)).toBe("waiting");
  vi.advanceTimersByTime(499);
  expect(sockets).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(sockets).toHaveLength(2);
  last().onclose?.();
  vi.advanceTimersByTime(999);
  expect(sockets).toHaveLength(2);
  vi.advanceTimersByTime(1);
  expect(sockets).toHaveLength(3);
  expect(states.at(-1)).toBe("waiting");
  expect(lost).toHaveBeenCalledTimes(2);
});

it("a good connection forgets the failures before it", () => {
  open();
  for (let failure = 0; failure < 4; failure += 1) {
    last().onclose?.();
    vi.advanceTimersByTime(20_000);
  }
  last().say({ type: "live.state", calls: [] });
  last().onclose?.();
  const before = sockets.length;
  vi.advanceTimersByTime(500);
  expect(sockets).toHaveLength(before + 1);
});

it("a line that has fallen silent is dead and is opened anew", () => {
  open();
  const first = last();
  first.say({ type: "live.state", calls: [] });
  vi.advanceTimersByTime(SILENCE_MS - 1);
  first.say({ type: "heartbeat" });
  vi.advanceTimersByTime(SILENCE_MS - 1);
  expect(first.isClosed).toBe(false);
  vi.advanceTimersByTime(1);
  expect(first.isClosed).toBe(true);
  vi.advanceTimersByTime(500);
  expect(sockets).toHaveLength(2);
});

it("the network's return is not waited for", () => {
  open();
  last().onclose?.();
  window.dispatchEvent(new Event("online"));
  expect(sockets).toHaveLength(2);
  vi.advanceTimersByTime(20_000);
  expect(sockets).toHaveLength(2);
});

it("a line closed for good stays closed", () => {
  open();
  close();
  vi.advanceTimersByTime(60_000);
  window.dispatchEvent(new Event("online"));
  expect(sockets).toHaveLength(1);
  expect(last().isClosed).toBe(true);
});

it("waiting grows to a quarter of a minute and is never the same for all", () => {
  expect(waitBefore(0, 1)).toBe(500);
  expect(waitBefore(20, 1)).toBe(15_000);
  expect(waitBefore(20, 0)).toBe(7_500);
});

it("the socket is as secure as the page", () => {
  expect(lineAddress({ protocol: "https:", host: "calls.example.org" })).toBe("wss://calls.example.org/api/v1/live");
  expect(lineAddress({ protocol: "http:", host: "127.0.0.1:8000" })).toBe("ws://127.0.0.1:8000/api/v1/live");
});
