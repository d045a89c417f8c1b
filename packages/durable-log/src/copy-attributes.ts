import type { Stats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { runProcess } from "@nixops4-providers/provider-sdk";

/**
 * Gives a new file, before its mode is set, the access list (ACL) and the other extended attributes of the one whose place
 * it takes. Node has no calls for them: GNU's cp does it. Returns whether an access list gets lost: where the new mode
 * takes access away, since nobody who had it may open the new file before, and where there is no such cp.
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
