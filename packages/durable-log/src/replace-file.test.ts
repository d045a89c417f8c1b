import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { replaceFile } from "./replace-file.ts";

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

  it("leaves the old file and no other when the new one cannot be put in its place", async () => {
    const path = join(folder, "file");
    await fs.mkdir(path);
    await fs.writeFile(join(path, "inside"), "");
    await expect(replaceFile(path, "new")).rejects.toThrow("EISDIR");
    await expect(replaceFile(join(path, "inside", "deeper"), "new")).rejects.toThrow("ENOTDIR");
    expect(await fs.readdir(folder)).toEqual(["file"]);
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
