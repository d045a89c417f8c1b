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
