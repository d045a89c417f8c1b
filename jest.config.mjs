import { availableParallelism } from "node:os";

/** @type {import("jest").Config} */
export default {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts", ".sh", ".md"],
  transform: {
    "\\.(sh|md)$": "<rootDir>/scripts/lib/text-transform.mjs",
    "\\.ts$": [
      "@swc/jest",
      {
        jsc: { parser: { syntax: "typescript" }, target: "es2022" },
        module: { type: "es6" },
        sourceMaps: "inline",
      },
    ],
  },
  testMatch: ["<rootDir>/{packages,e2e}/**/*.test.ts"],
  modulePathIgnorePatterns: ["<rootDir>/dist/"],
  // For what hangs; a busy machine may take a while.
  testTimeout: 120_000,
  maxWorkers: Math.min(2, availableParallelism()),
  testSequencer: "./scripts/lib/test-sequencer.mjs",
};
