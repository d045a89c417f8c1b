import { Writable } from "node:stream";
import { writeAll } from "./write-all.ts";

const STANDARD_ERROR = 2;

/**
 * Writes to standard error, and leaves its pipe blocking. nixops4 has the same pipe, and ends when it cannot write at
 * once. Work goes on without a log when nobody reads it any more, as after the end of nixops4.
 */
export function writeToStandardError(bytes: Uint8Array): void {
  try {
    writeAll(STANDARD_ERROR, bytes);
  } catch {
    // There is nowhere to say so.
  }
}

/**
 * Puts a stream that leaves the pipe blocking in the place of process.stderr, and of process.stdout. Node's own makes the
 * pipe non-blocking when it is first looked at, which Node itself does whenever it closes a socket or the pipe of a child.
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
