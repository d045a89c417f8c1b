import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Landscaper } from "../../lab/landscaper.ts";
import { processFile, processIds } from "../../lab/processes.ts";
import { keyFolder } from "./deployment.ts";

/** A step of an entry, as the boot service has stored it. */
export interface BootEvent {
  at: number;
  /** Of the entry. */
  id: string;
  kind: string;
  /** Of `delivered`, only its id. */
  boot?: { token: string; id: string } | string;
  report?: { stage: string; percent?: number; message: string };
}

const PERIOD_MS = 200;

/** Looks at a run five times a second: at what happens, for the timeline, and at what others could read, for secrets. */
export class Observer {
  /** Of the boot service, in order. */
  readonly bootEvents: BootEvent[] = [];
  readonly tokens = new Set<string>();
  /** What the addresses of overlays have that nobody can guess. */
  readonly overlayIds = new Set<string>();
  /** All temporary host keys that were made. */
  readonly temporaryKeys = new Set<string>();
  /** Command lines and environments of all processes of the host. */
  readonly processTexts = new Set<string>();
  /** What the boot service shows to everybody. */
  readonly statusTexts = new Set<string>();
  readonly #landscaper: Landscaper;
  readonly #seenEvents = new Set<string>();
  readonly #seenProcesses = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #looks = 0;

  constructor(landscaper: Landscaper) {
    this.#landscaper = landscaper;
    this.#timer = setInterval(() => this.#look(), PERIOD_MS);
  }

  /** Waits until the boot service has stored such a step. */
  async bootEvent(
    what: string,
    fits: (event: BootEvent) => boolean,
    timeoutSeconds: number,
  ): Promise<BootEvent> {
    const deadline = Date.now() + timeoutSeconds * 1000;
    for (;;) {
      const event = this.bootEvents.find(fits);
      if (event !== undefined) return event;
      if (Date.now() > deadline) throw new Error(`the boot service: ${what}: not within ${timeoutSeconds} s`);
      await sleep(PERIOD_MS);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#look();
  }

  #look(): void {
    this.#looks += 1;
    this.#lookAtJournal();
    this.#lookAtKeys();
    this.#lookAtProcesses();
    if (this.#looks % 10 === 0) void this.#lookAtStatus();
  }

  #lookAtJournal(): void {
    const records = readFileSync(join(this.#landscaper.bootService.store, "journal.json"), "utf8")
      .split(/^(?=\{$)/m)
      .flatMap((text) => parse(text));
    for (const event of records.flatMap(({ recent = [], events = [] }) => [...recent, ...events])) {
      const { at, id, kind } = event;
      const key = `${at} ${id} ${kind}`;
      if (typeof event.boot === "object") {
        this.tokens.add(event.boot.token);
        this.overlayIds.add(event.boot.id);
      }
      if (this.#seenEvents.has(key)) continue;
      this.#seenEvents.add(key);
      this.bootEvents.push(event);
    }
  }

  #lookAtKeys(): void {
    const folder = keyFolder(this.#landscaper);
    if (!existsSync(folder)) return;
    for (const name of readdirSync(folder).filter((file) => file.endsWith("_installation_host_key"))) {
      const key = readFileSync(join(folder, name), "utf8");
      if (key !== "") this.temporaryKeys.add(key);
    }
  }

  #lookAtProcesses(): void {
    for (const pid of processIds()) {
      const commandLine = processFile(pid, "cmdline");
      if (commandLine === "") continue;
      // An environment changes only with the program.
      const key = `${pid} ${commandLine}`;
      if (this.#seenProcesses.has(key)) continue;
      this.#seenProcesses.add(key);
      this.processTexts.add(commandLine).add(processFile(pid, "environ"));
    }
  }

  async #lookAtStatus(): Promise<void> {
    for (const path of ["/", "/status.json", "/metrics"]) {
      const answer = await fetch(`${this.#landscaper.url}${path}`).catch(() => undefined);
      this.statusTexts.add((await answer?.text().catch(() => "")) ?? "");
    }
  }
}

/** The last record may be half written. */
function parse(text: string): { recent?: BootEvent[]; events?: BootEvent[] }[] {
  try {
    return [JSON.parse(text) as { recent?: BootEvent[]; events?: BootEvent[] }];
  } catch {
    return [];
  }
}
