import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { lockFile } from "@nixops4-providers/durable-log";
import { privateFolder, ProviderError } from "@nixops4-providers/provider-sdk";
import type { Lock } from "./backend.ts";

const TIMEOUT_SECONDS = 600;

/** Returns a lock for a server whose API has no preconditions, where concurrent writes would be lost. */
export function lockOf(server: string, signal: AbortSignal): Lock {
  return (what, work) => withLock(`${server} ${what}`, signal, work);
}

/** Does something while no other process of this user on this machine does it for the same thing. */
async function withLock<Result>(
  what: string,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  const folder = await lockFolder();
  const name = createHash("sha256").update(what).digest("hex").slice(0, 32);
  const file = await open(join(folder, `dns-${name}.lock`), "a", 0o600);
  try {
    await lockFile(file.fd, "exclusive", { timeoutSeconds: TIMEOUT_SECONDS, signal });
    return await work();
  } finally {
    await file.close();
  }
}

async function lockFolder(): Promise<string> {
  const folder = await privateFolder();
  if (folder !== undefined) return folder;
  throw new ProviderError("there is no folder for locks that only this user can change", {
    hint: "Set XDG_RUNTIME_DIR to a folder of this user.",
  });
}
