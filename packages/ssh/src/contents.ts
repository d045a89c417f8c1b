import { ProviderError, type Context, type SecretRef } from "@nixops4-providers/provider-sdk";

/** The wanted contents of a file. */
export interface Contents {
  /** In hex. */
  sha256: string;
  open(): AsyncIterable<Uint8Array>;
}

export async function readContents(
  given: {
    contents?: string | undefined;
    source?: string | undefined;
    secret?: SecretRef | undefined;
    path: string;
  },
  context: Context,
): Promise<Contents> {
  const { contents, source, secret, path } = given;
  if (source !== undefined) return fromFile(source);
  return fromText(contents ?? (await context.secret(secret!, `the secret for ${path}`)));
}

async function fromText(text: string): Promise<Contents> {
  const { createHash } = await import("node:crypto");
  const bytes = Buffer.from(text);
  return {
    sha256: createHash("sha256").update(bytes).digest("hex"),
    async *open() {
      yield bytes;
    },
  };
}

async function fromFile(source: string): Promise<Contents> {
  const { createHash } = await import("node:crypto");
  const { createReadStream } = await import("node:fs");
  const open = () => createReadStream(source, { highWaterMark: 1024 * 1024 });
  const hash = createHash("sha256");
  try {
    for await (const chunk of open()) hash.update(chunk as Buffer);
  } catch (cause) {
    throw new ProviderError(`cannot read the file ${source} on the deploying machine`, {
      cause,
      path: "source",
    });
  }
  return { sha256: hash.digest("hex"), open };
}
