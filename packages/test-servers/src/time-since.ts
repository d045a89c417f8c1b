import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** What starting Node takes on a machine with nothing else to do. */
const QUIET_START_MS = 80;
const SAMPLES = 2;

/**
 * The milliseconds since a moment, told by Date.now, as they would have been on a machine with nothing else to do. A
 * machine under load takes as many times longer for what is measured as it takes longer to start a process.
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
