import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import { moveFocus, useKeys } from "./keys.ts";

function Page() {
  useKeys({ j: () => moveFocus(1), k: () => moveFocus(-1), "Mod+k": () => (window.location.hash = "chord") });
  return (
    <>
      <input aria-label="field" />
      <a href="#one" data-stop="">
        one
      </a>
      <a href="#two" data-stop="">
        two
      </a>
    </>
  );
}

const focused = () => document.activeElement?.textContent;

it("j and k walk through the stops and halt at both ends", async () => {
  const user = userEvent.setup();
  render(<Page />);
  await user.keyboard("j");
  expect(focused()).toBe("one");
  await user.keyboard("jj");
  expect(focused()).toBe("two");
  await user.keyboard("kkk");
  expect(focused()).toBe("one");
});

it("keys are left alone while somebody types", async () => {
  const user = userEvent.setup();
  render(<Page />);
  await user.type(screen.getByLabelText("field"), "jk");
  expect(screen.getByLabelText<HTMLInputElement>("field").value).toBe("jk");
  expect(document.activeElement).toBe(screen.getByLabelText("field"));
});

it.each(["{Control>}k{/Control}", "{Meta>}K{/Meta}"])("%s is a command of its own, also while somebody types", async (chord) => {
  const user = userEvent.setup();
  render(<Page />);
  await user.click(screen.getByLabelText("field"));
  await user.keyboard(chord);
  expect(window.location.hash).toBe("#chord");
  await user.keyboard("{Alt>}{Control>}k{/Control}{/Alt}");
  expect(document.activeElement).toBe(screen.getByLabelText("field"));
});

it("keys are left alone together with a modifier", async () => {
  const user = userEvent.setup();
  render(<Page />);
  await user.keyboard("{Control>}j{/Control}");
  expect(document.activeElement).toBe(document.body);
});
