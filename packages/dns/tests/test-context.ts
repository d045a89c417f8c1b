import type { Context } from "@nixops4-providers/provider-sdk";

/** The key that every reference to a secret gives. */
export const TEST_KEY = Buffer.from("a key of the tests").toString("base64");

/** A context that notes what is logged, and whose secrets are all {@link TEST_KEY}. */
export function testContext(signal = new AbortController().signal) {
  const logged: string[] = [];
  const note = (line: string) => void logged.push(line);
  const log = { info: note, warn: note };
  const context = {
    signal,
    log,
    progress: () => ({ update: note, done: () => {} }),
    key: async () => TEST_KEY,
  } as unknown as Context;
  return { context, logged };
}
