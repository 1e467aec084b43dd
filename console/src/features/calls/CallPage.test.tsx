import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import { applyMessages } from "../../live/cache.ts";
import type { LiveMessage } from "../../live/messages.ts";
import { analysis, kept, line, partial, record, SID, turn } from "../../testing/examples.ts";
import { renderPage } from "../../testing/render.tsx";
import { serve } from "../../testing/server.ts";
import { CallPage } from "./CallPage.tsx";

const PATH = `GET /api/v1/calls/${SID}`;

function open(): (...messages: LiveMessage[]) => void {
  const client = renderPage(<CallPage callSid={SID} />);
  return (...messages) => act(() => applyMessages(client, messages, Date.now()));
}

it("a live call grows word by word, and no word comes twice", async () => {
  serve({ [PATH]: () => ({ json: record() }) });
  const tell = open();
  expect(await screen.findByText("This is your bank.")).toBeTruthy();
  tell(partial("Please read me"));
  expect(await screen.findByText("Please read me")).toBeTruthy();
  tell(turn({ index: 0, text: "This is your bank." }), turn());
  await waitFor(() => expect(screen.queryByText("Please read me")).toBeNull());
  expect(screen.getAllByText("This is your bank.")).toHaveLength(1);
});

it("evidence is marked in the words, with its tactic and the reason", async () => {
  const transcript = [kept(), kept({ index: 1, text: "Please read me the code, now.", start_ms: 6_000 })];
  serve({ [PATH]: () => ({ json: record({ transcript, assessments: [analysis()] }) }) });
  open();
  const mark = await screen.findByText("read me the code,", { selector: "mark" });
  const marked = mark.parentElement ?? mark;
  expect(within(marked).getByText("Asks for a code")).toBeTruthy();
  expect(within(marked).getByRole("tooltip").textContent).toBe("Real banks never ask for this code.");
  expect(marked.tabIndex).toBe(0);
  expect(marked.getAttribute("aria-describedby")).toBe(within(marked).getByRole("tooltip").id);
});

it("the judgement says level, what to do and since when", async () => {
  const transcript = [kept(), kept({ index: 1, start_ms: 6_000 })];
  serve({ [PATH]: () => ({ json: record({ transcript, assessments: [analysis({ notes: ["no_engine"], uncertain: true })] }) }) });
  open();
  const rail = await screen.findByRole("complementary");
  expect(within(rail).getByRole("heading", { name: "Likely scam" })).toBeTruthy();
  expect(within(rail).getByText("Hang up.")).toBeTruthy();
  expect(within(rail).getByText("since 00:06")).toBeTruthy();
  expect(within(rail).getByText(/No speech engine was left/)).toBeTruthy();
  expect(within(rail).getByText(/not sure yet/)).toBeTruthy();
});

it("a pause of the protection is said at once, and its end", async () => {
  serve({ [PATH]: () => ({ json: record() }) });
  const tell = open();
  await screen.findByText("This is your bank.");
  tell({ type: "live.state", calls: [line()] }, { type: "protection.paused", call_sid: SID, reason: "no_audio" });
  expect(await screen.findByText(/Protection is paused/)).toBeTruthy();
  tell({ type: "protection.resumed", call_sid: SID, reason: "stream_resumed" });
  await waitFor(() => expect(screen.queryByText(/Protection is paused/)).toBeNull());
});

it("a page that is opened during a pause says so too", async () => {
  serve({ [PATH]: () => ({ json: record() }) });
  open()({ type: "live.state", calls: [line({ is_protected: false })] });
  expect(await screen.findByText(/Protection is paused/)).toBeTruthy();
});

it("what a person says of the call is kept and shown", async () => {
  const user = userEvent.setup();
  const labels: unknown[] = [];
  const asked = serve({
    [PATH]: () => ({ json: record({ status: "ended", feedback: labels.map(() => ({ label: "scam", by: "Ana", at: "2026-03-01T11:00:00Z" })) }) }),
    [`POST /api/v1/calls/${SID}/feedback`]: ({ body }) => {
      labels.push(body);
      return { status: 204 };
    },
  });
  open();
  await user.click(await screen.findByRole("button", { name: "Scam" }));
  expect(await screen.findByText(/Your answer is kept/)).toBeTruthy();
  expect(asked.filter((each) => each.method === "POST").map((each) => each.body)).toEqual([{ label: "scam" }]);
  await waitFor(() => expect(screen.getByRole("button", { name: "Scam" }).getAttribute("aria-pressed")).toBe("true"));
});

it("a recording is played beside the words, from the moment that is chosen", async () => {
  const user = userEvent.setup();
  serve({ [PATH]: () => ({ json: record({ status: "ended", has_audio: true, transcript: [kept({ start_ms: 61_500 })] }) }) });
  open();
  const player = await waitFor(() => {
    const audio = document.querySelector("audio");
    if (!audio) throw new Error("no player yet");
    return audio;
  });
  expect(player.getAttribute("src")).toBe(`/api/v1/calls/${SID}/audio`);
  await user.click(screen.getByRole("link", { name: "Link to 01:01" }));
  expect(player.currentTime).toBe(61.5);
  expect(window.location.hash).toBe("#turn-0");
});

it("without a recording there is no player, and during the call none either", async () => {
  serve({ [PATH]: () => ({ json: record({ has_audio: true }) }) });
  open();
  await screen.findByText("This is your bank.");
  expect(document.querySelector("audio")).toBeNull();
});

it("a link to a turn marks it", async () => {
  window.history.replaceState(null, "", `/calls/${SID}#turn-0`);
  serve({ [PATH]: () => ({ json: record() }) });
  open();
  await screen.findByText("This is your bank.");
  expect(document.getElementById("turn-0")?.dataset.target).toBe("true");
});

it("an unknown call is said to be unknown", async () => {
  serve({});
  open();
  expect((await screen.findByRole("alert")).textContent).toContain("There is no call");
});
