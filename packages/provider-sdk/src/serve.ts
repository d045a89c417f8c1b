import { fstatSync, read, readSync } from "node:fs";
import { answer } from "./dispatch.ts";
import { endBy, Interrupts } from "./interrupts.ts";
import { readLines } from "./lines.ts";
import type { Response } from "./protocol.ts";
import type { Provider } from "./resource.ts";
import { send } from "./send.ts";
import { claimStandardStreams } from "./standard-error.ts";
import { retrying } from "./write-all.ts";

/** How long to wait before a pipe that the other end has made non-blocking is read again. */
const RETRY_MS = 5;

/**
 * Serves the requests on standard input one after another until it ends. Only answers go to standard output: all other
 * output goes to standard error.
 */
export function serve(provider: Provider): void {
  if (process.argv.length > 2)
    return void import("./usage.ts").then(({ answerArguments }) => answerArguments(provider));
  claimStandardStreams();
  void serveRequests(provider);
}

async function serveRequests(provider: Provider): Promise<void> {
  const interrupts = new Interrupts();
  // Terminals and /dev/null are character devices.
  if (fstatSync(0).isCharacterDevice()) (await import("./usage.ts")).greetPerson(provider);
  for await (const line of readLines((buffer) => readStdin(buffer, interrupts))) {
    const signal = interrupts.beginWork();
    const response = "text" in line ? await answer(provider, line.text, signal) : refusal(line.problem);
    interrupts.endWork();
    send(response);
    if (interrupts.stoppedBy !== undefined) return endBy(interrupts.stoppedBy);
  }
  // A socket or a timer of a library may keep the process alive.
  process.exit();
}

function refusal(problem: string): Response {
  return { errorResponse: { message: `the request line ${problem}` } };
}

/**
 * Reads the first request with blocking calls, which is safe while there is no work to interrupt. Opening standard input as
 * a stream would add a fifth to the start-up time of Node.
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
