import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import { navigate } from "../../components/router.tsx";
import { summary } from "../../testing/examples.ts";
import { renderPage } from "../../testing/render.tsx";
import { serve } from "../../testing/server.ts";
import { HistoryPage } from "./HistoryPage.tsx";

const PATH = "GET /api/v1/calls";

it("a row says how the call was judged, how long it was, and what a person said of it", async () => {
  serve({ [PATH]: () => ({ json: { calls: [summary({ feedback: "scam" })], next_cursor: null } }) });
  renderPage(<HistoryPage />);
  const row = await screen.findByRole("listitem");
  for (const text of ["Likely scam", "01:00", "Marked as scam", "Please read me the code.", "76"]) {
    expect(within(row).getByText(text), text).toBeTruthy();
  }
  expect(screen.queryByRole("button", { name: "Show more" })).toBeNull();
});

it("further pages are added below", async () => {
  const user = userEvent.setup();
  const asked = serve({
    [PATH]: ({ path }) =>
      path.includes("cursor=next")
        ? { json: { calls: [summary({ call_sid: "CA2", last_words: "second page" })], next_cursor: null } }
        : { json: { calls: [summary()], next_cursor: "next" } },
  });
  renderPage(<HistoryPage />);
  await user.click(await screen.findByRole("button", { name: "Show more" }));
  expect(await screen.findByText("second page")).toBeTruthy();
  expect(screen.getAllByRole("listitem")).toHaveLength(2);
  expect(asked).toHaveLength(2);
});

it("filters stand in the address and go to the server", async () => {
  const user = userEvent.setup();
  const asked = serve({ [PATH]: () => ({ json: { calls: [summary()], next_cursor: null } }) });
  renderPage(<HistoryPage />);
  await user.selectOptions(await screen.findByLabelText("Level at least"), "high");
  await user.type(screen.getByLabelText("Words"), "safe account{Enter}");
  await waitFor(() => expect(asked.at(-1)?.path).toBe("/api/v1/calls?limit=50&level=high&q=safe+account"));
  expect(window.location.search).toBe("?level=high&q=safe+account");
  await user.click(screen.getByRole("button", { name: "Clear filters" }));
  await waitFor(() => expect(asked.at(-1)?.path).toBe("/api/v1/calls?limit=50"));
  expect(window.location.search).toBe("");
  expect(screen.getByLabelText<HTMLInputElement>("Words").value).toBe("");
});

it("the fields follow the address, but for the one that is being typed in", async () => {
  const user = userEvent.setup();
  serve({ [PATH]: () => ({ json: { calls: [summary()], next_cursor: null } }) });
  window.history.replaceState(null, "", "/history?q=old&level=high");
  renderPage(<HistoryPage />);
  const text = await screen.findByLabelText<HTMLInputElement>("Words");
  act(() => navigate("/history?q=new"));
  expect(text.value).toBe("new");
  expect(screen.getByLabelText<HTMLSelectElement>("Level at least").value).toBe("");
  await user.type(text, "er");
  act(() => navigate("/history?q=other"));
  expect(text.value).toBe("newer");
});

it("half a number is explained and restricts nothing", async () => {
  const user = userEvent.setup();
  const asked = serve({ [PATH]: () => ({ json: { calls: [], next_cursor: null } }) });
  renderPage(<HistoryPage />);
  await user.type(await screen.findByLabelText("Number"), "555{Enter}");
  expect(await screen.findByText(/With country code/)).toBeTruthy();
  expect(asked.every((each) => !each.path.includes("number="))).toBe(true);
});

it("an empty history teaches the first step, an empty search does not", async () => {
  serve({ [PATH]: () => ({ json: { calls: [], next_cursor: null } }) });
  renderPage(<HistoryPage />);
  expect(await screen.findByText("ringfence call bank-impersonation")).toBeTruthy();
});

it("a search without a find says so", async () => {
  window.history.replaceState(null, "", "/history?q=zebra");
  serve({ [PATH]: () => ({ json: { calls: [], next_cursor: null } }) });
  renderPage(<HistoryPage />);
  expect(await screen.findByText("No call matches these filters.")).toBeTruthy();
  expect(screen.queryByText("ringfence call bank-impersonation")).toBeNull();
});

it("a failure is explained, with a way to try again", async () => {
  const user = userEvent.setup();
  let isDown = true;
  serve({ [PATH]: () => (isDown ? { status: 503, json: { detail: "The store does not answer." } } : { json: { calls: [summary()], next_cursor: null } }) });
  renderPage(<HistoryPage />);
  expect((await screen.findByRole("alert")).textContent).toContain("The store does not answer.");
  isDown = false;
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByRole("listitem")).toBeTruthy();
});
