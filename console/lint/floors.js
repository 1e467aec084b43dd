/**
 * The console's floors, as an ESLint rule: `components`, `live` and `generated` know nothing above them, a
 * feature knows those but no other feature, and only `app` knows everything.
 */
import path from "node:path";

const GROUND = new Set(["components", "live", "generated"]);

/** @returns {{ floor: number, room: string } | null} where a file under src stands */
function place(file) {
  const parts = file.split(path.sep);
  const src = parts.lastIndexOf("src");
  const [top, second] = src < 0 ? [] : parts.slice(src + 1);
  if (GROUND.has(top)) return { floor: 0, room: top };
  if (top === "features") return { floor: 1, room: `features/${second}` };
  return top === "app" ? { floor: 2, room: "app" } : null;
}

function mayImport(from, to) {
  return to.floor < from.floor || to.room === from.room || (from.floor === 0 && to.floor === 0);
}

export const floors = {
  meta: {
    type: "problem",
    schema: [],
    messages: { upward: "{{from}} may not import {{to}}: components, live, generated → features → app." },
  },
  create(context) {
    const from = place(context.filename);
    function check(node) {
      const target = node.source?.value;
      if (!from || typeof target !== "string" || !target.startsWith(".")) return;
      const to = place(path.resolve(path.dirname(context.filename), target));
      if (to && !mayImport(from, to)) {
        context.report({ node, messageId: "upward", data: { from: from.room, to: to.room } });
      }
    }
    return {
      ImportDeclaration: check,
      ExportAllDeclaration: check,
      ExportNamedDeclaration: check,
      ImportExpression: check,
    };
  },
};
