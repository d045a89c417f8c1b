import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { Landscaper } from "../../lab/landscaper.ts";
import { descendantsOf } from "../../lab/processes.ts";
import type { TimedEvent } from "./deployer.ts";
import type { Network } from "./deployment.ts";

const PROGRAM = join(import.meta.dirname, "deployer.ts");
const ROOT = join(import.meta.dirname, "../../..");
let count = 0;

/** A run of deployer.ts on the landscaper. It ends with this process at the latest. */
export class DeployerProcess {
  readonly events: TimedEvent[] = [];
  /** The output on standard error. */
  stderr = "";
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(landscaper: Landscaper, network: Network, onEvent: (event: TimedEvent) => void = () => {}) {
    const file = join(network.folder, `apply-${(count += 1)}.json`);
    writeFileSync(file, JSON.stringify(network));
    const node = [process.execPath, "--import", "tsx", PROGRAM, file];
    const [program, ...args] = landscaper.lab.enter(...node);
    // The deployer must not get the Node options of jest.
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.#child = spawn(program!, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      const event = JSON.parse(line) as TimedEvent;
      this.events.push(event);
      onEvent(event);
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.#ended = once(this.#child, "close");
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves to the first matching event, past or future. */
  async event(
    what: string,
    fits: (event: TimedEvent) => boolean,
    timeoutSeconds: number,
  ): Promise<TimedEvent> {
    const deadline = Date.now() + timeoutSeconds * 1000;
    for (;;) {
      const event = this.events.find(fits);
      if (event !== undefined) return event;
      const why = !this.isRunning
        ? "it has ended"
        : Date.now() > deadline
          ? `not within ${timeoutSeconds} s`
          : undefined;
      if (why !== undefined) throw new Error(`the deployer: ${what}: ${why}\n${this.describe()}`);
      await sleep(50);
    }
  }

  /** Resolves to the results of all members. Rejects when the apply was not complete. */
  async done(): Promise<Map<string, Extract<TimedEvent, { action: unknown }>>> {
    await this.#ended;
    if (this.#child.exitCode !== 0) throw new Error(`the apply has failed:\n${this.describe()}`);
    return new Map(
      this.events.flatMap((event) => ("action" in event ? [[event.member, event] as const] : [])),
    );
  }

  /** Kills the deployer, and optionally its providers. Resolves to the process IDs of the providers. */
  async kill(what: "deployer" | "with-providers"): Promise<number[]> {
    const providers = descendantsOf(this.#child.pid!);
    this.#child.kill("SIGKILL");
    if (what === "with-providers") for (const pid of providers) process.kill(pid, "SIGKILL");
    await this.#ended;
    return providers;
  }

  /** Interrupts the deployer like Ctrl-C, and waits until it has exited. */
  async interrupt(): Promise<void> {
    this.#child.kill("SIGINT");
    await this.#ended;
  }

  describe(): string {
    const lines = this.events.slice(-30).map((event) => JSON.stringify(event).slice(0, 500));
    return [...lines, this.stderr].join("\n");
  }
}
