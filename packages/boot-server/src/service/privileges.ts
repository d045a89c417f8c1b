import type { Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { makePrivateFolder, withInode, withPlace } from "@nixops4-providers/durable-log";
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
 * Makes a folder, and gives it with all that is in it to a user, unless it is his already: then he may have put
 * there what is not his, and has to get along with what he may open himself. A folder that belongs to somebody else is
 * given to him only where no other user could have put it.
 */
export async function giveFolder(path: string, identity: Identity): Promise<void> {
  if (await belongsTo(path, identity)) return;
  try {
    await makePrivateFolder(dirname(resolve(path)), 0o755);
  } catch (cause) {
    throw new ProviderError(`cannot give the store ${path} to ${identity.user}`, {
      cause,
      hint: `Make it where only root can write, or as that user: sudo -u ${identity.user} mkdir -m 700 ${path}`,
    });
  }
  await withPlace(path, { isPrivate: true }, async (place) => {
    await fs.mkdir(place.at(), { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await withInode(place.at(), (inode, stats) => giveAll(inode, stats, place.shownPath, identity));
  });
}

/** Makes the store of a service that stays root; refuses one that another user can change. */
export async function makeOwnStore(path: string): Promise<void> {
  await makePrivateFolder(path, 0o700).catch((cause: unknown) => {
    throw new ProviderError(`cannot use the store ${path} as root`, {
      cause,
      hint: "Set `user` to the user that it belongs to, or take a folder in which only root can write.",
    });
  });
}

async function belongsTo(path: string, { uid }: Identity): Promise<boolean> {
  return (await fs.stat(path).catch(() => undefined))?.uid === uid;
}

/** Gives a socket to a user. */
export async function giveSocket(path: string, { uid, gid }: Identity): Promise<void> {
  await withPlace(path, { keepLink: true }, async (place) => {
    await withInode(place.at(), async (inode, stats) => {
      if (!stats.isSocket()) throw new Error(`${path} is no longer a socket`);
      await fs.chown(inode, uid, gid);
    });
  });
}

/** Goes on as somebody else, for good: without the groups and capabilities of root. */
export function becomeUser({ user, uid, gid }: Identity): void {
  // @types/node does not know it.
  (process as unknown as { initgroups: (user: string, group: number) => void }).initgroups(user, gid);
  process.setgid!(gid);
  process.setuid!(uid);
}

/** The folder itself comes last: killed before, the next start does it again. */
async function giveAll(inode: string, stats: Stats, shownPath: string, identity: Identity): Promise<void> {
  // Whom a link belongs to says nothing.
  if (stats.isSymbolicLink()) return;
  if (stats.isDirectory()) {
    for (const name of await fs.readdir(inode)) {
      await withInode(join(inode, name), (inner, its) =>
        giveAll(inner, its, join(shownPath, name), identity),
      );
    }
  } else if (stats.nlink > 1) {
    throw new ProviderError(`${shownPath} has another name, and may be a file of somebody else`, {
      hint: "Remove it from the store.",
    });
  }
  await fs.chown(inode, identity.uid, identity.gid);
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
