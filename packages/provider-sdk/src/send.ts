import { stringifyJson } from "@nixops4-providers/json";
import type { Response } from "./protocol.ts";
import { writeAll } from "./write-all.ts";

/** Writes an answer as one line to standard output. Exits without an error when its reader is gone. */
export function send(response: Response): void {
  const bytes = encode(response);
  try {
    writeAll(1, bytes);
  } catch (error) {
    // The reader of the answers is gone: there is nobody left to work for or to complain to.
    if ((error as NodeJS.ErrnoException).code === "EPIPE") process.exit(0);
    throw error;
  }
}

function encode(response: Response): Buffer {
  try {
    return Buffer.from(`${stringifyJson(response)}\n`);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // What takes 100 MiB in memory may take six times that as JSON, which is more than a string can have.
    return encode({ errorResponse: { message: "the answer is too long: as JSON it has over 512 MiB" } });
  }
}
