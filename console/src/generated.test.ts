import { readFileSync } from "node:fs";
import path from "node:path";

import { expect, it } from "vitest";

// @ts-expect-error a script of the build, without types
import { typesOf } from "../scripts/types.mjs";

const folder = path.join(import.meta.dirname, "generated");
const read = (name: string) => readFileSync(path.join(folder, name), "utf8");

it("the types are those of the API's document; if not, run `npm run generate`", async () => {
  const types = await (typesOf as (document: string) => Promise<string>)(read("openapi.json"));
  expect(read("api.ts")).toBe(types);
});
