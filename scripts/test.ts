// Runs all tests with `npm test`, or some of them with `npm test -- <pattern of file names>`.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "./build.ts";
import { runChecks } from "./check.ts";
import { installDebianPackages, TESTS } from "./lib/debian.ts";
import { main } from "./lib/main.ts";
import { buildWithoutBuildUsers } from "./lib/nix-build-users.ts";
import { root } from "./lib/providers.ts";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface JestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numRuntimeErrorTestSuites: number;
  testResults: { assertionResults: { status: string; ancestorTitles: string[]; title: string }[] }[];
}

/** The Node versions on which unit tests run besides the current one, if they are installed in the workspace. */
const NODE_VERSIONS = [20, 24];

async function test(patterns: string[]): Promise<void> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const missing = installDebianPackages(TESTS);
  if (missing.length > 0)
    console.error(`Suites that need these Debian packages will be skipped: ${missing.join(", ")}`);
  buildWithoutBuildUsers();
  // Tests compare the output of programs, so it must not depend on the user's language.
  process.env["LC_ALL"] = "C.UTF-8";
  await build();
  if (patterns.length === 0) {
    for (const { problem, skipped } of await runChecks()) {
      if (skipped !== undefined) counts.skipped++;
      else counts[problem === "" ? "passed" : "failed"]++;
    }
  }
  await runJest(process.execPath, patterns, counts);
  if (patterns.length === 0) await runUnitTestsElsewhere(counts);
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
}

async function runUnitTestsElsewhere(counts: Counts): Promise<void> {
  for (const version of NODE_VERSIONS) {
    if (process.versions.node.startsWith(`${version}.`)) continue;
    const node = join(root, "e2e", "node_modules", `node-${version}`, "bin", "node");
    if (existsSync(node)) {
      console.error(`\nUnit tests on Node ${version}:`);
      await runJest(node, ["packages/[^/]+/src/"], counts);
    } else {
      console.error(
        `SKIPPED: unit tests on Node ${version}: its binary is only packaged for Linux on x86_64`,
      );
      counts.skipped++;
    }
  }
}

async function runJest(node: string, patterns: string[], counts: Counts): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "nixops4-providers-jest-"));
  try {
    const outputFile = join(folder, "report.json");
    const jest = join(root, "node_modules", "jest", "bin", "jest.js");
    spawnSync(node, [jest, "--json", `--outputFile=${outputFile}`, ...patterns], {
      cwd: root,
      stdio: ["ignore", "ignore", "inherit"],
      env: {
        ...process.env,
        NODE_OPTIONS: "--experimental-vm-modules --disable-warning=ExperimentalWarning",
      },
    });
    const report = JSON.parse(await readFile(outputFile, "utf8")) as JestReport;
    counts.passed += report.numPassedTests;
    counts.failed += report.numFailedTests + report.numRuntimeErrorTestSuites;
    counts.skipped += report.numPendingTests;
    for (const [suite, tests] of skippedSuites(report)) console.error(`SKIPPED: ${suite}: ${tests} tests`);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function skippedSuites(report: JestReport): Map<string, number> {
  const suites = new Map<string, number>();
  for (const { status, ancestorTitles, title } of report.testResults.flatMap(
    (file) => file.assertionResults,
  )) {
    if (status !== "pending") continue;
    const suite = ancestorTitles[0] ?? title;
    suites.set(suite, (suites.get(suite) ?? 0) + 1);
  }
  return suites;
}

main(import.meta.url, () => test(process.argv.slice(2)));
