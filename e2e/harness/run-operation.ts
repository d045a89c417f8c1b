import { ProviderProcess, type ProviderProcessOptions } from "./provider-process.ts";
import type { Properties } from "./protocol.ts";

/** Runs one operation in a new provider process, and always closes the process. */
export async function runOperation<T>(
  executable: string,
  operation: (provider: ProviderProcess) => Promise<T>,
  options?: ProviderProcessOptions,
): Promise<T> {
  const provider = new ProviderProcess(executable, options);
  try {
    return await operation(provider);
  } finally {
    await provider.close();
  }
}

/** Runs one `create` in a new provider process, and resolves to the outputs. */
export function createResource(
  executable: string,
  type: string,
  inputs: object,
  isStateful = false,
): Promise<Properties> {
  return runOperation(executable, (provider) => provider.create(type, inputs, isStateful));
}
