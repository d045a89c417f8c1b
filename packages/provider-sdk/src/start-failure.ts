import { open, stat } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import { ProviderError } from "./errors.ts";

/** The most bytes of the first line of a script that Linux reads. */
const FIRST_LINE_BYTES = 256;

/** Returns why a program could not be started. ENOENT alone does not say which file is missing. */
export async function startFailure(
  executable: string,
  { cwd, path = "" }: { cwd?: string | undefined; path?: string | undefined },
  cause: unknown,
): Promise<ProviderError> {
  const what = `cannot run ${executable}`;
  const folder = cwd === undefined ? undefined : await problemOfFolder(cwd);
  if (folder !== undefined) {
    return new ProviderError(`${what}: the folder to run it in, ${cwd}, ${folder}`, { hint: "Check `cwd`." });
  }
  const { code } = cause as NodeJS.ErrnoException;
  const file = code === "ENOENT" ? await find(executable, cwd, path) : undefined;
  if (file === undefined) return new ProviderError(what, { cause });
  const line = await firstLine(file);
  if (!line.startsWith("#!")) {
    const hint =
      "It is made for another system, such as Debian where this is NixOS: run one that is made for this.";
    return new ProviderError(`${what}: ${file} exists, but the loader that it names does not`, { hint });
  }
  if (line.endsWith("\r")) {
    const hint = `Save it with Unix line ends; \`sed -i 's/\\r$//' ${file}\` does that.`;
    return new ProviderError(`${what}: the script ${file} has Windows line ends (CRLF)`, { hint });
  }
  const interpreter = line.slice(2).trim().split(/\s/, 1)[0]!;
  return new ProviderError(`${what}: the interpreter ${interpreter}, which ${file} names, does not exist`, {
    hint: "Correct its first line; `#!/usr/bin/env` finds programs on the PATH.",
  });
}

async function problemOfFolder(folder: string): Promise<string | undefined> {
  try {
    return (await stat(folder)).isDirectory() ? undefined : "is not a folder";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "does not exist" : "cannot be read";
  }
}

/** Finds a program as execvp(3) does. */
async function find(executable: string, cwd = ".", path: string): Promise<string | undefined> {
  const candidates = executable.includes("/")
    ? [resolve(cwd, executable)]
    : path.split(delimiter).map((folder) => join(resolve(cwd, folder), executable));
  for (const file of candidates) {
    if ((await stat(file).catch(() => undefined))?.isFile() === true) return file;
  }
  return undefined;
}

async function firstLine(file: string): Promise<string> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return "";
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(FIRST_LINE_BYTES), 0, FIRST_LINE_BYTES, 0);
    return buffer.toString("latin1", 0, bytesRead).split("\n", 1)[0]!;
  } finally {
    await handle.close();
  }
}
