import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

export interface Usage {
  /** The user and system time of the process, in milliseconds. */
  cpuMs: number;
  /** The peak memory, in MiB. */
  peakMemory: number;
  stdout: string;
}

export interface Node {
  version: string;
  path: string;
}

/** Returns the current Node, and the other versions that are installed in the workspace. */
export function availableNodes(): Node[] {
  const others = [20, 24].map((major) => ({
    version: `v${major}`,
    path: join(import.meta.dirname, "../../e2e/node_modules", `node-${major}`, "bin/node"),
  }));
  const isCurrent = ({ version }: Node) => process.version.startsWith(`${version}.`);
  return [
    { version: process.version, path: process.execPath },
    ...others.filter((node) => !isCurrent(node) && existsSync(node.path)),
  ];
}

/**
 * Calls `use` with a function that runs a Node process and reports its resource usage. The hook that measures it costs
 * the same in each process.
 */
export async function withUsage<T>(
  use: (run: (node: string, args: string[], stdin: string) => Promise<Usage>) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "bench-"));
  try {
    const hook = join(folder, "hook.cjs");
    await writeFile(
      hook,
      `process.on("exit", () => {
        const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
        require("fs").writeSync(3, JSON.stringify([userCPUTime + systemCPUTime, maxRSS]));
      });`,
    );
    return await use(async (node, args, stdin) => {
      const child = spawn(node, ["--require", hook, ...args], {
        stdio: ["pipe", "pipe", "ignore", "pipe"],
      }) as unknown as ChildProcessWithoutNullStreams;
      child.stdin.on("error", () => {});
      child.stdin.end(stdin);
      const [stdout, usage] = await Promise.all([
        text(child.stdout),
        text(child.stdio[3] as unknown as NodeJS.ReadableStream),
      ]);
      const [cpuMicroseconds, maxKibibytes] = JSON.parse(usage) as [number, number];
      return { cpuMs: cpuMicroseconds / 1000, peakMemory: maxKibibytes / 1024, stdout };
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

export function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Prints one line: what was measured, the figure, and whether it meets the goal. */
export function report(what: string, figure: string, goal?: { met: boolean; text: string }): void {
  const verdict = goal === undefined ? "" : `  ${goal.met ? "meets" : "MISSES"} the goal: ${goal.text}`;
  console.log(`  ${what.padEnd(44)} ${figure.padEnd(24)}${verdict}`);
}
