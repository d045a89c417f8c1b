import { builtProvider, ProviderProcess } from "@nixops4-providers/e2e";
import type { Target } from "./target.ts";

/** A running operation of the provider. */
export interface Run {
  outputs: Promise<Record<string, unknown>>;
  /** Returns the log so far. */
  log(): string;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

export interface DeployOptions {
  type?: "system" | "closure";
  env?: Record<string, string>;
  /** The path of the provider's executable. */
  executable?: string;
}

export function startDeploying(
  target: Pick<Target, "connection">,
  toplevel: string,
  inputs: object = {},
  { type = "system", env = {}, executable = builtProvider("nixos") }: DeployOptions = {},
): Run {
  const provider = new ProviderProcess(executable, { onStderr: () => {}, env });
  const create = async () => {
    try {
      return await provider.create(type, {
        connection: target.connection,
        ...(type === "system" ? { toplevel } : { path: toplevel }),
        substituteOnDestination: false,
        ...inputs,
      });
    } finally {
      await provider.close();
    }
  };
  const outputs = create();
  // Tests that kill a run may not await its outputs, so a rejection must not be unhandled.
  outputs.catch(() => {});
  return {
    outputs,
    log: () => provider.stderr,
    kill: (signal = "SIGKILL") => provider.kill(signal),
  };
}

export function deploy(
  target: Pick<Target, "connection">,
  toplevel: string,
  inputs: object = {},
): Promise<Record<string, unknown>> {
  return startDeploying(target, toplevel, inputs).outputs;
}

/** Returns the error message of a deployment that must fail. */
export async function failToDeploy(
  target: Pick<Target, "connection">,
  toplevel: string,
  inputs: object = {},
  options: DeployOptions = {},
): Promise<string> {
  let outputs;
  try {
    outputs = await startDeploying(target, toplevel, inputs, options).outputs;
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`it did not fail: ${JSON.stringify(outputs)}`);
}
