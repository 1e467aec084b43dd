/**
 * One WebSocket to the server for as long as somebody is signed in.
 *
 * It comes back by itself, each time a little later (0.5 s to 15 s, with jitter so that many consoles do not
 * return at once), and at once when the network returns or the page is looked at again. The server's first
 * message on every connection is the whole state, so a gap closes itself.
 */
import { parseMessage, type LiveMessage } from "./messages.ts";

/** `connecting` is the first attempt; from a loss to the next good connection it is `waiting`. */
export type LineState = "connecting" | "open" | "waiting";

export interface LineOptions {
  url: string;
  onMessage: (message: LiveMessage) => void;
  onState: (state: LineState) => void;
  /** Called when a connection could not be made or was closed by the server: perhaps the session has ended. */
  onLost?: () => void;
  connect?: (url: string) => WebSocket;
  random?: () => number;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
/** The server sends a heartbeat at least every 20 s; a line silent for longer is dead, whatever TCP believes. */
export const SILENCE_MS = 50_000;

export function waitBefore(attempt: number, random: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) * (0.5 + random / 2);
}

/** Opens the line and keeps it open; the function that comes back closes it for good. */
export function openLine(options: LineOptions): () => void {
  const connect = options.connect ?? ((url: string) => new WebSocket(url));
  const random = options.random ?? Math.random;
  let socket: WebSocket | null = null;
  let attempt = 0;
  let retry: number | undefined;
  let silence: number | undefined;
  let closed = false;

  function listen(): void {
    window.clearTimeout(silence);
    silence = window.setTimeout(lost, SILENCE_MS);
  }

  function lost(): void {
    window.clearTimeout(silence);
    if (socket) {
      const dead = socket;
      socket = null;
      dead.onopen = dead.onmessage = dead.onclose = null;
      dead.close();
    }
    if (closed) return;
    options.onState("waiting");
    options.onLost?.();
    window.clearTimeout(retry);
    retry = window.setTimeout(open, waitBefore(attempt, random()));
    attempt += 1;
  }

  function open(): void {
    window.clearTimeout(retry);
    if (closed || socket) return;
    if (attempt === 0) options.onState("connecting");
    socket = connect(options.url);
    listen();
    socket.onclose = lost;
    socket.onmessage = (event: MessageEvent<unknown>) => {
      listen();
      const message = typeof event.data === "string" ? parseMessage(event.data) : null;
      if (message?.type === "live.state") {
        attempt = 0;
        options.onState("open");
      }
      if (message) options.onMessage(message);
    };
  }

  function hurry(): void {
    if (document.visibilityState === "visible" && !socket) open();
  }

  window.addEventListener("online", hurry);
  document.addEventListener("visibilitychange", hurry);
  open();

  return () => {
    closed = true;
    window.clearTimeout(retry);
    window.removeEventListener("online", hurry);
    document.removeEventListener("visibilitychange", hurry);
    lost();
  };
}

/** The live socket's address on the server that this page came from. */
export function lineAddress(page: Pick<Location, "protocol" | "host">): string {
  return `${page.protocol === "https:" ? "wss:" : "ws:"}//${page.host}/api/v1/live`;
}
