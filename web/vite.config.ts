import { fileURLToPath } from "node:url";
import {
  convertCssVariables,
  DEFAULT_THEME,
  defaultCssVariablesResolver,
  mergeMantineTheme,
} from "@mantine/core";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { theme } from "./src/app/theme.ts";

/**
 * Mantine writes its variables into a `<style>` element at run time, which the content security policy of
 * the server forbids. They are known when we build, so they become part of the style sheet.
 */
function mantineVariables(): Plugin {
  const name = "virtual:mantine-variables.css";
  return {
    name: "mantine-variables",
    resolveId: (id) => (id === name ? `\0${name}` : undefined),
    load: (id) =>
      id === `\0${name}`
        ? convertCssVariables(defaultCssVariablesResolver(mergeMantineTheme(DEFAULT_THEME, theme)))
        : undefined,
  };
}

export default defineConfig({
  plugins: [react(), mantineVariables()],
  resolve: { alias: { "~": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    target: "es2023",
    // A data: font or image is a needless exception to the policy.
    assetsInlineLimit: 0,
    sourcemap: false,
  },
  server: {
    proxy: {
      "/api": { target: process.env.POSTERN_URL ?? "https://127.0.0.1:8443", secure: false },
    },
  },
  test: {
    environment: "jsdom",
    globals: true,
    setupFiles: ["src/test/setup.ts"],
    include: ["src/**/*.test.{ts,tsx}"],
    css: false,
  },
});
