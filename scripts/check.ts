// Checks format, lint rules, types, unused code, shell scripts and generated files, without changing anything.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { staleFiles } from "./gen.ts";
import { main } from "./lib/main.ts";
import { checkNixFiles } from "./lib/nix.ts";
import { providerPackages, root } from "./lib/providers.ts";
import { checkShellScripts } from "./lib/shell.ts";
import { undocumented } from "./lib/type-docs.ts";
import { stalePnpmDeps } from "./pnpm-deps-hash.ts";

export interface CheckResult {
  name: string;
  /** The errors that were found; empty when there are none. */
  problem: string;
  /** Why the check did not run. */
  skipped?: string | undefined;
}

const tools: Record<string, string[]> = {
  "format (fix with: npm run format)": ["prettier", "--check", "--log-level=warn", "."],
  lint: ["oxlint", "--type-aware", "--deny-warnings", "--quiet"],
  types: ["tsc", "--project", "tsconfig.json"],
  "unused code": ["knip", "--no-progress"],
};

/** Runs each check in turn, and prints its result when it ends. */
export async function runChecks(): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  const report = (name: string, problem: string, skipped?: string) => {
    const verdict = skipped === undefined ? (problem === "" ? "ok  " : "FAIL") : `SKIPPED (${skipped})`;
    console.error(`${verdict} check: ${name}${problem === "" ? "" : `\n${problem}`}`);
    results.push({ name, problem, skipped });
  };
  for (const [name, [tool, ...args]] of Object.entries(tools)) {
    const run = spawnSync(join(root, "node_modules", ".bin", tool!), args, { cwd: root, encoding: "utf8" });
    const output = run.error?.message ?? `${run.stdout}${run.stderr}`;
    report(name, run.status === 0 ? "" : output);
  }
  for (const { name, problem, skipped } of [...checkNixFiles(), checkShellScripts()]) {
    report(name, problem, skipped);
  }
  report("the hash of the npm dependencies (fix with: npm run pnpm-deps-hash)", await stalePnpmDeps());
  report("every resource type has docs and an example", undocumented(await providerPackages()).join("\n"));
  const stale = await staleFiles();
  report(
    "generated files are current (fix with: npm run gen)",
    stale.length === 0 ? "" : `stale: ${stale.join(", ")}`,
  );
  return results;
}

main(import.meta.url, async () => {
  const failed = (await runChecks()).filter(({ problem }) => problem !== "");
  if (failed.length > 0) throw new Error(`${failed.length} checks failed`);
});
