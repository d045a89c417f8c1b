import { lchownSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ProviderError, runProcess } from "@nixops4-providers/provider-sdk";

/** Numbers, as the system calls need them. */
export interface Identity {
  user: string;
  uid: number;
  gid: number;
}

/** Looks the names up in whatever directory the host uses. */
export async function findIdentity(user: string, group: string | undefined): Promise<Identity> {
  const uid = await idOf(user, "passwd");
  const gid = group === undefined ? await idOf(user, "passwd", 3) : await idOf(group, "group");
  return { user, uid, gid };
}

/**
 * Goes on as somebody else, for good: without the groups and capabilities of root. What is at `owned`, folders with
 * all that is in them, belongs to the new user then. Nothing else runs in between.
 */
export function becomeUser({ user, uid, gid }: Identity, owned: readonly string[]): void {
  for (const path of owned) give(path, uid, gid);
  // @types/node does not know it.
  (process as unknown as { initgroups: (user: string, group: number) => void }).initgroups(user, gid);
  process.setgid!(gid);
  process.setuid!(uid);
}

function give(path: string, uid: number, gid: number): void {
  const stats = lstatSync(path);
  if (stats.uid !== uid || stats.gid !== gid) lchownSync(path, uid, gid);
  if (!stats.isDirectory()) return;
  for (const name of readdirSync(path)) give(join(path, name), uid, gid);
}

/** The third field of both databases is the number of the name itself, the fourth of `passwd` that of its group. */
async function idOf(name: string, database: "passwd" | "group", field = 2): Promise<number> {
  try {
    const { stdout } = await runProcess("getent", [database, name]);
    return Number(stdout.toString("utf8").split(":")[field]);
  } catch (cause) {
    throw new ProviderError(`there is no ${database === "group" ? "group" : "user"} ${name}`, {
      cause,
      hint: `Create it, or change \`${database === "group" ? "group" : "user"}\` in the configuration.`,
    });
  }
}
