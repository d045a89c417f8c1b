import type { ResourceInfo } from "./evaluator.ts";
import { ProviderProcess } from "./provider-process.ts";
import { NotRun, type ApplyEvent } from "./results.ts";

export interface PoolOptions {
  /** Called with each event. Without it, the logs of the providers go to standard error. */
  onEvent?: (event: ApplyEvent) => void;
  /** Stands for Ctrl-C. With --no-interactive, it reaches all providers, and nothing else is started. */
  signal?: AbortSignal;
  /**
   * Whether to act like nixops4 in a terminal, where it is interactive by default: Ctrl-C reaches no provider and only
   * stops composites that have not started. nixops4 itself reads the logs of the providers, so no process reads them
   * after it has exited.
   */
  interactive?: boolean;
  /** The working directory of the providers. */
  cwd?: string;
}

/** The time that providers have to exit after SIGINT, in milliseconds. */
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

  /** Whether the providers were interrupted. */
  get isStopped(): boolean {
    return this.#options.signal?.aborted === true && this.#options.interactive !== true;
  }

  start(member: string, { executable, args = [] }: ResourceInfo["provider"]): ProviderProcess {
    const { onEvent, cwd } = this.#options;
    if (this.isStopped) throw new NotRun("the apply was interrupted");
    if (this.#isAbandoned) throw new NotRun("nixops4 has exited");
    const process = new ProviderProcess(executable, {
      args,
      // Detached, so that the terminal does not send the interrupt a second time.
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

  /** Leaves all processes running, like nixops4 when it exits. */
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
