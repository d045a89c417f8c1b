import type { Stats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { runProcess } from "@nixops4-providers/provider-sdk";

/**
 * Copies the access list (ACL) and the other extended attributes of a file to the new file that replaces it. Call it before
 * the mode of the new file is set. Node has no calls for this, so GNU's cp does it. Returns whether an access list is lost.
 * It is lost if the new mode takes access away, because a user of the old list must not open the new file meanwhile. It is
 * also lost without GNU's cp.
 */
export async function copyAttributes(
  from: { handle: FileHandle; stats: Stats },
  to: { handle: FileHandle; mode: number },
): Promise<{ isAclLost: boolean }> {
  const inheritFds = [from.handle.fd, to.handle.fd];
  if ((from.stats.mode & ~to.mode & 0o077) === 0) {
    const args = ["--attributes-only", "--preserve=mode,xattr", "/dev/fd/3", "/dev/fd/4"];
    const isCopied = await runProcess("cp", args, { inheritFds }).then(
      () => true,
      () => false,
    );
    if (isCopied) return { isAclLost: false };
  }
  const listing = await runProcess("ls", ["-lL", "/dev/fd/3"], { inheritFds }).catch(() => undefined);
  return { isAclLost: listing?.stdout.toString("latin1", 10, 11) === "+" };
}
