import { RuleTester } from "eslint";
import { describe, it } from "vitest";

import { floors } from "./floors.js";

RuleTester.describe = describe;
RuleTester.it = it;

const upward = [{ messageId: "upward" }];

new RuleTester().run("floors", floors, {
  valid: [
    { filename: "/console/src/app/App.tsx", code: 'import "../features/calls/LivePage.tsx"' },
    { filename: "/console/src/features/calls/LivePage.tsx", code: 'import "../../components/Level.tsx"' },
    { filename: "/console/src/features/calls/LivePage.tsx", code: 'import "./api.ts"' },
    { filename: "/console/src/live/cache.ts", code: 'import "../generated/api.ts"' },
    { filename: "/console/src/app/App.tsx", code: 'import "react"' },
  ],
  invalid: [
    {
      filename: "/console/src/features/calls/LivePage.tsx",
      code: 'import "../history/api.ts"',
      errors: upward,
    },
    { filename: "/console/src/components/Level.tsx", code: 'import "../features/calls/api.ts"', errors: upward },
    { filename: "/console/src/features/calls/api.ts", code: 'import "../../app/App.tsx"', errors: upward },
    { filename: "/console/src/live/cache.ts", code: 'export * from "../app/App.tsx"', errors: upward },
    { filename: "/console/src/live/cache.ts", code: 'const late = import("../app/App.tsx")', errors: upward },
  ],
});
