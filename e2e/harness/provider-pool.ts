import type { ResourceInfo } from "./evaluator.ts";
import { ProviderProcess } from "./provider-process.ts";
import { NotRun, type ApplyEvent } from "./results.ts";

export interface PoolOptions {
  onEvent?: (event: ApplyEvent) => void;
  signal?: AbortSignal;
  cwd?: string;
}

/** How long providers may take to end after SIGTERM. */
const KILL_AFTER_MS = 5_000;

/** The provider processes of one apply. */
export class ProviderPool {
  readonly #options: PoolOptions;
  readonly #processes = new Set<ProviderProcess>();
  readonly #onAbort = () => this.#interrupt();

  constructor(options: PoolOptions) {
    this.#options = options;
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  start(member: string, { executable, args = [] }: ResourceInfo["provider"]): ProviderProcess {
    const { onEvent, signal, cwd } = this.#options;
    if (signal?.aborted === true) throw new NotRun("the apply was interrupted");
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

  #interrupt(): void {
    const killAll = (signal: NodeJS.Signals) =>
      Promise.all([...this.#processes].map((process) => process.kill(signal)));
    const overdue = setTimeout(() => void killAll("SIGKILL"), KILL_AFTER_MS);
    void killAll("SIGTERM").then(() => clearTimeout(overdue));
  }
}
