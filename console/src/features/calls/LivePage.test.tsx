import { act, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import { applyMessages } from "../../live/cache.ts";
import type { CallLine, LiveMessage } from "../../live/messages.ts";
import { analysis, line, SID, stopped, turn } from "../../testing/examples.ts";
import { renderPage } from "../../testing/render.tsx";
import { LivePage } from "./LivePage.tsx";

function open(...calls: CallLine[]): (...messages: LiveMessage[]) => void {
  const client = renderPage(<LivePage />);
  const tell = (...messages: LiveMessage[]) => act(() => applyMessages(client, messages, Date.now()));
  tell({ type: "live.state", calls });
  return tell;
}

const rows = () => screen.getAllByRole("listitem").map((row) => row.textContent);

it("an empty list teaches the first step", async () => {
  open();
  expect(await screen.findByText("ringfence call bank-impersonation")).toBeTruthy();
});

it("a row says level, who calls, the tactic and the last words", async () => {
  const tell = open(line());
  tell(turn(), analysis());
  const row = await screen.findByRole("listitem");
  expect(await within(row).findByText("Likely scam")).toBeTruthy();
  expect(row.textContent.replaceAll("\u00a0", " ")).toContain("+1 555 0111");
  expect(within(row).getByText("Asks for a code")).toBeTruthy();
  expect(within(row).getByText("Please read me the code, now.")).toBeTruthy();
  expect(within(row).getByText("76")).toBeTruthy();
});

it("after a reload the newest tactic is there at once, and whether the call is heard", async () => {
  open(line({ current_risk_level: "high", indicators: ["Says it is the bank", "Asks for a code"], is_protected: false }));
  const row = await screen.findByRole("listitem");
  expect(within(row).getByText("Asks for a code")).toBeTruthy();
  expect(within(row).queryByText("Says it is the bank")).toBeNull();
  expect(within(row).getByText("Protection paused")).toBeTruthy();
});

it("only the worst call is loud", async () => {
  open(
    line({ call_sid: "CA1", current_risk_level: "high", score: 70 }),
    line({ call_sid: "CA2", current_risk_level: "critical", score: 95 }),
    line({ call_sid: "CA3", current_risk_level: "low" }),
  );
  const links = await screen.findAllByRole("link");
  expect(links.map((link) => link.dataset.loud)).toEqual(["", undefined, undefined]);
  expect(links[0]?.dataset.level).toBe("critical");
});

it("the list is not sorted again while the pointer is over it", async () => {
  const user = userEvent.setup();
  const tell = open(line({ call_sid: "CA2", called_number: "+15550122", score: 20 }), line());
  const list = await screen.findByRole("list");
  await user.hover(list);
  tell(analysis());
  expect(await screen.findByText("Likely scam")).toBeTruthy();
  expect(rows()[0]).toContain("0122");
  await user.unhover(list);
  expect(rows()[0]).toContain("0121");
});

it("after the hang-up the verdict is waited for", async () => {
  const tell = open(line());
  tell({ type: "call.ended", call_sid: SID, recording_id: line().recording_id });
  expect(await screen.findByText("Hung up, verdict to come")).toBeTruthy();
  tell(stopped(new Date().toISOString()));
  expect(await screen.findByText("Ended")).toBeTruthy();
});

it("an ended call is marked as ended before it goes", async () => {
  const tell = open(line());
  tell(stopped(new Date().toISOString()));
  expect(await screen.findByText("Ended")).toBeTruthy();
});

it("a row leads to its call", async () => {
  open(line());
  const row = await screen.findByRole("link");
  expect(row.getAttribute("href")).toBe(`/calls/${SID}`);
});
