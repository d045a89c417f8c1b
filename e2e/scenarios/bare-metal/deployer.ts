// The lab's `nixops4 apply`: applies the network in a JSON file, in a separate process, and prints one event in JSON
// per line.
import { readFileSync } from "node:fs";
import { ApplyError, applyDeployment, type ApplyEvent } from "../../harness/index.ts";
import { networkEvaluator, type Network } from "./deployment.ts";

/** A line of standard output. `at` is in milliseconds since 1970. */
export type TimedEvent = ApplyEvent & { at: number };

const network = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as Network;
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupted.abort());
try {
  await applyDeployment(networkEvaluator(network), {
    cwd: network.folder,
    signal: interrupted.signal,
    onEvent: (event) => process.stdout.write(`${JSON.stringify({ at: Date.now(), ...event })}\n`),
  });
} catch (error) {
  // An ApplyError is already in the events.
  if (!(error instanceof ApplyError)) throw error;
  process.exitCode = 1;
}
