/**
 * Write the types of the server's API and of its socket messages into src/generated.
 *
 * The document is what `python -m ringfence.web.openapi` prints, kept beside the types so that a test without
 * Python can tell whether they still belong together. `PYTHON` names another interpreter.
 */
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";

import { typesOf } from "./types.mjs";

const root = new URL("../../", import.meta.url);
const generated = new URL("../src/generated/", import.meta.url);
const ours = new URL(".venv/bin/python", root);

const python = process.env.PYTHON ?? (existsSync(ours) ? ours.pathname : "python3");
const document = execFileSync(python, ["-m", "ringfence.web.openapi"], { cwd: root, encoding: "utf8" });

writeFileSync(new URL("openapi.json", generated), document);
writeFileSync(new URL("api.ts", generated), await typesOf(document));
