import { chmod, chown, lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { privateFolder } from "./private-folder.ts";

const OTHER_USER = 65534;
const before = process.env["XDG_RUNTIME_DIR"];
const asRoot = process.geteuid?.() === 0 ? it : it.skip;

describe("privateFolder", () => {
  let runtime: string;

  beforeEach(async () => {
    runtime = await mkdtemp(join(tmpdir(), "private-folder-"));
    process.env["XDG_RUNTIME_DIR"] = runtime;
  });
  afterEach(async () => {
    if (before === undefined) delete process.env["XDG_RUNTIME_DIR"];
    else process.env["XDG_RUNTIME_DIR"] = before;
    await rm(runtime, { recursive: true, force: true });
  });

  it("is in XDG_RUNTIME_DIR, for this user only", async () => {
    const folder = await privateFolder();
    expect(dirname(folder!)).toBe(runtime);
    expect((await lstat(folder!)).mode & 0o777).toBe(0o700);
  });

  it("is the same folder at each call", async () => {
    expect(await privateFolder()).toBe(await privateFolder());
  });

  it.each([
    ["is missing", () => rm(runtime, { recursive: true })],
    ["is a file", () => rm(runtime, { recursive: true }).then(() => writeFile(runtime, ""))],
    ["may be written by its group", () => chmod(runtime, 0o770)],
    ["may be written by others", () => chmod(runtime, 0o702)],
    ["is not set", async () => void delete process.env["XDG_RUNTIME_DIR"]],
  ])("is elsewhere when XDG_RUNTIME_DIR %s", async (_, change) => {
    await change();
    expect(dirname((await privateFolder())!)).toBe(process.geteuid!() === 0 ? "/run" : tmpdir());
  });

  it.each<[string, (folder: string) => Promise<void>]>([
    ["is a file", (folder) => writeFile(folder, "", { mode: 0o700 })],
    [
      "is a link to a private folder",
      async (folder) => {
        await mkdir(`${folder}-other`, { mode: 0o700 });
        await symlink(`${folder}-other`, folder);
      },
    ],
    ["may be entered by its group", (folder) => mkdir(folder).then(() => chmod(folder, 0o710))],
    ["may be entered by others", (folder) => mkdir(folder).then(() => chmod(folder, 0o701))],
  ])("is none when it %s", async (_, make) => {
    await make(join(runtime, `nixops4-providers-${process.getuid!()}`));
    expect(await privateFolder()).toBeUndefined();
  });

  asRoot("is none when it belongs to another user (root only)", async () => {
    const folder = (await privateFolder())!;
    await chown(folder, OTHER_USER, OTHER_USER);
    expect(await privateFolder()).toBeUndefined();
  });

  asRoot("is not in an XDG_RUNTIME_DIR of another user (root only)", async () => {
    await chown(runtime, OTHER_USER, OTHER_USER);
    expect(dirname((await privateFolder())!)).toBe("/run");
    expect(await readdir(runtime)).toEqual([]);
  });
});
