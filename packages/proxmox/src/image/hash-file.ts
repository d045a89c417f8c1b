import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { ProviderError } from "@nixops4-providers/provider-sdk";

export interface HashedFile {
  path: string;
  bytes: number;
  sha256: string;
}

/** Returns the size and the SHA-256 of a file. Reads it once, in constant memory. */
export async function hashFile(path: string, signal: AbortSignal): Promise<HashedFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path, { signal }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (cause) {
    signal.throwIfAborted();
    throw new ProviderError(`cannot read the file ${path}`, { path: "source.file", cause });
  }
  return { path, bytes, sha256: hash.digest("hex") };
}
