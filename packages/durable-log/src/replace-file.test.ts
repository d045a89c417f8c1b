import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  changeMode,
  overwriteFile,
  readRegularFile,
  removeFile,
  replaceFile,
  setMode,
} from "./replace-file.ts";

let folder: string;

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "replace-file-"));
});
afterEach(() => fs.rm(folder, { recursive: true }));

describe("replaceFile", () => {
  it("makes missing folders with the mode that was asked for", async () => {
    const path = join(folder, "a", "b", "file");
    await replaceFile(path, "contents", { mode: 0o600, folderMode: 0o700 });
    const modes = await Promise.all(
      [path, join(folder, "a"), join(folder, "a", "b")].map((one) => fs.stat(one)),
    );
    expect(modes.map(({ mode }) => mode & 0o777)).toEqual([0o600, 0o700, 0o700]);
    expect(await fs.readFile(path, "utf8")).toBe("contents");
  });

  it("replaces the file, rather than writing into it, and keeps its mode", async () => {
    const path = join(folder, "file");
    await fs.writeFile(path, "old", { mode: 0o640 });
    const reader = await fs.open(path);
    try {
      await replaceFile(path, "new");
      expect(await reader.readFile("utf8")).toBe("old");
    } finally {
      await reader.close();
    }
    expect(await fs.readFile(path, "utf8")).toBe("new");
    expect((await fs.stat(path)).mode & 0o777).toBe(0o640);
  });

  it.each([0o022, 0o027])("leaves the mode of a new file to the umask %o", async (mask) => {
    const umask = process.umask(mask);
    try {
      await replaceFile(join(folder, "file"), "new");
    } finally {
      process.umask(umask);
    }
    expect((await fs.stat(join(folder, "file"))).mode & 0o7777).toBe(0o666 & ~mask);
  });

  it("leaves the old file and no other when the new one cannot be put in its place", async () => {
    const path = join(folder, "file");
    await fs.mkdir(path);
    await fs.writeFile(join(path, "inside"), "");
    await expect(replaceFile(path, "new")).rejects.toThrow("EISDIR");
    await expect(replaceFile(join(path, "inside", "deeper"), "new")).rejects.toThrow("ENOTDIR");
    expect(await fs.readdir(folder)).toEqual(["file"]);
  });
});

const canSetAcl = spawnSync("setfacl", ["--version"]).status === 0;
(canSetAcl ? describe : describe.skip)("an access list (skipped without setfacl)", () => {
  let path: string;
  let lost: number;
  const onAclLost = () => void (lost += 1);
  const acl = () => execFileSync("getfacl", ["-cnE", path], { encoding: "utf8", stdio: "pipe" }).trim();
  beforeEach(async () => {
    [path, lost] = [join(folder, "file"), 0];
    await fs.writeFile(path, "old", { mode: 0o640 });
    execFileSync("setfacl", ["-m", "u:65534:r", path]);
  });

  const KEPT = "user::rw-\nuser:65534:r--\ngroup::r--\nmask::r--\nother::---";
  it.each<[string, number | undefined, (() => void) | undefined, string, number]>([
    ["is kept with the mode", undefined, onAclLost, KEPT, 0],
    ["is kept when the mode gives more access", 0o644, onAclLost, KEPT.replace(/---$/, "r--"), 0],
    ["is lost when the mode takes access away", 0o600, onAclLost, "user::rw-\ngroup::---\nother::---", 1],
    ["is dropped when nobody asks for it", undefined, undefined, "user::rw-\ngroup::r--\nother::---", 0],
  ])("%s", async (_, mode, onLost, expected, calls) => {
    await replaceFile(path, "new", { mode, onAclLost: onLost });
    expect([acl(), lost, await fs.readFile(path, "utf8")]).toEqual([expected, calls, "new"]);
  });

  it("is not missed for a new file, or for one without a list", async () => {
    await fs.rm(path);
    await replaceFile(path, "first", { mode: 0o640, onAclLost });
    await replaceFile(path, "second", { mode: 0o600, onAclLost });
    expect([lost, await fs.readFile(path, "utf8")]).toEqual([0, "second"]);
  });
});

