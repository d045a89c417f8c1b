import type { Log } from "./log.ts";

export interface Progress {
  /** Sets the detail that the next line shows. */
  update(detail: string): void;
  done(): void;
}

const PROGRESS_INTERVAL_MS = 5_000;
const STOP_HINT_SECONDS = 60;
const parent = process.ppid;

/** Logs that an operation begins and, every 5 s, that it goes on, until `done` is called. */
export function startProgress(what: string, log: Log): Progress {
  const start = performance.now();
  let detail = "";
  const hints = new Hints();
  log.info(what);
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - start) / 1000);
    log.info(`${what} (${seconds} s${detail === "" ? "" : `; ${detail}`})`);
    for (const hint of hints.take(seconds)) log.info(hint);
  }, PROGRESS_INTERVAL_MS);
  timer.unref();
  return {
    update: (text) => void (detail = text),
    done: () => clearInterval(timer),
  };
}

/** The hints on how to end a long operation. Each is given once. */
class Hints {
  #stop = false;
  #orphan = false;

  take(seconds: number): string[] {
    const hints: string[] = [];
    const end = `\`kill ${process.pid}\` ends it`;
    if (!this.#orphan && process.ppid !== parent) {
      hints.push(`nixops4 has ended; this goes on until it is done (${end})`);
      this.#orphan = this.#stop = true;
    }
    if (!this.#stop && seconds >= STOP_HINT_SECONDS) {
      hints.push(`Ctrl-C ends this only if nixops4 runs with --no-interactive; ${end} in any case`);
      this.#stop = true;
    }
    return hints;
  }
}
