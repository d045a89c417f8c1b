import type { Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { makePrivateFolder, withInode, withPlace } from "@nixops4-providers/durable-log";
import { ProviderError, runProcess } from "@nixops4-providers/provider-sdk";

/** A user and its numeric ids. */
export interface Identity {
  user: string;
  uid: number;
  gid: number;
}

/** Looks up the user and the group with getent(1). */
export async function findIdentity(user: string, group: string | undefined): Promise<Identity> {
  const uid = await idOf(user, "passwd");
  const gid = group === undefined ? await idOf(user, "passwd", 3) : await idOf(group, "group");
  return { user, uid, gid };
}

/**
 * Creates a folder, and changes its owner and that of its contents to a user. Does nothing if the folder belongs to that
 * user already, who may have put files of others there. Refuses a folder in a place that another user can change.
 */
export async function giveFolder(path: string, identity: Identity): Promise<void> {
  if (await belongsTo(path, identity)) return;
  try {
    await makePrivateFolder(dirname(resolve(path)), 0o755);
  } catch (cause) {
    throw new ProviderError(`cannot change the owner of the store ${path} to ${identity.user}`, {
      cause,
      hint: `Create it where only root can write, or create it as that user: sudo -u ${identity.user} mkdir -m 700 ${path}`,
    });
  }
  await withPlace(path, { isPrivate: true }, async (place) => {
    await fs.mkdir(place.at(), { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await withInode(place.at(), (inode, stats) => giveAll(inode, stats, place.shownPath, identity));
  });
}

/** Creates the store of a service that stays root. Refuses a folder that another user can change. */
export async function makeOwnStore(path: string): Promise<void> {
  await makePrivateFolder(path, 0o700).catch((cause: unknown) => {
    throw new ProviderError(`cannot use the store ${path} as root`, {
      cause,
      hint: "Set `user` to the owner of the store, or set `store` to a folder that only root can write to.",
    });
  });
}

async function belongsTo(path: string, { uid }: Identity): Promise<boolean> {
  return (await fs.stat(path).catch(() => undefined))?.uid === uid;
}

/** Changes the owner of a socket to a user. */
export async function giveSocket(path: string, { uid, gid }: Identity): Promise<void> {
  await withPlace(path, { keepLink: true }, async (place) => {
    await withInode(place.at(), async (inode, stats) => {
      if (!stats.isSocket()) throw new Error(`${path} is no longer a socket`);
      await fs.chown(inode, uid, gid);
    });
  });
}

/** Switches to another user permanently, without the groups and capabilities of root. */
export function becomeUser({ user, uid, gid }: Identity): void {
  // Missing in @types/node.
  (process as unknown as { initgroups: (user: string, group: number) => void }).initgroups(user, gid);
  process.setgid!(gid);
  process.setuid!(uid);
}

/** Changes the owner of a folder and its contents. The folder itself is last, so that an interrupted change is repeated. */
async function giveAll(inode: string, stats: Stats, shownPath: string, identity: Identity): Promise<void> {
  // The owner of a link has no meaning.
  if (stats.isSymbolicLink()) return;
  if (stats.isDirectory()) {
    for (const name of await fs.readdir(inode)) {
      await withInode(join(inode, name), (inner, its) =>
        giveAll(inner, its, join(shownPath, name), identity),
      );
    }
  } else if (stats.nlink > 1) {
    throw new ProviderError(`${shownPath} has several hard links, and may be a file of another user`, {
      hint: "Remove it from the store.",
    });
  }
  await fs.chown(inode, identity.uid, identity.gid);
}

/** Returns an id. Field 2 of both databases is the id of the name, field 3 of `passwd` its primary group (counted from 0). */
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
