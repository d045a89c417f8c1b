import { Refusal } from "./refusal.ts";

/** Tracks whether the store works. */
export class StoreHealth {
  /** Why nothing can be stored at the moment, `undefined` if it can. Without details, which go to the log. */
  problem: string | undefined;
  readonly #log: (message: string) => void;

  constructor(log: (message: string) => void) {
    this.#log = log;
  }

  /** Runs work that writes to the store. Refuses with `unavailable` if it fails, and logs the reason once. */
  async storing(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#fail(error as NodeJS.ErrnoException);
    }
    if (this.problem !== undefined) this.#log("the store works again: commands are accepted");
    this.problem = undefined;
  }

  #fail({ message, code }: NodeJS.ErrnoException): never {
    const details = code === undefined ? "" : ` (${code})`;
    const problem = `nothing can be stored at the moment${details}: see the log of the service`;
    if (problem !== this.problem) this.#log(`cannot write to the store, so commands are refused: ${message}`);
    this.problem = problem;
    throw new Refusal("unavailable", problem);
  }
}
