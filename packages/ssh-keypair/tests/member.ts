import { type Properties, ProviderProcess, builtProvider } from "@nixops4-providers/e2e";

export interface KeypairOutputs {
  publicKey: string;
  fingerprint: string;
  sshfp: string[];
  privateKey: string | null;
  privateKeyFile: string | null;
  privateKeyEncrypted: string | null;
}

/** One `keypair` member of a deployment, with what nixops4 remembers of it. */
export class Member {
  /** All that the provider has logged, and all its error messages. */
  log = "";
  #record: { inputs: object; outputs: Properties } | undefined;

  /** One apply: a create the first time, later an update. It is remembered when it succeeds. */
  async apply(inputs: object, env: Record<string, string> = {}): Promise<KeypairOutputs> {
    const outputs = await this.applyUnrecorded(inputs, env);
    this.#record = { inputs, outputs: { ...outputs } };
    return outputs;
  }

  /** An apply after which nixops4 was killed before it wrote the state. */
  async applyUnrecorded(inputs: object, env: Record<string, string> = {}): Promise<KeypairOutputs> {
    const provider = this.start(env);
    try {
      return (await this.send(provider, inputs)) as unknown as KeypairOutputs;
    } catch (error) {
      this.log += String(error);
      throw error;
    } finally {
      await provider.close();
    }
  }

  start(env: Record<string, string> = {}): ProviderProcess {
    return new ProviderProcess(builtProvider("ssh-keypair"), {
      env,
      onStderr: (line) => (this.log += `${line}\n`),
    });
  }

  send(provider: ProviderProcess, inputs: object): Promise<Properties> {
    if (this.#record === undefined) return provider.create("keypair", inputs, true);
    const { inputs: previousInputs, outputs: previousOutputs } = this.#record;
    return provider.update("keypair", { inputs, previousInputs, previousOutputs });
  }

  /** The state is lost. */
  forget(): void {
    this.#record = undefined;
  }
}
