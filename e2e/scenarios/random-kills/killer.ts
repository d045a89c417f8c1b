import { type FSWatcher, watch } from "node:fs";
import { join } from "node:path";
import { signalMarked } from "./marked.ts";

/** The probabilities of a kill. */
const AT_SOME_MOMENT = 0.7;
const WHILE_IT_WRITES = 0.5;
const WHILE_IT_COMPACTS = 0.1;
const AFTER_AN_EVENT = 0.05;
const WRITING_MS = 2;

/** Kills providers with SIGKILL at random moments, until it is closed. */
export class Killer {
  /** How many processes were killed. */
  kills = 0;
  readonly #random: () => number;
  readonly #lifetimeMs: number;
  readonly #watchers: FSWatcher[];
  readonly #timers = new Set<NodeJS.Timeout>();
  /** The process that has the state open. */
  #keeper: number | undefined;

  /** `lifetimeMs` is about how long a provider lives. */
  constructor(folder: string, random: () => number, lifetimeMs: number) {
    this.#random = random;
    this.#lifetimeMs = lifetimeMs;
    const on = (name: string, act: (file: string) => void) =>
      watch(join(folder, name), (_, file) => act(file ?? ""));
    this.#watchers = [
      on("started", (file) => this.#onStart(file)),
      on("files", (file) => this.#onWrite(file, WHILE_IT_WRITES)),
      on("keys", (file) => this.#onWrite(file, WHILE_IT_WRITES)),
      on(".", (file) => {
        if (file === "state.json") this.#onStateEvent();
        else this.#onWrite(file, WHILE_IT_COMPACTS);
      }),
    ];
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #onStart(file: string): void {
    const [member = "", pid = ""] = file.split(".");
    if (member === "state") this.#keeper = Number(pid);
    // Without its state nothing else runs, so it is spared here.
    else this.#perhaps(AT_SOME_MOMENT, Number(pid), this.#lifetimeMs);
  }

  /** A temporary file has the process ID in its name. */
  #onWrite(file: string, probability: number): void {
    const pid = /^\.nixops4-(\d+)-/.exec(file)?.[1];
    if (pid !== undefined) this.#perhaps(probability, Number(pid), WRITING_MS);
  }

  #onStateEvent(): void {
    if (this.#keeper !== undefined) this.#perhaps(AFTER_AN_EVENT, this.#keeper, WRITING_MS);
  }

  #perhaps(probability: number, pid: number, withinMs: number): void {
    if (this.#random() >= probability) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.kill(pid);
    }, this.#random() * withinMs);
    this.#timers.add(timer);
  }

  kill(pid: number): void {
    if (signalMarked(pid, "SIGKILL")) this.kills++;
  }
}
