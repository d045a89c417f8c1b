import { Writable } from "node:stream";
import { writeAll } from "./write-all.ts";

const STANDARD_ERROR = 2;

/**
 * Writes to standard error and leaves its pipe blocking: nixops4 has the same pipe and fails when a write would block.
 * Ignores that the pipe has no reader, so that work goes on after the end of nixops4.
 */
export function writeToStandardError(bytes: Uint8Array): void {
  try {
    writeAll(STANDARD_ERROR, bytes);
  } catch {
    // There is no other place for the message.
  }
}

/**
 * Replaces process.stderr and process.stdout by a stream that leaves the pipe blocking. Node's own streams make the pipe
 * non-blocking at their first use, also when Node itself closes a socket or the pipe of a child.
 */
export function claimStandardStreams(): void {
  let stream: Writable | undefined;
  const get = () => (stream ??= Object.assign(createStream(), { fd: STANDARD_ERROR }));
  for (const name of ["stdout", "stderr"]) Object.defineProperty(process, name, { configurable: true, get });
}

function createStream(): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      writeToStandardError(chunk);
      done();
    },
  });
}
