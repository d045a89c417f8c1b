import type { Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { changeMode, makeFolder, removeFile, replaceFile } from "@nixops4-providers/durable-log";
import { type Context, ProviderError } from "@nixops4-providers/provider-sdk";
import { joinCmdline } from "./cmdline.ts";
import { type BootFiles, ipxeScript, MARKER, pxelinuxConfig } from "./loader-files.ts";
import { hyphenated } from "./mac.ts";
import { asList } from "./one-or-more.ts";
import type { Inputs } from "./resources/tftp-entry.ts";

const FOLDER_MODE = 0o755;

/** Writes or removes the files of one machine; returns the paths of those that are there then. */
export async function syncLoaderFiles(inputs: Inputs, context: Context): Promise<string[]> {
  const root = await openRoot(inputs.root);
  const files = wantedFiles(inputs);
  const existing = new Map<string, Existing>();
  for (const path of files.keys()) {
    const file = await observe(root, path, inputs.overwrite);
    if (file !== undefined) existing.set(path, file);
  }
  const paths: string[] = [];
  for (const [path, contents] of files) {
    const file = existing.get(path);
    if (inputs.ensure === "absent") await remove(file, context);
    else paths.push(await write(root, path, contents, file, inputs.mode, context));
  }
  return paths;
}

/** By their paths in the root folder. */
function wantedFiles({ macs, kernel = "", initrd, cmdline, formats, ipxePath }: Inputs): Map<string, string> {
  const boot: BootFiles = { kernel, initrds: asList(initrd), cmdline: joinCmdline(cmdline) };
  const files = new Map<string, string>();
  for (const mac of macs.map(hyphenated)) {
    if (formats.includes("pxelinux")) files.set(`pxelinux.cfg/01-${mac}`, pxelinuxConfig(boot));
    const path = ipxePath.replaceAll("{mac}", mac);
    if (formats.includes("ipxe")) files.set(path, ipxeScript(boot, path));
  }
  return files;
}

async function openRoot(root: string): Promise<string> {
  try {
    const path = await fs.realpath(root);
    if (!(await fs.stat(path)).isDirectory()) throw new Error("it is not a folder");
    return path;
  } catch (cause) {
    throw new ProviderError(`cannot use the folder ${root}`, {
      path: "root",
      cause,
      hint: "Give the folder that the TFTP server serves, on the machine that runs nixops4.",
    });
  }
}

/** A file that may be replaced or removed. */
interface Existing {
  path: string;
  contents: string;
  mode: number;
}

/** Refuses what is not ours. */
async function observe(root: string, path: string, overwrite: boolean): Promise<Existing | undefined> {
  const folder = await enterFolder(root, dirname(path), async () => undefined);
  const stats = folder === undefined ? undefined : await lstatIfThere(join(folder, basename(path)));
  if (folder === undefined || stats === undefined) return undefined;
  const file = join(folder, basename(path));
  if (!stats.isFile()) {
    throw new ProviderError(`${file} is not a regular file`, {
      hint: "It was left as it is. Move it away, or choose another path.",
    });
  }
  const contents = await fs.readFile(file, "utf8");
  if (!overwrite && !contents.split("\n").includes(MARKER)) {
    throw new ProviderError(`${file} was not written by this resource type`, {
      hint: "It was left as it is. Move it away, or set `overwrite = true` to have it replaced or removed.",
    });
  }
  return { path: file, contents, mode: stats.mode & 0o7777 };
}

async function write(
  root: string,
  path: string,
  contents: string,
  existing: Existing | undefined,
  octalMode: string,
  context: Context,
): Promise<string> {
  const mode = Number.parseInt(octalMode, 8);
  const folder = await enterFolder(root, dirname(path), makeServedFolder);
  const file = join(folder, basename(path));
  try {
    if (existing?.contents !== contents) {
      await replaceFile(file, contents, { mode });
      context.log.info(`wrote ${file}`);
    } else if (existing.mode !== mode) {
      await changeMode(file, mode);
    }
  } catch (cause) {
    throw new ProviderError(`cannot write ${file}`, { cause });
  }
  return file;
}

async function remove(existing: Existing | undefined, context: Context): Promise<void> {
  if (existing === undefined) return;
  const { path } = existing;
  try {
    await removeFile(path);
    context.log.info(`removed ${path}`);
  } catch (cause) {
    throw new ProviderError(`cannot remove ${path}`, { cause });
  }
}

/** Goes down from the root, part by part, so that no link on the way leads out of it. */
async function enterFolder<Missing extends string | undefined>(
  root: string,
  path: string,
  onMissing: (folder: string) => Promise<Missing>,
): Promise<string | Missing> {
  let folder: string | Missing = root;
  for (const part of path.split("/").filter((name) => name !== ".")) {
    const next = join(folder, part);
    try {
      folder = (await realpathIfThere(next)) ?? (await onMissing(next));
    } catch (cause) {
      throw new ProviderError(`cannot use the folder ${next}`, { cause });
    }
    if (folder === undefined) return folder;
    if (folder !== root && !folder.startsWith(root.endsWith(sep) ? root : root + sep)) {
      throw new ProviderError(`${next} leads out of ${root}, to ${folder}`, {
        hint: "Remove the symbolic link, or give the folder it leads to as `root`.",
      });
    }
  }
  return folder;
}

async function makeServedFolder(folder: string): Promise<string> {
  // Whatever the umask is: the server must be able to read it.
  await makeFolder(folder, FOLDER_MODE);
  return fs.realpath(folder);
}

async function realpathIfThere(path: string): Promise<string | undefined> {
  return fs.realpath(path).catch(ignoreAbsence);
}

async function lstatIfThere(path: string): Promise<Stats | undefined> {
  return fs.lstat(path).catch(ignoreAbsence);
}

function ignoreAbsence(error: unknown): undefined {
  if (!hasCode(error, "ENOENT")) throw error;
}

function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}
