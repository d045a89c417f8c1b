import { execFileSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createLog, openLog, overwriteFile, replaceFile } from "../src/index.ts";

// A tmpfs without free blocks or inodes stands for a full disk.

const suite = process.geteuid?.() === 0 && process.platform === "linux" ? describe : describe.skip;
const KIB = 1024;

let folder: string;
let filler: string;

suite.each([
  ["blocks", "size=64k"],
  ["inodes", "size=1m,nr_inodes=12"],
])("a file system without free %s (root only)", (lacking, options) => {
  beforeEach(async () => {
    folder = await fs.mkdtemp(join(tmpdir(), "full-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "none", folder]);
    filler = join(folder, "filler");
    await fs.mkdir(filler);
  });
  afterEach(async () => {
    execFileSync("umount", [folder]);
    await fs.rm(folder, { recursive: true });
  });

  async function fill(): Promise<void> {
    for (let n = 0; ; n++) {
      try {
        await fs.writeFile(join(filler, String(n)), lacking === "blocks" ? Buffer.alloc(4 * KIB) : "");
      } catch (error) {
        expect(error).toMatchObject({ code: "ENOSPC" });
        return;
      }
    }
  }

  async function free(): Promise<void> {
    for (const name of await fs.readdir(filler)) await fs.rm(join(filler, name));
  }

  const names = async () => (await fs.readdir(folder)).filter((name) => name !== "filler");

  it("keeps the old file when it is replaced, leaves no other, and has the new one once there is room", async () => {
    const path = join(folder, "file");
    const contents = "x".repeat(8 * KIB);
    await fs.writeFile(path, "old", { mode: 0o640 });
    await fill();
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(replaceFile(path, contents)).rejects.toMatchObject({ code: "ENOSPC" });
      expect(await fs.readFile(path, "utf8")).toBe("old");
      expect(await names()).toEqual(["file"]);
    }
    await free();
    await replaceFile(path, contents);
    expect(await fs.readFile(path, "utf8")).toBe(contents);
    expect((await fs.stat(path)).mode & 0o777).toBe(0o640);
  });

  it("leaves nothing of a new file that cannot be made", async () => {
    await fill();
    const path = join(folder, "new");
    await expect(replaceFile(path, "x".repeat(8 * KIB))).rejects.toMatchObject({ code: "ENOSPC" });
    await expect(createLog(path, { text: "x".repeat(8 * KIB) })).rejects.toMatchObject({ code: "ENOSPC" });
    expect(await names()).toEqual([]);
    await free();
    expect(await createLog(path, { n: 0 })).toBe(true);
  });

  it("loses no record of a log that was acknowledged, and takes more once there is room", async () => {
    const path = join(folder, "log");
    await createLog(path, { n: 0 });
    const log = await openLog(path, "held", { timeoutSeconds: 0 });
    const acknowledged = [0];
    const append = async (n: number) => {
      await log.append({ n, text: "x".repeat(KIB) });
      acknowledged.push(n);
    };
    const stored = async () => ((await log.read()).records as { n: number }[]).map(({ n }) => n);
    await append(1);
    await fill();
    let failure: unknown;
    // Without inodes, a log still grows.
    for (let n = 2; n < 12 && failure === undefined; n++) {
      failure = await append(n).catch((error: unknown) => error);
    }
    if (lacking === "blocks") expect(failure).toMatchObject({ code: "ENOSPC" });
    expect(await stored()).toEqual(acknowledged);
    // A compacted log is a second file, for which there is no space.
    const records = [{ n: 0, text: "y".repeat(8 * KIB) }];
    await expect(log.replace(records)).rejects.toMatchObject({ code: "ENOSPC" });
    expect(await stored()).toEqual(acknowledged);
    expect(log.isIntact).toBe(true);
    await free();
    await append(100);
    expect(await stored()).toEqual(acknowledged);
    await log.replace(records);
    expect(await stored()).toEqual([0]);
    await log.close();
    expect(await names()).toEqual(["log"]);
  });

  it("keeps a file that can only be written in place readable, though not whole", async () => {
    const path = join(folder, "file");
    await fs.writeFile(path, "old");
    await fill();
    const contents = "x".repeat(8 * KIB);
    const failure = await overwriteFile(path, contents, undefined).catch((error: unknown) => error);
    if (lacking === "blocks") expect(failure).toMatchObject({ code: "ENOSPC" });
    expect(contents.startsWith(await fs.readFile(path, "utf8"))).toBe(true);
    await free();
    await overwriteFile(path, contents, undefined);
    expect(await fs.readFile(path, "utf8")).toBe(contents);
  });
});
