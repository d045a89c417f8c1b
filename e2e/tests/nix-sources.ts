import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { nixEvaluator, type Evaluator } from "../harness/index.ts";

/** A suffix for the name of a suite that needs Nix and a writable store: why it is skipped, or an empty string. */
export const nixMissing = whyNixCannotWrite();
export const hasNix = nixMissing === "";

/** Options that build on this machine, without a binary cache. */
export const nixArgs = Object.entries({
  sandbox: "false",
  substitute: "false",
  "build-users-group": "",
}).flatMap(([name, value]) => ["--option", name, value]);

const missing = ["NIXOPS4_SOURCE", "NIXPKGS_LIB_SOURCE", "FLAKE_PARTS_SOURCE"].filter(
  (name) => (process.env[name] ?? "") === "",
);

/** A suffix for the name of a suite that evaluates modules: why it is skipped, or an empty string. */
export const moduleSystemsMissing =
  nixMissing || (missing.length > 0 ? ` (skipped without ${missing.join(", ")})` : "");

export const root = join(import.meta.dirname, "../..");

function whyNixCannotWrite(): string {
  const args = ["--eval", "--read-write-mode", "-E", 'builtins.toFile "x" ""'];
  const { status, error, stderr } = spawnSync("nix-instantiate", args, { encoding: "utf8" });
  if (status === 0) return "";
  if (error !== undefined) return " (skipped: there is no nix-instantiate)";
  return ` (skipped: nix-instantiate cannot write to the store: ${stderr.trim().split("\n").at(-1)})`;
}

/** Wraps an expression in the scope of nix/tests: this project's modules, and the module systems. */
export function withModules(expression: string): string {
  return `(with import ${join(root, "nix/tests")}; ${expression})`;
}

/** Returns the deployment of an expression in the scope of nix/tests. */
export function evaluate(expression: string): Evaluator {
  return nixEvaluator({ root: withModules(expression), nixArgs });
}

/** Returns the deployment whose root component is a module. */
export function deployment(module: string): Evaluator {
  return evaluate(`root (${module})`);
}
