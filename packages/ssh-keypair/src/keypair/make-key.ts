import type { Context } from "@nixops4-providers/provider-sdk";
import { generateKeyPair, type KeyPair, type KeyPairOptions } from "@nixops4-providers/ssh-keys";

/** Generating keys of this size or more takes seconds. */
const LONG_RSA_BITS = 4096;

/** Makes a new key. Rejects when the context's signal is aborted. */
export async function makeKey(options: KeyPairOptions, context: Context): Promise<KeyPair> {
  context.signal.throwIfAborted();
  const isLong = options.algorithm === "rsa" && options.bits >= LONG_RSA_BITS;
  const progress = isLong ? context.progress(`making an rsa key of ${options.bits} bits`) : undefined;
  try {
    return await unlessAborted(generateKeyPair(options), context.signal);
  } finally {
    progress?.done();
  }
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      // OpenSSL cannot be stopped, and process.exit would wait for it for up to a minute.
      process.once("exit", () => process.kill(process.pid, "SIGKILL"));
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", onAbort);
    void work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
