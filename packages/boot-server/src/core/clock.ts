export interface Clock {
  /** Returns the time of day, in milliseconds since 1970. It may be set at any time. */
  now(): number;
  /** Returns the milliseconds since a fixed moment. It is never set. */
  uptime(): number;
}

/** A smaller difference is taken for drift. */
const STEP_MS = 2_000;

/** Detects that the time of day was set. */
export class ClockWatch {
  readonly #clock: Clock;
  #offset: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offset = clock.now() - clock.uptime();
  }

  /** Returns how far the time of day was set since the last call, in milliseconds. 0 if it was not. */
  step(): number {
    const offset = this.#clock.now() - this.#clock.uptime();
    const step = offset - this.#offset;
    if (Math.abs(step) < STEP_MS) return 0;
    this.#offset = offset;
    return step;
  }
}
