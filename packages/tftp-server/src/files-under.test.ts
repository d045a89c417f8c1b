import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, open, readdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { filesUnder } from "./files-under.ts";

let folder: string;
let root: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "files-under-"));
  root = join(folder, "root");
  await mkdir(join(root, "sub"), { recursive: true });
  await mkdir(join(folder, "rootless"));
  for (const name of ["file", "sub/inner", "sub\\..\\odd", "..dots", "../secret", "../rootless/secret"]) {
    await writeFile(join(root, name), `contents of ${name}`);
  }
  const links = { out: "../secret", near: "../rootless/secret", in: "sub/inner", loop: "loop", up: ".." };
  for (const [name, target] of Object.entries(links)) await symlink(target, join(root, name));
  execFileSync("mkfifo", [join(root, "pipe"), join(folder, "pipe")]);
  await symlink("../pipe", join(root, "pipe-out"));
});
afterAll(async () => rm(folder, { recursive: true }));

async function contentsOf(name: string, from = root): Promise<string | undefined> {
  const file = await filesUnder(from)(name);
  if (file === undefined) return undefined;
  const bytes = await file.read(0, file.size);
  await file.close();
  return bytes.toString();
}

describe("filesUnder", () => {
  it.each([
    ["file", "file"],
    ["/file", "file"],
    ["//sub//inner", "sub/inner"],
    ["./file", "file"],
    ["..dots", "..dots"],
    ["in", "sub/inner"],
  ])("serves %j", async (name, file) => {
    expect(await contentsOf(name)).toBe(`contents of ${file}`);
  });

  it.each([
    ["a missing file", "nothing"],
    ["the folder itself", ""],
    ["a folder in it", "sub"],
    ["a name below a file", "file/inner"],
    ["a name outside of the folder", "../secret"],
    ["a .. part that stays in the folder", "sub/../file"],
    ["a .. part with backslashes", "sub\\..\\odd"],
    ["a zero byte", "file\0"],
    ["a link out of the folder", "out"],
    ["a link into a folder whose name begins with that of the folder", "near"],
    ["a name below a link out of the folder", "up/secret"],
    ["a link to itself", "loop"],
    ["a named pipe", "pipe"],
    ["a name that is too long", "x".repeat(300)],
  ])("does not find %s: %j", async (_what, name) => {
    expect(await contentsOf(name)).toBeUndefined();
  });

  it("serves from the root folder, and from a folder that is a link", async () => {
    expect(await contentsOf(join(root, "file"), "/")).toBe("contents of file");
    await symlink("root", join(folder, "link"));
    expect(await contentsOf("file", join(folder, "link"))).toBe("contents of file");
  });

  it("finds nothing under a folder that does not exist", async () => {
    expect(await contentsOf("file", join(folder, "none"))).toBeUndefined();
  });

  it("does not even open what a link leads to outside of the folder", async () => {
    let isOpen = false;
    // The pipe opens for writing as soon as a reader opens it.
    const writer = open(join(folder, "pipe"), "w").then((handle) => {
      isOpen = true;
      return handle;
    });
    expect(await contentsOf("pipe-out")).toBeUndefined();
    expect(isOpen).toBe(false);
    const reader = await open(join(folder, "pipe"), "r");
    await Promise.all([reader.close(), (await writer).close()]);
  });

  it("reads a part of a file, and less at its end", async () => {
    const file = (await filesUnder(root)("file"))!;
    expect(file.size).toBe(16);
    expect((await file.read(9, 2)).toString()).toBe("of");
    expect((await file.read(12, 100)).toString()).toBe("file");
    await file.close();
  });

  it("leaves no file open", async () => {
    for (const name of ["file", "sub", "pipe", "out"]) await contentsOf(name);
    const numbers = await readdir("/proc/self/fd");
    const files = await Promise.all(
      numbers.map(async (number) => readlink(`/proc/self/fd/${number}`).catch(() => "")),
    );
    expect(files.filter((path) => path.startsWith(folder))).toEqual([]);
  });

  it("fails when the folder cannot be used, instead of finding nothing", async () => {
    await expect(filesUnder("a\0b")("file")).rejects.toThrow("null bytes");
  });
});
