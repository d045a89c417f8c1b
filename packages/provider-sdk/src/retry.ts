import { sleep } from "./timers.ts";

export interface Retries {
  /** The time of the last try, in milliseconds of `performance.now()`. A pause that would end later is not begun. */
  deadline: number;
  /** The seconds between two tries: a fixed number, a first and a longest pause with doubling, or a function. */
  pause: number | { first: number; longest: number } | (() => number);
  /** Ends the tries when it is aborted, also during a pause. */
  signal: AbortSignal;
  /** Returns whether another try may succeed after a pause of `seconds`. Default: always. */
  mayPass?: (error: unknown, pauseSeconds: number) => boolean;
  /** Is called before each pause. */
  onFailure?: (error: unknown) => void;
}

/** Tries until it succeeds. Throws the last error, or the reason of the signal when it is aborted during a pause. */
export async function retryUntil<Result>(
  attempt: () => Promise<Result>,
  { deadline, pause, signal, mayPass = () => true, onFailure }: Retries,
): Promise<Result> {
  for (const pauses = pausesOf(pause); ;) {
    try {
      return await attempt();
    } catch (error) {
      const seconds = pauses.next().value;
      const isLate = performance.now() + seconds * 1000 > deadline;
      if (signal.aborted || isLate || !mayPass(error, seconds)) throw error;
      onFailure?.(error);
      await sleep(seconds, signal);
    }
  }
}

function* pausesOf(pause: Retries["pause"]): Generator<number, never> {
  if (typeof pause === "function") for (;;) yield pause();
  const { first, longest } = typeof pause === "number" ? { first: pause, longest: pause } : pause;
  for (let seconds = first; ; seconds = Math.min(seconds * 2, longest)) yield seconds;
}
