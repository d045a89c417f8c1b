import { builtProvider, ProviderProcess } from "@nixops4-providers/e2e";
import type { Target } from "./target.ts";

/** One run of the provider that is under way. */
export interface Run {
  outputs: Promise<Record<string, unknown>>;
  /** What it has logged so far. */
  log(): string;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

export interface DeployOptions {
  type?: "system" | "closure";
  env?: Record<string, string>;
  /** The provider's. */
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
  // A test that kills a run need not ask for its outputs.
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

/** The message of the error that it must end with. */
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
