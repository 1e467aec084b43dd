import { act, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { Profiler } from "react";
import { beforeEach, expect, it, vi } from "vitest";

import { en } from "../components/words.en.ts";
import { chooseTongue } from "../components/words.tsx";
import { Alarm, type Warning } from "../live/alarm.ts";
import type { LiveMessage } from "../live/messages.ts";
import { analysis, line, SID, turn } from "../testing/examples.ts";
import { serve } from "../testing/server.ts";
import { App } from "./App.tsx";

const ME = { name: "Ana", role: "operator" };
const HEALTH = { status: "ok", twilio_configured: true, active_calls: 0 };

let frames: (() => void)[];
let sockets: { url: string; onmessage: ((event: { data: string }) => void) | null; onclose: (() => void) | null }[];

beforeEach(() => {
  sockets = [];
  frames = [];
  vi.stubGlobal("requestAnimationFrame", (run: () => void) => frames.push(run));
  class FakeSocket {
    onmessage = null;
    onclose = null;
    constructor(readonly url: string) {
      sockets.push(this);
    }
    close = () => undefined;
  }
  vi.stubGlobal("WebSocket", FakeSocket);
});

class QuietAlarm extends Alarm {
  readonly warnings: Warning[] = [];
  override warn(warning: Warning): void {
    this.warnings.push(warning);
  }
}

function open(path = "/", languages = ["en"]): QuietAlarm {
  window.history.replaceState(null, "", path);
  const alarm = new QuietAlarm(window);
  render(<App tongue={chooseTongue(languages)} alarm={alarm} />);
  return alarm;
}

function send(...messages: LiveMessage[]): void {
  for (const message of messages) sockets.at(-1)?.onmessage?.({ data: JSON.stringify(message) });
}

function drawFrame(): void {
  for (const run of frames.splice(0)) run();
}

function tell(...messages: LiveMessage[]): void {
  act(() => {
    send(...messages);
    drawFrame();
  });
}

/** A server with one sign-in link and one key. */
function server() {
  let isIn = false;
  const enter = (isGood: boolean) => {
    isIn ||= isGood;
    return isGood ? { status: 204 } : { status: 401, json: { detail: "not good" } };
  };
  const asked = serve({
    "GET /api/v1/auth/me": () => (isIn ? { json: ME } : { status: 401 }),
    "POST /api/v1/auth/link": ({ body }) => enter((body as { token: string }).token === "good"),
    "POST /api/v1/auth/session": ({ body }) => enter((body as { key: string }).key === "rf_good"),
    "DELETE /api/v1/auth/session": () => {
      isIn = false;
      return { status: 204 };
    },
    "GET /api/v1/twilio/health": () => ({ json: HEALTH }),
    "GET /api/v1/calls": () => ({ json: { calls: [], next_cursor: null } }),
  });
  return { asked, letIn: () => (isIn = true), throwOut: () => (isIn = false) };
}

it("a sign-in link lets in once, and its token leaves the address", async () => {
  const { asked } = server();
  open("/sign-in#token=good");
  expect(await screen.findByRole("heading", { name: "Live calls" })).toBeTruthy();
  expect(window.location.href).not.toContain("token");
  expect(window.location.pathname).toBe("/");
  expect(asked.filter((each) => each.path === "/api/v1/auth/link")).toHaveLength(1);
});

it("a used link is explained, and a key still lets in", async () => {
  const user = userEvent.setup();
  server();
  open("/sign-in#token=old");
  expect((await screen.findByRole("alert")).textContent).toContain("works once");
  expect(window.location.hash).toBe("");
  await user.type(screen.getByLabelText("API key"), " rf_good {Enter}");
  expect(await screen.findByRole("heading", { name: "Live calls" })).toBeTruthy();
});

it("a wrong key is explained", async () => {
  const user = userEvent.setup();
  server();
  open("/");
  await user.type(await screen.findByLabelText("API key"), "rf_bad{Enter}");
  expect((await screen.findByRole("alert")).textContent).toContain("not known");
});

it("after signing in by key one is where one wanted to go", async () => {
  const user = userEvent.setup();
  server();
  open("/history");
  await user.type(await screen.findByLabelText("API key"), "rf_good{Enter}");
  expect(await screen.findByRole("heading", { name: "History" })).toBeTruthy();
});

it("signing out leaves nothing on the screen and closes the door", async () => {
  const user = userEvent.setup();
  server().letIn();
  open("/");
  await waitFor(() => expect(sockets).toHaveLength(1));
  tell({ type: "live.state", calls: [line({ last_words: "a secret" })] });
  expect(await screen.findByText("a secret")).toBeTruthy();
  await user.click(screen.getByRole("button", { name: "Sign out" }));
  expect(await screen.findByLabelText("API key")).toBeTruthy();
  expect(screen.queryByText("a secret")).toBeNull();
  expect(screen.queryByText(/session has ended/)).toBeNull();
});

it("a session that ends elsewhere leads back to the door", async () => {
  const { letIn, throwOut } = server();
  letIn();
  open("/");
  await waitFor(() => expect(sockets).toHaveLength(1));
  throwOut();
  act(() => sockets[0]?.onclose?.());
  expect(await screen.findByText(/session has ended/)).toBeTruthy();
});

it("a danger is told once for each level, and announced to a screen reader", async () => {
  server().letIn();
  const alarm = open("/");
  await waitFor(() => expect(sockets).toHaveLength(1));
  tell({ type: "live.state", calls: [line()] });
  tell(analysis(), analysis({ revision: 3 }), analysis({ revision: 4, risk_level: "critical" }));
  expect(alarm.warnings.map((warning) => [warning.level, warning.callSid, warning.body])).toEqual([
    ["high", SID, "Asks for a code"],
    ["critical", SID, "Asks for a code"],
  ]);
  expect(alarm.warnings[0]?.title.replaceAll("\u00a0", " ")).toBe("Likely scam · +1 555 0111");
  const announcement = screen.getAllByRole("alert").find((each) => each.ariaLive === "assertive" || each.getAttribute("aria-live") === "assertive");
  expect(announcement?.textContent).toContain("Scam. Call from");
});

it("what rose while the line was broken is told when it is back", async () => {
  server().letIn();
  const alarm = open("/");
  await waitFor(() => expect(sockets).toHaveLength(1));
  tell({ type: "live.state", calls: [line()] }, { type: "live.state", calls: [line({ current_risk_level: "high" })] });
  expect(alarm.warnings.map((warning) => warning.level)).toEqual(["high"]);
});

it("with 300 calls a frame's messages are drawn once, and only the rows that they change", async () => {
  // The clock of the rows stands still: its tick is a drawing of its own.
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  server().letIn();
  const commits = vi.fn();
  const rows = vi.fn(en.score);
  const tongue = { ...chooseTongue(["en"]), words: { ...en, score: rows } };
  render(
    <Profiler id="all" onRender={commits}>
      <App tongue={tongue} alarm={new QuietAlarm(window)} />
    </Profiler>,
  );
  await waitFor(() => expect(sockets).toHaveLength(1));
  const sids = Array.from({ length: 300 }, (_, number) => `CA${number}`);
  tell({ type: "live.state", calls: sids.map((call_sid) => line({ call_sid, last_words: call_sid })) });
  await screen.findByText("CA299");

  for (const second of [1, 2, 3]) {
    commits.mockClear();
    rows.mockClear();
    act(() => {
      for (let index = 0; index < 500; index++) send(turn({ call_sid: `CA${index % 10}`, index, text: `${second}: ${index}` }));
    });
    expect(frames).toHaveLength(1);
    act(drawFrame);
    await screen.findByText(`${second}: 499`);
    expect(commits).toHaveBeenCalledOnce();
    expect(rows.mock.calls.length).toBeLessThanOrEqual(10);
  }
});

it("the header counts calls and dangers, and so does the title", async () => {
  server().letIn();
  open("/");
  await waitFor(() => expect(sockets).toHaveLength(1));
  tell({ type: "live.state", calls: [line(), line({ call_sid: "CA2", current_risk_level: "critical" })] });
  expect(await screen.findByText("2 live")).toBeTruthy();
  expect(screen.getByText("1 in danger")).toBeTruthy();
  expect(document.title).toBe("(1) Ringfence");
});

it("a broken line is said to be broken", async () => {
  server().letIn();
  open("/");
  expect(await screen.findByText("Healthy")).toBeTruthy();
  act(() => sockets[0]?.onclose?.());
  expect(await screen.findByText("Reconnecting…")).toBeTruthy();
});

it("the keyboard leads to the pages and to its own help", async () => {
  const user = userEvent.setup();
  server().letIn();
  open("/");
  await screen.findByRole("heading", { name: "Live calls" });
  await user.keyboard("h");
  expect(await screen.findByRole("heading", { name: "History" })).toBeTruthy();
  await user.keyboard("l");
  expect(await screen.findByRole("heading", { name: "Live calls" })).toBeTruthy();
  await user.keyboard("?");
  expect(await screen.findByRole("dialog")).toBeTruthy();
});

it("the search leads to what is typed, from anywhere and without a pointer", async () => {
  const user = userEvent.setup();
  const { asked, letIn } = server();
  letIn();
  open("/");
  await screen.findByRole("heading", { name: "Live calls" });
  await user.keyboard("{Control>}k{/Control}safe account{Enter}");
  expect(await screen.findByRole("heading", { name: "History" })).toBeTruthy();
  await waitFor(() => expect(asked.at(-1)?.path).toContain("q=safe+account"));
  await user.keyboard("/+56 9 0000 0111{Enter}");
  await waitFor(() => expect(asked.at(-1)?.path).toContain("number=%2B56900000111"));
  expect(screen.getByLabelText<HTMLInputElement>("Words").value).toBe("");
});

it("on a narrow screen the search is the history's own", async () => {
  const user = userEvent.setup();
  server().letIn();
  vi.spyOn(window, "matchMedia").mockReturnValue({ matches: false } as MediaQueryList);
  open("/");
  await screen.findByRole("heading", { name: "Live calls" });
  await user.keyboard("/");
  const field = await screen.findByLabelText("Words");
  drawFrame();
  expect(document.activeElement).toBe(field);
});

it("the health page stands in the menu and behind the header's sign", async () => {
  const user = userEvent.setup();
  server().letIn();
  open("/");
  await user.click(await screen.findByRole("link", { name: "Health" }));
  expect(await screen.findByRole("heading", { name: "Health" })).toBeTruthy();
  expect(screen.getByRole("link", { name: "Health" }).getAttribute("aria-current")).toBe("page");
  expect((await screen.findByRole("link", { name: "Healthy" })).getAttribute("href")).toBe("/health-page");
});

it("Spanish is spoken to whoever prefers it", async () => {
  server().letIn();
  open("/", ["es-CL"]);
  expect(await screen.findByRole("heading", { name: "Llamadas en curso" })).toBeTruthy();
});

it("an unknown address leads back", async () => {
  server().letIn();
  open("/nowhere");
  expect(await screen.findByText("There is no such page.")).toBeTruthy();
});
