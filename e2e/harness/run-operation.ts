import { ProviderProcess, type ProviderProcessOptions } from "./provider-process.ts";
import type { Properties } from "./protocol.ts";

/** Runs one operation in a provider process of its own, which is closed again whatever happens. */
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

/** One process, one `create`: resolves to the outputs. */
export function createResource(
  executable: string,
  type: string,
  inputs: object,
  isStateful = false,
): Promise<Properties> {
  return runOperation(executable, (provider) => provider.create(type, inputs, isStateful));
}
