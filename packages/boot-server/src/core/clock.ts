export interface Clock {
  /** The time of day, in milliseconds since 1970. It may be set at any time. */
  now(): number;
  /** Milliseconds since some moment. Never set. */
  uptime(): number;
}

/** A smaller difference is drift. */
const STEP_MS = 2_000;

/** Notices that somebody has set the time of day. */
export class ClockWatch {
  readonly #clock: Clock;
  #offset: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offset = clock.now() - clock.uptime();
  }

  /** Returns by how many milliseconds the time of day was set since the last call, 0 if it was not. */
  step(): number {
    const offset = this.#clock.now() - this.#clock.uptime();
    const step = offset - this.#offset;
    if (Math.abs(step) < STEP_MS) return 0;
    this.#offset = offset;
    return step;
  }
}
