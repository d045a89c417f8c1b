import { writeSync } from "node:fs";

/** How long to wait before a pipe that the other end has made non-blocking is tried again. */
const RETRY_MS = 5;

/** Writes all bytes to a descriptor, even if another process has made it non-blocking. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let sent = 0; sent < bytes.length;) sent += retrying(() => writeSync(fd, bytes, sent));
}

/** Repeats a call until it does not fail with EAGAIN. */
export function retrying(call: () => number): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}