describe("what is not a regular file", () => {
  let path: string;
  beforeEach(() => void (path = join(folder, "file")));

  it("is written to through a link to a device, which stays", async () => {
    await fs.symlink("/dev/null", path);
    await replaceFile(path, "contents");
    expect(await fs.readlink(path)).toBe("/dev/null");
  });

  it("is replaced if it is a link and is to be kept from being followed", async () => {
    await fs.writeFile(join(folder, "target"), "target");
    await fs.symlink("target", path);
    await replaceFile(path, "new", { keepLink: true });
    expect((await fs.lstat(path)).isFile()).toBe(true);
    expect(await fs.readFile(join(folder, "target"), "utf8")).toBe("target");
  });

  it("is written to if it is a pipe, also where links are not followed", async () => {
    for (const keepLink of [true, false]) {
      execFileSync("mkfifo", [path]);
      const [read] = await Promise.all([
        fs.readFile(path, "utf8"),
        replaceFile(path, "contents", { keepLink }),
      ]);
      expect(read).toBe("contents");
      expect((await fs.lstat(path)).isFIFO()).toBe(true);
      await fs.rm(path);
    }
  });

  it("is not read: a pipe, a folder and a socket", async () => {
    execFileSync("mkfifo", [path]);
    expect(await readRegularFile(path)).toBeUndefined();
    expect(await readRegularFile(folder)).toBeUndefined();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, "socket"), resolve));
    expect(await readRegularFile(join(folder, "socket"))).toBeUndefined();
    await new Promise((resolve) => server.close(resolve));
    await expect(readRegularFile(join(folder, "missing"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("is neither written in place nor given a mode: a device", async () => {
    await expect(overwriteFile("/dev/null", "contents", 0o600)).rejects.toThrow("is not a regular file");
    expect((await fs.stat("/dev/null")).mode & 0o777).toBe(0o666);
  });
});

describe("a file that is written in place", () => {
  it.each([
    [undefined, 0o644],
    [0o600, 0o600],
  ])("with the mode %s has the mode %s, and is the same file", async (mode, expected) => {
    const path = join(folder, "file");
    await fs.writeFile(path, "old contents");
    await fs.chmod(path, 0o644);
    const { ino } = await fs.stat(path);
    await overwriteFile(path, "new", mode);
    const stats = await fs.stat(path);
    expect([stats.ino, stats.mode & 0o777, await fs.readFile(path, "utf8")]).toEqual([ino, expected, "new"]);
  });
});

describe("changeMode", () => {
  it("changes the file that was read, with one name or two", async () => {
    const path = join(folder, "file");
    await fs.writeFile(path, "contents");
    for (const mode of [0o600, 0o640]) {
      await changeMode(path, mode, (await readRegularFile(path))!);
      expect((await fs.stat(path)).mode & 0o777).toBe(mode);
      await fs.link(path, join(folder, `${mode}`));
    }
  });

  it("refuses another file at the path, also one with the same inode number elsewhere", async () => {
    const path = join(folder, "file");
    await fs.writeFile(path, "contents", { mode: 0o600 });
    const { stats } = (await readRegularFile(path))!;
    for (const other of [{ ino: stats.ino + 1 }, { dev: stats.dev + 1 }]) {
      const read = { stats: Object.assign(Object.create(stats) as typeof stats, other) };
      await expect(changeMode(path, 0o644, read)).rejects.toMatchObject({ code: "EAGAIN" });
    }
    expect((await fs.stat(path)).mode & 0o777).toBe(0o600);
  });
});

it("removes a file or a link, and not what the link leads to", async () => {
  await fs.writeFile(join(folder, "target"), "");
  await fs.symlink("target", join(folder, "link"));
  await removeFile(join(folder, "link"));
  expect(await fs.readdir(folder)).toEqual(["target"]);
  await removeFile(join(folder, "target"));
  await expect(removeFile(join(folder, "target"))).rejects.toMatchObject({ code: "ENOENT" });
});

// What chmod(2) does on FAT and on some shared folders, which not every machine can mount.
describe("a mode that the file system does not keep", () => {
  const handle = (modes: number[], error?: Error) =>
    ({
      chmod: async () => {
        if (error !== undefined) throw error;
      },
      stat: async () => ({ mode: 0o100000 | modes.shift()! }),
    }) as unknown as fs.FileHandle;

  it.each([
    ["is refused if others can read the file", [0o644], 0o600, "0644 where 0600"],
    ["is refused if others can write to the file", [0o622], 0o600, "0622 where 0600"],
    ["is refused if the group can read the file", [0o640], 0o600, "0640 where 0600"],
    ["does not matter if only execution differs", [0o711], 0o600, undefined],
    ["does not matter if it is narrower", [0o600], 0o644, undefined],
  ])("%s", async (_, modes, mode, message) => {
    const result = setMode(handle(modes), mode);
    if (message === undefined) await result;
    else await expect(result).rejects.toThrow(message);
  });

  it("fails with the error of chmod, unless the mode is right already", async () => {
    const error = new Error("EPERM");
    await expect(setMode(handle([0o644], error), 0o600)).rejects.toBe(error);
    await setMode(handle([0o600, 0o600], error), 0o600);
  });
});

describe("leftovers of killed processes", () => {
  // Above the highest process ID of Linux.
  const NOBODY = 4_194_305;
  const WORD = "0123456789abcdef0123456789abcdef";

  it.each([
    ["is removed: old, of a process that is gone", `.nixops4-${NOBODY}-${WORD}.tmp`, 120, false],
    ["is kept: a minute has not passed", `.nixops4-${NOBODY}-${WORD}.tmp`, 30, true],
    ["is kept: its process runs", `.nixops4-${process.pid}-${WORD}.tmp`, 120, true],
    ["is kept: it has another name", `.nixops4-${NOBODY}-${WORD}.tmp.bak`, 120, true],
    ["is kept: it has no process", `.nixops4-x-${WORD}.tmp`, 120, true],
  ])("one %s", async (_, name, ageSeconds, isKept) => {
    const leftover = join(folder, name);
    await fs.writeFile(leftover, "");
    const time = (await fs.stat(leftover)).mtimeMs / 1000 - ageSeconds;
    await fs.utimes(leftover, time, time);
    await replaceFile(join(folder, "file"), "contents");
    expect((await fs.readdir(folder)).includes(name)).toBe(isKept);
  });

  it("are kept when they are folders", async () => {
    const name = `.nixops4-${NOBODY}-${WORD}.tmp`;
    await fs.mkdir(join(folder, name));
    await fs.utimes(join(folder, name), 1, 1);
    await replaceFile(join(folder, "file"), "contents");
    expect(await fs.readdir(folder)).toContain(name);
  });
});

(process.geteuid?.() === 0 ? describe : describe.skip)("a file of another user (root only)", () => {
  const OTHER = 65_534;
  let path: string;
  beforeEach(async () => {
    path = join(folder, "file");
    await fs.writeFile(path, "old");
    await fs.chown(path, OTHER, OTHER);
  });

  it.each([
    [true, OTHER],
    [false, 0],
  ])("keeps its owner: %s", async (keepOwner, uid) => {
    await replaceFile(path, "new", { keepOwner });
    const stats = await fs.stat(path);
    expect([stats.uid, await fs.readFile(path, "utf8")]).toEqual([uid, "new"]);
  });

  it("of whom only the group differs keeps it", async () => {
    await fs.chown(path, 0, OTHER);
    await replaceFile(path, "new");
    const { uid, gid } = await fs.stat(path);
    expect([uid, gid]).toEqual([0, OTHER]);
  });

  it.each([
    ["a folder of that user", 0o755, OTHER, 0],
    ["a folder that everybody can write to", 0o777, 0, 0],
    ["a folder of root, if it belongs to that user", 0o755, 0, OTHER],
  ])("is not a file: a socket in %s is not written to", async (_, mode, folderOwner, owner) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, "socket"), resolve));
    try {
      await fs.chown(join(folder, "socket"), owner, owner);
      await fs.chmod(folder, mode);
      await fs.chown(folder, folderOwner, folderOwner);
      await expect(replaceFile(join(folder, "socket"), "new")).rejects.toMatchObject({
        code: "EPERM",
        message: `${join(folder, "socket")} is not a regular file, and another user could have put it there`,
      });
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it.each([
    ["that everybody can write to", 0o1777, 0, false],
    ["that a group can write to", 0o1770, 0, false],
    ["of that user", 0o1777, OTHER, true],
    ["without a sticky bit", 0o777, 0, true],
    ["that only its owner can write to", 0o1755, 0, true],
  ])("in a folder %s is replaced or refused", async (_, mode, owner, isReplaced) => {
    await fs.chmod(folder, mode);
    await fs.chown(folder, owner, owner);
    const result = replaceFile(path, "new");
    if (isReplaced) await result;
    else await expect(result).rejects.toMatchObject({ code: "EACCES" });
    expect(await fs.readFile(path, "utf8")).toBe(isReplaced ? "new" : "old");
  });
});
