import { stringifyJson } from "@nixops4-providers/json";
import type { Response } from "./protocol.ts";
import { writeAll } from "./write-all.ts";

/** Writes an answer as one line to standard output. Exits without an error when its reader is gone. */
export function send(response: Response): void {
  const bytes = encode(response);
  try {
    writeAll(1, bytes);
  } catch (error) {
    // nixops4 has ended and cannot read an error either.
    if ((error as NodeJS.ErrnoException).code === "EPIPE") process.exit(0);
    throw error;
  }
}

function encode(response: Response): Buffer {
  try {
    return Buffer.from(`${stringifyJson(response)}\n`);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // JSON may need six bytes for each byte of a string, and Node limits strings to 512 MiB.
    return encode({ errorResponse: { message: "the answer is too long: as JSON it has over 512 MiB" } });
  }
}
