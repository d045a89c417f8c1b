import { ProviderError } from "./errors.ts";

/** The longest time of Node's timers. A longer one would count as 1 ms. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Calls `act` once, after any number of seconds of the monotonic clock, which may have a fraction or be `Infinity`. Returns
 * a function that stops the timer.
 */
export function startTimer(seconds: number, act: () => void, { unref = false } = {}): () => void {
  if (Number.isNaN(seconds)) throw new RangeError("a timeout must be a number of seconds");
  const end = performance.now() + seconds * 1000;
  let timer: NodeJS.Timeout;
  const wait = () => {
    const left = Math.max(0, Math.ceil(end - performance.now()));
    timer = setTimeout(() => (left > LONGEST_MS ? wait() : act()), Math.min(left, LONGEST_MS));
    if (unref) timer.unref();
  };
  wait();
  return () => clearTimeout(timer);
}

/** Returns the milliseconds for one of Node's own timers, which wait for 24 days at most. */
export function timerMs(seconds: number): number {
  return Math.min(seconds * 1000, LONGEST_MS);
}

/** Returns a signal that is aborted after this many seconds. Its timer does not keep the process alive. */
export function timeoutSignal(seconds: number): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort(new ProviderError(`it took more than ${seconds} s`));
  startTimer(seconds, abort, { unref: true });
  return controller.signal;
}

/** Waits this many seconds. Throws the reason of the signal as soon as it is aborted. */
export function sleep(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      stop();
      reject(signal!.reason);
    };
    const stop = startTimer(seconds, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
  });
}

/** Returns the value of a promise. Throws when it takes longer than `seconds`, and when the signal is aborted. */
export function withDeadline<T>(
  promise: Promise<T>,
  seconds: number,
  message: string,
  signal?: AbortSignal,
  hint?: string,
): Promise<T> {
  const late = new ProviderError(`${message} within ${seconds} s`, hint === undefined ? {} : { hint });
  return new Promise((resolve, reject) => {
    const fail = (reason: unknown) => {
      cleanUp();
      reject(reason);
    };
    const onAbort = () => fail(signal?.reason);
    const stop = startTimer(seconds, () => fail(late));
    const cleanUp = () => {
      stop();
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
