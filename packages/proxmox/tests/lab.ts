import { readFileSync } from "node:fs";
import { builtProvider, type Properties, runOperation } from "@nixops4-providers/e2e";
import { afterAll, afterEach, beforeAll, expect, it } from "@jest/globals";
import { FakePve } from "./fake-pve/fake-pve.ts";
import type { FakeRequest } from "./fake-pve/request.ts";
import { hasOfficialSchema } from "./fake-pve/official-schema.ts";

const executable = builtProvider("proxmox");

/** A resource as nixops4 handles it: created once, then updated with its previous inputs and outputs. */
export class Member {
  readonly #type: string;
  #previous: { inputs: Properties; outputs: Properties } | undefined;
  /** The log of the last run. */
  log = "";
  /** The peak memory of the process, if it was measured. */
  peakMebibytes: number | undefined;

  constructor(type: string) {
    this.#type = type;
  }

  /** Applies inputs in a process of its own. */
  async apply(inputs: Properties): Promise<Properties> {
    const outputs = await runOperation(
      executable,
      async (provider) => {
        try {
          return this.#previous === undefined
            ? await provider.create(this.#type, inputs, true)
            : await provider.update(this.#type, {
                inputs,
                previousInputs: this.#previous.inputs,
                previousOutputs: this.#previous.outputs,
              });
        } finally {
          this.log = provider.stderr;
          if (watched) this.peakMebibytes = peakOf(provider.pid);
        }
      },
      { onStderr: () => {} },
    );
    // Node's own warnings, of leaks and the like.
    expect(this.log).not.toContain("(node:");
    this.#previous = { inputs, outputs };
    return outputs;
  }

  /** Forgets the recorded inputs and outputs, as if the state were lost. */
  forget(): void {
    this.#previous = undefined;
  }
}

let watched = false;

/** Lets members measure the peak memory of their processes. */
export async function peakMemory<Result>(run: () => Promise<Result>): Promise<Result> {
  watched = true;
  try {
    return await run();
  } finally {
    watched = false;
  }
}

function peakOf(pid: number): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))!;
  return Number(kibibytes) / 1024;
}

/** Waits up to 30 s until a condition holds. */
export async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!holds()) {
    if (performance.now() > deadline)
      throw new Error(`this did not become true within 30 s: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Returns the error message of a run that must fail. */
export async function failure(run: Promise<unknown>): Promise<string> {
  try {
    await run;
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("it did not fail");
}

/**
 * Starts a fake for each test. Every request is checked against the official schema, if it is available.
 */
export function useFakePve(): () => FakePve {
  let fake: FakePve;
  const start = async () => {
    fake = await FakePve.start();
  };
  beforeAll(start);
  afterEach(async () => {
    const { violations, requests } = fake;
    await fake.close();
    await start();
    seen.push(...requests);
    refused.push(...violations);
    expect(violations).toEqual([]);
  });
  afterAll(async () => fake.close());
  return () => fake;
}

const seen: FakeRequest[] = [];
const refused: string[] = [];

/** The last test of a suite: checks its requests against the official schema, or is skipped visibly. */
export function itFollowsTheOfficialSchema(): void {
  const check = hasOfficialSchema ? it : it.skip;
  check("sends only requests that the official schema allows (needs PVE_API_SCHEMA)", () => {
    expect(seen.length).toBeGreaterThan(0);
    expect(refused).toEqual([]);
  });
}

/** Returns the inputs of a small VM on the fake. */
export function vmInputs(fake: FakePve, more: Properties = {}): Properties {
  return {
    connection: { ...fake.connection, retrySeconds: 10 },
    node: "pve",
    name: "web",
    cores: 2,
    memory: 1024,
    disks: { scsi0: { storage: "local-lvm", size: "8G" } },
    networks: [{ bridge: "vmbr0" }],
    shutdownTimeoutSeconds: 1,
    taskTimeoutSeconds: 20,
    ...more,
  };
}
