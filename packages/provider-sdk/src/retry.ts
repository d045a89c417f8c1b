import { sleep } from "./timers.ts";

export interface Retries {
  /** When trying ends, in milliseconds of `performance.now()`: a pause that goes beyond it is not begun. */
  deadline: number;
  /** The seconds between two tries: always so many, from the first to the longest by doubling, or chosen each time. */
  pause: number | { first: number; longest: number } | (() => number);
  /** Ends the tries, and a pause at once. */
  signal: AbortSignal;
  /** Whether another try may succeed, after a pause of so many seconds. Without it, always. */
  mayPass?: (error: unknown, pauseSeconds: number) => boolean;
  /** Called before each pause. */
  onFailure?: (error: unknown) => void;
}

/** Tries until it succeeds. Throws the last failure, or the reason of a signal that was aborted during a pause. */
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
