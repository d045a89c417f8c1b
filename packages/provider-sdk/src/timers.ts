import { ProviderError } from "./errors.ts";

/** The longest that Node's timers can wait; they take a longer time for 1 ms. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Calls `act` once, after this many seconds: any number, fractions and `Infinity` included. Returns what stops that.
 * By the monotonic clock: a step of the time of day changes nothing.
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

/** The milliseconds for one of Node's own timers, which wait for 24 days at most. */
export function timerMs(seconds: number): number {
  return Math.min(seconds * 1000, LONGEST_MS);
}

/** A signal that is aborted after this many seconds, as {@link startTimer} counts them. It keeps no process alive. */
export function timeoutSignal(seconds: number): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort(new ProviderError(`it took more than ${seconds} s`));
  startTimer(seconds, abort, { unref: true });
  return controller.signal;
}

/** Waits this many seconds; fails as soon as the signal is aborted, with its reason. */
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

/** Passes a promise on, or fails after so many seconds and when the signal is aborted. */
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
