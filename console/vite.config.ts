/// <reference types="vitest/config" />
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `npm run dev` finds a running server. */
const SERVER = "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../src/ringfence/web/console",
    emptyOutDir: true,
    // The content security policy allows files of our own and nothing written into the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    proxy: { "/api": { target: SERVER, ws: true }, "/readyz": SERVER },
  },
  test: {
    environment: "happy-dom",
    isolate: false,
    include: ["src/**/*.test.{ts,tsx}", "lint/**/*.test.js"],
    restoreMocks: true,
    setupFiles: ["src/testing/setup.ts"],
  },
});
