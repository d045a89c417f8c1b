import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { ApplyEvent, MemberResult } from "../../harness/index.ts";
import { LineSplitter } from "../../harness/line-splitter.ts";
import { mark } from "./marked.ts";

const PROGRAM = join(import.meta.dirname, "deployer.ts");
const ROOT = join(import.meta.dirname, "../../..");

/** What a killed provider was doing for a member. */
export type Operation = "create" | "update" | "event";

/** A run of deployer.ts. */
export class DeployerRun {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #events: ApplyEvent[] = [];

  constructor(folder: string, round: number, onEvent: () => void) {
    // jest's options would be taken for its own.
    const { NODE_OPTIONS: _, ...env } = process.env;
    this.#child = spawn(process.execPath, ["--import", "tsx", PROGRAM, folder, String(round)], {
      cwd: ROOT,
      env: { ...env, ...mark },
      stdio: ["ignore", "pipe", "inherit"],
    });
    // A deployer that is killed may have printed a part of its last line, which is dropped.
    const lines = new LineSplitter((line) => {
      this.#events.push(JSON.parse(line) as ApplyEvent);
      onEvent();
    });
    this.#child.stdout!.on("data", (chunk: Buffer) => lines.push(chunk));
    this.#ended = once(this.#child, "close");
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Resolves when it has ended, and everything that it has printed was read. */
  async ended(): Promise<void> {
    await this.#ended;
  }

  /** The results that it has printed. */
  get results(): MemberResult[] {
    return this.#events.filter((event) => "action" in event);
  }

  /** The operations that failed because a provider was killed. */
  get cutShort(): Operation[] {
    const operations = new Map<string, Operation>();
    for (const event of this.#events) {
      if (event.kind === "started") operations.set(event.member, event.operation);
    }
    return this.results
      .filter(({ error = "" }) => error.includes("was killed by SIGKILL"))
      .map(({ member, error = "" }) =>
        error.startsWith("Failed to update state") ? "event" : operations.get(member)!,
      );
  }
}
