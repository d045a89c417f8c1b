import type { ResourceInfo } from "./evaluator.ts";
import { ProviderProcess } from "./provider-process.ts";
import { NotRun, type ApplyEvent } from "./results.ts";

export interface PoolOptions {
  /** Told what happens while it happens; without it, the providers' logs go to standard error. */
  onEvent?: (event: ApplyEvent) => void;
  /** Ctrl-C. With --no-interactive, it reaches all providers, and nothing more is started. */
  signal?: AbortSignal;
  /**
   * As nixops4 by default in a terminal: Ctrl-C reaches no provider (only composites that have not been begun are not),
   * and the providers' log is read by nixops4 itself, so that nobody reads it any more when it has exited.
   */
  interactive?: boolean;
  /** The working directory of the providers. */
  cwd?: string;
}

/** How long providers may take to end after SIGINT. */
const KILL_AFTER_MS = 5_000;

/** The provider processes of one apply. */
export class ProviderPool {
  readonly #options: PoolOptions;
  readonly #processes = new Set<ProviderProcess>();
  readonly #onAbort = () => this.#interrupt();
  #isAbandoned = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    if (options.interactive !== true) {
      options.signal?.addEventListener("abort", this.#onAbort, { once: true });
    }
  }

  /** Whether an interrupt has reached the providers. */
  get isStopped(): boolean {
    return this.#options.signal?.aborted === true && this.#options.interactive !== true;
  }

  start(member: string, { executable, args = [] }: ResourceInfo["provider"]): ProviderProcess {
    const { onEvent, cwd } = this.#options;
    if (this.isStopped) throw new NotRun("the apply was interrupted");
    if (this.#isAbandoned) throw new NotRun("nixops4 has exited");
    const process = new ProviderProcess(executable, {
      args,
      // An interrupt reaches providers once, from here, and not a second time from the terminal.
      detached: true,
      ...(cwd === undefined ? {} : { cwd }),
      ...(onEvent === undefined ? {} : { onStderr: (line) => onEvent({ kind: "log", member, line }) }),
    });
    this.#processes.add(process);
    return process;
  }

  async close(process: ProviderProcess): Promise<void> {
    await process.close();
    this.#processes.delete(process);
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#processes].map((process) => this.close(process)));
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
  }

  /** Leaves all processes alone, as nixops4 does when it exits. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    for (const process of this.#processes) {
      process.abandon({ keepLog: this.#options.interactive !== true });
    }
  }

  #interrupt(): void {
    const killAll = (signal: NodeJS.Signals) =>
      Promise.all([...this.#processes].map((process) => process.kill(signal)));
    const overdue = setTimeout(() => void killAll("SIGKILL"), KILL_AFTER_MS);
    void killAll("SIGINT").then(() => clearTimeout(overdue));
  }
}
