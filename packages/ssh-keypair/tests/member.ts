import { type Properties, ProviderProcess, builtProvider } from "@nixops4-providers/e2e";

export interface KeypairOutputs {
  publicKey: string;
  fingerprint: string;
  sshfp: string[];
  privateKey: string | null;
  privateKeyFile: string | null;
  privateKeyEncrypted: string | null;
}

/** The inputs and outputs that nixops4 has recorded. */
export interface Recorded {
  inputs: object;
  outputs: Properties;
}

/** A `keypair` member of a deployment, and what nixops4 has recorded of it. */
export abstract class Member {
  /** Everything that the provider has logged, and its error messages. */
  log = "";
  #recorded: Recorded | undefined;

  /** Applies the member, by a create the first time and an update later. Records it if it succeeds. */
  async apply(inputs: object, env: Record<string, string> = {}): Promise<KeypairOutputs> {
    const outputs = await this.applyUnrecorded(inputs, env);
    this.#recorded = { inputs, outputs: { ...outputs } };
    return outputs;
  }

  /** Applies the member without a record, as when nixops4 is killed before it writes the state. */
  async applyUnrecorded(inputs: object, env: Record<string, string> = {}): Promise<KeypairOutputs> {
    try {
      return (await this.run(inputs, this.#recorded, env)) as unknown as KeypairOutputs;
    } catch (error) {
      this.log += String(error);
      throw error;
    }
  }

  /** Forgets the record, as when the state is lost. */
  forget(): void {
    this.#recorded = undefined;
  }

  protected get recorded(): Recorded | undefined {
    return this.#recorded;
  }

  /** Runs a create, or an update if there is a record. `env` is added to the environment. */
  protected abstract run(
    inputs: object,
    recorded: Recorded | undefined,
    env: Record<string, string>,
  ): Promise<Properties>;
}

/** A member whose provider is the built executable. */
export class BuiltMember extends Member {
  start(env: Record<string, string> = {}): ProviderProcess {
    return new ProviderProcess(builtProvider("ssh-keypair"), {
      env,
      onStderr: (line) => (this.log += `${line}\n`),
    });
  }

  send(provider: ProviderProcess, inputs: object, recorded = this.recorded): Promise<Properties> {
    if (recorded === undefined) return provider.create("keypair", inputs, true);
    const { inputs: previousInputs, outputs: previousOutputs } = recorded;
    return provider.update("keypair", { inputs, previousInputs, previousOutputs });
  }

  protected async run(inputs: object, recorded: Recorded | undefined, env: Record<string, string>) {
    const provider = this.start(env);
    try {
      return await this.send(provider, inputs, recorded);
    } finally {
      await provider.close();
    }
  }
}
