import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { nixEvaluator, type Evaluator } from "../harness/index.ts";

/** Whether Nix is there, with a store that can be written to. */
export const hasNix =
  spawnSync("nix-instantiate", ["--eval", "--read-write-mode", "-E", 'builtins.toFile "x" ""']).status === 0;

/** Builds here, and asks no binary cache. */
export const nixArgs = ["--option", "sandbox", "false", "--option", "substitute", "false"];

const missing = ["NIXOPS4_SOURCE", "NIXPKGS_LIB_SOURCE", "FLAKE_PARTS_SOURCE"].filter(
  (name) => (process.env[name] ?? "") === "",
);

/** What to append to the name of a suite that evaluates modules: why it is skipped, or nothing. */
export const moduleSystemsMissing = !hasNix
  ? " (skipped: there is no Nix, or its store cannot be written to)"
  : missing.length > 0
    ? ` (skipped without ${missing.join(", ")})`
    : "";

export const root = join(import.meta.dirname, "../..");

/** An expression with nix/tests in scope: this project's modules, and the module systems. */
export function withModules(expression: string): string {
  return `(with import ${join(root, "nix/tests")}; ${expression})`;
}

/** The deployment that an expression with nix/tests in scope is. */
export function evaluate(expression: string): Evaluator {
  return nixEvaluator({ root: withModules(expression), nixArgs });
}

/** The deployment whose root component is a module. */
export function deployment(module: string): Evaluator {
  return evaluate(`root (${module})`);
}
