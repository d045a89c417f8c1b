import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Landscaper } from "../../lab/landscaper.ts";
import { processFile, processIds } from "../../lab/processes.ts";
import { keyFolder } from "./deployment.ts";

/** An event of an entry, in the form in which the boot service stores it. */
export interface BootEvent {
  at: number;
  /** The ID of the entry. */
  id: string;
  kind: string;
  /** Of `delivered`, only the ID. */
  boot?: { token: string; id: string } | string;
  report?: { stage: string; percent?: number; message: string };
}

const PERIOD_MS = 200;

/**
 * Observes a run five times per second. Records the events for the timeline, and texts that other users can read for
 * the search for secrets.
 */
export class Observer {
  /** The events of the boot service, in order. */
  readonly bootEvents: BootEvent[] = [];
  readonly tokens = new Set<string>();
  /** The secret parts of the addresses of overlays. */
  readonly overlayIds = new Set<string>();
  /** All temporary host keys so far. */
  readonly temporaryKeys = new Set<string>();
  /** The command lines and environments of all processes of the host. */
  readonly processTexts = new Set<string>();
  /** The public pages of the boot service. */
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

  /** Waits until the boot service has stored a matching event. */
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
      // A process changes its environment only together with its program.
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

/** Parses a record. The last one may be incomplete. */
function parse(text: string): { recent?: BootEvent[]; events?: BootEvent[] }[] {
  try {
    return [JSON.parse(text) as { recent?: BootEvent[]; events?: BootEvent[] }];
  } catch {
    return [];
  }
}
