import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

import { floors } from "./lint/floors.js";

export default tseslint.config(
  { ignores: ["node_modules/", "src/generated/"] },
  {
    files: ["src/**/*.{ts,tsx}"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked, hooks.configs.flat.recommended],
    plugins: { ringfence: { rules: { floors } } },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "ringfence/floors": "error",
      "no-restricted-syntax": [
        "error",
        { selector: "ExportAllDeclaration", message: "Import from the file that defines it; no barrel files." },
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Words of a call are data, never markup." },
      ],
      eqeqeq: "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  { files: ["*.js", "lint/**/*.js", "scripts/**/*.mjs"], extends: [tseslint.configs.recommended] },
);
