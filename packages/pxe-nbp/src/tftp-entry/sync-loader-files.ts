import * as fs from "node:fs/promises";
import { join } from "node:path";
import {
  changeMode,
  type ReadFile,
  readRegularFile,
  removeFile,
  replaceFile,
} from "@nixops4-providers/durable-log";
import { type Context, type ConvergeRequest, ProviderError } from "@nixops4-providers/provider-sdk";
import { joinCmdline } from "../cmdline.ts";
import { type BootFiles, ipxeScript, MARKER, pxelinuxConfig } from "./loader-files.ts";
import { hyphenated } from "../mac.ts";
import { asList } from "../one-or-more.ts";
import type { Inputs, Outputs } from "./schema.ts";

const FOLDER_MODE = 0o755;

/** Writes or removes the files of one machine. Returns the paths of the files that exist afterwards. */
export async function syncLoaderFiles(
  { inputs }: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Outputs> {
  const { root, overwrite, ensure } = inputs;
  await checkRoot(root);
  const files = wantedFiles(inputs);
  const existing = new Map<string, ReadFile>();
  for (const path of files.keys()) {
    const file = await observe(root, path, overwrite);
    if (file !== undefined) existing.set(path, file);
  }
  const paths: string[] = [];
  for (const [path, contents] of files) {
    const file = existing.get(path);
    if (ensure === "absent") await remove(root, path, file, context);
    else paths.push(await write(inputs, path, contents, file, context));
  }
  return { paths };
}

/** Returns the wanted contents by their paths in the root folder. */
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

async function checkRoot(root: string): Promise<void> {
  try {
    if (!(await fs.stat(root)).isDirectory()) throw new Error("it is not a folder");
  } catch (cause) {
    throw new ProviderError(`cannot use the folder ${root}`, {
      path: "root",
      cause,
      hint: "Give the folder that the TFTP server serves, on the machine that runs nixops4.",
    });
  }
}

/** Reads a file that is to be replaced or removed. Refuses files that this resource type did not write. */
async function observe(root: string, path: string, overwrite: boolean): Promise<ReadFile | undefined> {
  const name = join(root, path);
  const file = await explain("read", name, () => readIfThere(root, name));
  if (file === "absent") return undefined;
  if (file === undefined) {
    throw new ProviderError(`${name} is not a regular file`, {
      hint: "It was left as it is. Move it away, or choose another path.",
    });
  }
  if (!overwrite && !file.contents.toString("utf8").split("\n").includes(MARKER)) {
    throw new ProviderError(`${name} was not written by this resource type`, {
      hint: "It was left as it is. Move it away, or set `overwrite = true` to have it replaced or removed.",
    });
  }
  return file;
}

async function readIfThere(root: string, name: string): Promise<ReadFile | undefined | "absent"> {
  return readRegularFile(name, inside(root)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return "absent";
  });
}

async function write(
  { root, mode: octalMode }: Inputs,
  path: string,
  contents: string,
  existing: ReadFile | undefined,
  { log }: Context,
): Promise<string> {
  const mode = Number.parseInt(octalMode, 8);
  const name = join(root, path);
  return explain("write", name, async () => {
    if (existing?.contents.toString("utf8") === contents) {
      if ((existing.stats.mode & 0o7777) !== mode) await changeMode(name, mode, existing, inside(root));
      return existing.path;
    }
    // The server must be able to read it, regardless of the umask.
    const written = await replaceFile(name, contents, { mode, folderMode: FOLDER_MODE, ...inside(root) });
    log.info(`wrote ${written}`);
    return written;
  });
}

async function remove(
  root: string,
  path: string,
  existing: ReadFile | undefined,
  { log }: Context,
): Promise<void> {
  if (existing === undefined) return;
  await explain("remove", existing.path, () => removeFile(join(root, path), inside(root)));
  log.info(`removed ${existing.path}`);
}

/** Options that keep links from leading out of the root folder, and do not follow a link at the end of a path. */
function inside(root: string) {
  return { below: root, keepLink: true };
}

async function explain<T>(doing: string, name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const leadsOut = (cause as NodeJS.ErrnoException).code === "EXDEV";
    throw new ProviderError(`cannot ${doing} ${name}`, {
      cause,
      ...(leadsOut && { hint: "Remove the symbolic link, or give the folder that it leads to as `root`." }),
    });
  }
}
