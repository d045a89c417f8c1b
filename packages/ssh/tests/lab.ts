import { execFileSync } from "node:child_process";
import { describe } from "@jest/globals";
import { builtProvider, ProviderProcess, runOperation } from "@nixops4-providers/e2e";
import { BUSY, findSshd } from "@nixops4-providers/test-servers";

export const executable = builtProvider("ssh");

/** Like `describe`, but skips the suite, with the reason in its name, when OpenSSH's server is not installed. */
export function describeWithSshd(name: string, suite: () => void): void {
  if (findSshd() === undefined)
    describe.skip(`${name} (skipped: sshd was not found, install openssh-server)`, suite);
  else describe(name, suite);
}

export interface Result {
  outputs: Record<string, unknown>;
  /** The message of the `errorResponse`. */
  error: string | undefined;
  stderr: string;
}

/** Runs one `create` in a new process. */
export async function create(type: string, inputs: object, isStateful = false): Promise<Result> {
  const provider = start();
  try {
    const outputs = await provider.create(type, inputs, isStateful);
    return { outputs, error: undefined, stderr: provider.stderr };
  } catch (error) {
    return { outputs: {}, error: (error as Error).message, stderr: provider.stderr };
  } finally {
    await provider.close();
  }
}

/** Runs one `update` of a resource with these outputs. */
export function update(type: string, inputs: object, previousOutputs: Record<string, unknown>) {
  const request = { inputs, previousInputs: inputs, previousOutputs };
  return runOperation(executable, (provider) => provider.update(type, request), quiet);
}

export function start(): ProviderProcess {
  return new ProviderProcess(executable, quiet);
}

const quiet = { onStderr: () => {} };

export async function eventually(holds: () => boolean, seconds = 5): Promise<void> {
  const deadline = Date.now() + seconds * BUSY * 1000;
  while (!holds()) {
    if (Date.now() > deadline)
      throw new Error(`it did not come true within ${seconds * BUSY} s: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Returns all command lines on this machine. */
export function commandLines(): string {
  return execFileSync("ps", ["-eww", "-o", "args"], { encoding: "utf8" });
}
