import { renderHook } from "@testing-library/react";
import { expect, it } from "vitest";

import type { LiveCall } from "../../live/cache.ts";
import { line } from "../../testing/examples.ts";
import { useSteadyOrder, worstFirst } from "./order.ts";

function call(call_sid: string, level: LiveCall["current_risk_level"], score: number, news: Partial<LiveCall> = {}): LiveCall {
  return { ...line({ call_sid, current_risk_level: level, score }), hung_up: false, ended_at: null, ...news };
}

const sids = (calls: readonly LiveCall[]) => calls.map((each) => each.call_sid).join(" ");

it("the worst call stands first, and ended ones last", () => {
  const calls = [
    call("low", "low", 30),
    call("over", "critical", 99, { ended_at: "2026-03-01T10:05:00Z" }),
    call("high-71", "high", 71),
    call("critical", "critical", 90),
    call("high-80", "high", 80),
  ];
  expect(sids(worstFirst(calls))).toBe("critical high-80 high-71 low over");
});

it("equals stand in the order in which they began", () => {
  const later = call("later", "low", 3, { started_at: "2026-03-01T10:02:00Z" });
  expect(sids(worstFirst([later, call("first", "low", 3)]))).toBe("first later");
});

it("nothing moves while the list is pointed at; the new stands at the end; then all is sorted", () => {
  const before = [call("a", "high", 70), call("b", "low", 2)];
  const after = [call("a", "high", 70), call("b", "critical", 95), call("c", "critical", 99)];
  const { result, rerender } = renderHook(({ calls, held }) => useSteadyOrder(calls, held), {
    initialProps: { calls: before, held: false },
  });
  expect(sids(result.current)).toBe("a b");
  rerender({ calls: after, held: true });
  expect(sids(result.current)).toBe("a b c");
  rerender({ calls: after.slice(1), held: true });
  expect(sids(result.current)).toBe("b c");
  rerender({ calls: after, held: false });
  expect(sids(result.current)).toBe("c b a");
});
