import { ProviderError } from "@nixops4-providers/provider-sdk";

/** Passes a promise on, or fails after so many seconds and when the signal is aborted. */
export function withDeadline<T>(
  promise: Promise<T>,
  seconds: number,
  message: string,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (reason: unknown) => {
      cleanUp();
      reject(reason);
    };
    const onAbort = () => fail(signal?.reason);
    const timer = setTimeout(() => fail(new ProviderError(`${message} within ${seconds} s`)), seconds * 1000);
    const cleanUp = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted === true) onAbort();
    promise.then((value) => {
      cleanUp();
      return resolve(value);
    }, fail);
  });
}

/** Waits; fails as soon as the signal is aborted, with its reason. */
export async function sleep(seconds: number, signal: AbortSignal): Promise<void> {
  const { setTimeout: sleepFor } = await import("node:timers/promises");
  try {
    await sleepFor(seconds * 1000, undefined, { signal });
  } catch {
    throw signal.reason;
  }
}
