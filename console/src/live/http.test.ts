import { expect, it, vi } from "vitest";

import { serve } from "../testing/server.ts";
import { getJson, HttpError, post, remove } from "./http.ts";

it("an answer comes back as it is", async () => {
  serve({ "GET /api/v1/auth/me": () => ({ json: { name: "Ana", role: "operator" } }) });
  expect(await getJson("/api/v1/auth/me")).toEqual({ name: "Ana", role: "operator" });
});

it("what is sent is JSON", async () => {
  const asked = serve({ "POST /api/v1/auth/link": () => ({ status: 204 }), "DELETE /api/v1/auth/session": () => ({ status: 204 }) });
  await post("/api/v1/auth/link", { token: "t" });
  await remove("/api/v1/auth/session");
  expect(asked).toEqual([
    { method: "POST", path: "/api/v1/auth/link", body: { token: "t" } },
    { method: "DELETE", path: "/api/v1/auth/session", body: null },
  ]);
});

it("a problem document explains the failure", async () => {
  serve({ "GET /x": () => ({ status: 403, json: { title: "Forbidden", detail: "Your role does not reach." } }) });
  await expect(getJson("/x")).rejects.toEqual(new HttpError(403, "Your role does not reach."));
});

it("a server that does not answer is status 0", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("failed to fetch")));
  await expect(getJson("/x")).rejects.toMatchObject({ status: 0 });
});
