import { fstatSync, read, readSync } from "node:fs";
import { answer } from "./dispatch.ts";
import { endBy, Interrupts } from "./interrupts.ts";
import { readLines } from "./lines.ts";
import type { Response } from "./protocol.ts";
import type { Provider } from "./resource.ts";
import { send } from "./send.ts";
import { claimStandardStreams } from "./standard-error.ts";
import { retrying } from "./write-all.ts";

/** How long to wait for a pipe that the other end has made non-blocking. */
const RETRY_MS = 5;

/**
 * Serves nixops4's requests from standard input until it ends, one after another. Takes standard output for
 * the answers alone: whatever else is printed goes to standard error.
 */
export function serve(provider: Provider): void {
  if (process.argv.length > 2)
    return void import("./usage.ts").then(({ answerArguments }) => answerArguments(provider));
  claimStandardStreams();
  void serveRequests(provider);
}

async function serveRequests(provider: Provider): Promise<void> {
  const interrupts = new Interrupts();
  // A terminal is one, as is /dev/null.
  if (fstatSync(0).isCharacterDevice()) (await import("./usage.ts")).greetPerson(provider);
  for await (const line of readLines((buffer) => readStdin(buffer, interrupts))) {
    const signal = interrupts.beginWork();
    const response = "text" in line ? await answer(provider, line.text, signal) : refusal(line.problem);
    interrupts.endWork();
    send(response);
    if (interrupts.stoppedBy !== undefined) return endBy(interrupts.stoppedBy);
  }
  // Not by itself: a library may have left a socket or a timer behind.
  process.exit();
}

function refusal(problem: string): Response {
  return { errorResponse: { message: `the request line ${problem}` } };
}

/**
 * Blocks until the first request, when there is nothing yet that a signal could interrupt: to open standard input
 * as a stream would add a fifth to the start-up time of Node.
 */
async function readStdin(buffer: Buffer, interrupts: Interrupts): Promise<number> {
  if (!interrupts.begun) return retrying(() => readSync(0, buffer));
  for (;;) {
    const bytes = await new Promise<number | undefined>((resolve, reject) => {
      read(0, buffer, 0, buffer.length, null, (error, count) => {
        if (error === null) resolve(count);
        else if (error.code === "EAGAIN") setTimeout(resolve, RETRY_MS, undefined);
        else reject(error);
      });
    });
    if (bytes !== undefined) return bytes;
  }
}
