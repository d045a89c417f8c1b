import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** The time in milliseconds that Node takes to start on an idle machine. */
const QUIET_START_MS = 80;
const SAMPLES = 2;

/**
 * Returns the milliseconds since a time of Date.now, scaled to an idle machine. Assumes that a loaded machine is slower
 * by the same factor as when it starts a process.
 */
export async function timeSince(moment: number): Promise<number> {
  const elapsed = Date.now() - moment;
  const starts: number[] = [];
  while (starts.length < SAMPLES) starts.push(await startOfNode());
  return elapsed / Math.max(1, Math.max(...starts) / QUIET_START_MS);
}

async function startOfNode(): Promise<number> {
  const begin = performance.now();
  await promisify(execFile)(process.execPath, ["--eval", "0"], { env: {} });
  return performance.now() - begin;
}
