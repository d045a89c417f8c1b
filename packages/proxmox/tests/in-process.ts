import { type Context, describeError, normalize } from "@nixops4-providers/provider-sdk";
import { afterAll, beforeEach } from "@jest/globals";
import { provider } from "../src/provider.ts";
import { FakePve } from "./fake-pve/fake-pve.ts";

type Properties = Record<string, unknown>;

/** A resource that is applied in this process, so that `npm run mutate` can run it. Its inputs are not checked. */
export class Resource {
  readonly #type: string;
  #previous: { inputs: Properties; outputs: Properties } | undefined;
  /** The log of the last run. */
  log: string[] = [];

  constructor(type: string) {
    this.#type = type;
  }

  async apply(given: Properties, signal = new AbortController().signal): Promise<Properties> {
    const type = provider.resources.find((one) => one.type === this.#type)!;
    const inputs = normalize(type.inputs, given) as Properties;
    this.log = [];
    const note = (kind: string) => (text: string) => void this.log.push(`${kind}: ${text}`);
    const context = {
      signal,
      log: { info: note("info"), warn: note("warn"), debug: () => {} },
      progress: () => ({ update: () => {}, done: () => {} }),
      key: async ({ value }: { value: string }) => value,
    } as unknown as Context;
    const outputs = await type.create({ inputs, previous: this.#previous }, context);
    this.#previous = { inputs, outputs };
    return outputs;
  }

  /** Forgets the recorded inputs and outputs, as if the state were lost. */
  forget(): void {
    this.#previous = undefined;
  }
}

/** Returns the text of the error of a run that must fail. */
export async function failureOf(run: Promise<unknown>): Promise<string> {
  return run.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: unknown) => describeError(error),
  );
}

/** Gives each test a new cluster, on one server. */
export function useCluster(): () => FakePve {
  let fake: FakePve | undefined;
  beforeEach(async () => {
    await fake?.close();
    fake = await FakePve.start();
    fake.cluster.tasks.durationMs = 0;
    fake.cluster.newGuests.bootMs = 0;
  });
  afterAll(async () => fake?.close());
  return () => fake!;
}
