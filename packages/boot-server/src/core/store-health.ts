import { Refusal } from "./refusal.ts";

/** Whether the store works, and why not. */
export class StoreHealth {
  /** Why nothing can be stored at the moment, `undefined` if it can. Without details, which go to the log. */
  problem: string | undefined;
  readonly #log: (message: string) => void;

  constructor(log: (message: string) => void) {
    this.#log = log;
  }

  /** Runs what stores something. Refuses with `unavailable` if it fails, and logs the reason once. */
  async storing(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#fail(error as NodeJS.ErrnoException);
    }
    if (this.problem !== undefined) this.#log("commands are accepted again: the store works");
    this.problem = undefined;
  }

  #fail({ message, code }: NodeJS.ErrnoException): never {
    const details = code === undefined ? "" : ` (${code})`;
    const problem = `nothing can be stored at the moment${details}: see the log of the service`;
    if (problem !== this.problem) this.#log(`commands are refused: the store fails: ${message}`);
    this.problem = problem;
    throw new Refusal("unavailable", problem);
  }
}
