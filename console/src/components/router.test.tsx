import { act, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import { Link, navigate, usePlace } from "./router.tsx";

function Page() {
  const { path, query, hash } = usePlace();
  return (
    <>
      <p>{`${path} ${query.get("q") ?? ""} ${hash}`}</p>
      <Link to="/history?q=code#turn-2">go</Link>
    </>
  );
}

it("a link changes the place without loading the page", async () => {
  render(<Page />);
  await userEvent.click(screen.getByText("go"));
  expect(screen.getByText("/history code turn-2")).toBeTruthy();
});

it("a click that asks for a new tab is left to the browser", async () => {
  const user = userEvent.setup();
  render(<Page />);
  let isOurs = true;
  const browser = (event: Event) => {
    isOurs = event.defaultPrevented;
    event.preventDefault();
  };
  window.addEventListener("click", browser, { once: true });
  await user.keyboard("{Control>}");
  await user.click(screen.getByText("go"));
  expect(isOurs).toBe(false);
  expect(window.location.pathname).toBe("/");
});

it("replacing leaves no step to go back to", () => {
  render(<Page />);
  const before = window.history.length;
  act(() => navigate("/history", { replace: true }));
  expect(window.history.length).toBe(before);
  expect(screen.getByText("/history", { exact: false })).toBeTruthy();
});
