import { ProviderError } from "./errors.ts";
import { runProcess } from "./process.ts";
import type { SecretRef } from "./schema.ts";

/** Reads a secret from its source. A command that prints it has 60 s and is killed when the signal is aborted. */
export async function readSecret(ref: SecretRef, what: string, signal: AbortSignal): Promise<string> {
  if (ref.value !== undefined) return ref.value;
  if (ref.env !== undefined) {
    const value = process.env[ref.env];
    if (value !== undefined) return value;
    throw new ProviderError(`cannot read ${what}: the environment variable ${ref.env} is not set`);
  }
  if (ref.file !== undefined) {
    const { readFile } = await import("node:fs/promises");
    try {
      return dropFinalNewline(await readFile(ref.file, "utf8"));
    } catch (cause) {
      throw new ProviderError(`cannot read ${what} from the file ${ref.file}`, { cause });
    }
  }
  const [executable, ...args] = ref.command ?? [];
  if (executable === undefined) throw new ProviderError(`no source is given for ${what}`);
  try {
    const { stdout } = await runProcess(executable, args, { signal, timeoutSeconds: 60 });
    return dropFinalNewline(stdout.toString("utf8"));
  } catch (cause) {
    throw new ProviderError(`cannot read ${what} from the command ${executable}`, { cause });
  }
}

function dropFinalNewline(text: string): string {
  return text.replace(/\r?\n$/, "");
}
