import { createHash } from "node:crypto";
import { lstat, mkdir, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockFile } from "@nixops4-providers/durable-log";
import { ProviderError } from "@nixops4-providers/provider-sdk";
import type { Lock } from "./backend.ts";

const TIMEOUT_SECONDS = 600;

/** For a server without preconditions, which would lose changes otherwise. */
export function lockOf(server: string, signal: AbortSignal): Lock {
  return (what, work) => withLock(`${server} ${what}`, signal, work);
}

/** Does something while no other process of this user on this machine does it for the same thing. */
async function withLock<Result>(
  what: string,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  const folder = await privateFolder();
  const name = createHash("sha256").update(what).digest("hex").slice(0, 32);
  const file = await open(join(folder, `${name}.lock`), "a", 0o600);
  try {
    await lockFile(file.fd, "exclusive", { timeoutSeconds: TIMEOUT_SECONDS, signal });
    return await work();
  } finally {
    await file.close();
  }
}

/** In the temporary folder others could have made one of the same name first. */
async function privateFolder(): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const folder = join(process.env["XDG_RUNTIME_DIR"] ?? tmpdir(), `nixops4-dns-${uid}`);
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  const { uid: owner, mode } = await lstat(folder).then((stat) => {
    if (!stat.isDirectory()) throw new ProviderError(`${folder} is no folder`);
    return stat;
  });
  if (owner !== uid || (mode & 0o022) !== 0) {
    throw new ProviderError(`the folder ${folder} belongs to somebody else`, {
      hint: "Set XDG_RUNTIME_DIR to a folder of yours.",
    });
  }
  return folder;
}
