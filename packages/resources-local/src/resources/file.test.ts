import { execFileSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Context } from "@nixops4-providers/provider-sdk";
import { file } from "./file.ts";

let folder: string;
let name: string;
let warnings: string[];

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "file-"));
  name = join(folder, "file");
  warnings = [];
});
afterEach(() => fs.rm(folder, { recursive: true }));

const inputsOf = (inputs: object) => ({ name, encoding: "utf-8", ensure: "present", ...inputs });
const create = (inputs: object) => {
  const context = { log: { warn: (text: string) => warnings.push(text) } } as unknown as Context;
  return file.create({ inputs: inputsOf(inputs), previous: undefined }, context);
};
const failureOf = (inputs: object) => create(inputs).catch((error: unknown) => error);

describe("the inputs", () => {
  const NOT_BASE64 = [{ path: "contents", message: "is not base64" }];
  it.each([
    ["no contents where a file is wanted", {}, [{ path: "contents", message: "is required" }]],
    ["no contents where none is wanted", { ensure: "absent" }, []],
    ["contents that do not matter", { ensure: "absent", encoding: "base64", contents: "?" }, []],
    ["empty contents", { contents: "" }, []],
    ["text", { contents: "?" }, []],
    ["base64", { encoding: "base64", contents: "AAE=\n" }, []],
    ["empty base64", { encoding: "base64", contents: "" }, []],
    ["three characters of base64", { encoding: "base64", contents: "AAE" }, NOT_BASE64],
    ["four characters that are not base64", { encoding: "base64", contents: "a-b_" }, NOT_BASE64],
  ])("with %s have these violations", (_, inputs, violations) => {
    expect(file.check!(inputsOf(inputs))).toEqual(violations);
  });
});

describe("a file", () => {
  it.each<[string, { text: string; mode: number } | undefined, object, { text: string; mode: number }]>([
    ["is created", undefined, { contents: "new", mode: "0640" }, { text: "new", mode: 0o640 }],
    [
      "is created from base64",
      undefined,
      { contents: "bmV3", encoding: "base64", mode: "600" },
      { text: "new", mode: 0o600 },
    ],
    [
      "is replaced, with its mode",
      { text: "old", mode: 0o604 },
      { contents: "new" },
      { text: "new", mode: 0o604 },
    ],
    [
      "is replaced, with another mode",
      { text: "old", mode: 0o604 },
      { contents: "new", mode: "0600" },
      { text: "new", mode: 0o600 },
    ],
  ])("%s", async (_, before, inputs, after) => {
    if (before !== undefined) {
      await fs.writeFile(name, before.text);
      await fs.chmod(name, before.mode);
    }
    expect(await create(inputs)).toEqual({});
    const { mode } = await fs.stat(name);
    expect({ text: await fs.readFile(name, "utf8"), mode: mode & 0o7777 }).toEqual(after);
    expect([await fs.readdir(folder), warnings]).toEqual([["file"], []]);
  });

  it.each([
    ["nothing", undefined, 0o640, true],
    ["nothing, with the mode that it has", "0640", 0o640, true],
    ["its mode alone", "0600", 0o600, false],
  ])("with the wanted contents changes in %s", async (_, mode, expected, isUntouched) => {
    await fs.writeFile(name, "text");
    await fs.chmod(name, 0o640);
    const before = await fs.stat(name, { bigint: true });
    await create({ contents: "text", ...(mode === undefined ? {} : { mode }) });
    const after = await fs.stat(name, { bigint: true });
    expect(after.ino).toBe(before.ino);
    expect(after.ctimeNs === before.ctimeNs).toBe(isUntouched);
    expect(Number(after.mode) & 0o7777).toBe(expected);
  });

  it("is removed when it is not wanted, and may be missing", async () => {
    await fs.writeFile(name, "text");
    for (let time = 0; time < 2; time++) {
      expect(await create({ ensure: "absent" })).toEqual({});
      expect(await fs.readdir(folder)).toEqual([]);
    }
  });

  it("is named in the error when it cannot be written or removed", async () => {
    await fs.mkdir(name);
    expect(await failureOf({ contents: "text" })).toMatchObject({
      message: `cannot write the file ${name}`,
      cause: { code: "EISDIR" },
    });
    await fs.writeFile(join(folder, "other"), "");
    name = join(folder, "other", "file");
    expect(await failureOf({ ensure: "absent" })).toMatchObject({
      message: `cannot remove the file ${name}`,
      cause: { code: "ENOTDIR" },
    });
    expect(warnings).toEqual([]);
  });

  it("that does not exist is not written in place when it cannot be created", async () => {
    // Nobody can create files here.
    name = "/sys/kernel/file";
    expect(await failureOf({ contents: "text" })).toMatchObject({
      cause: { code: expect.stringMatching(/^(EACCES|EPERM|EROFS)$/) },
    });
    expect(warnings).toEqual([]);
  });
});

(process.geteuid?.() === 0 ? describe : describe.skip)("a file that cannot be replaced (root only)", () => {
  beforeEach(() => fs.writeFile(name, "old contents"));

  it("is written in place, with a warning, if it is a mount point", async () => {
    execFileSync("mount", ["--bind", name, name]);
    try {
      await create({ contents: "new", mode: "0600" });
      expect(await fs.readFile(name, "utf8")).toBe("new");
      expect((await fs.stat(name)).mode & 0o777).toBe(0o600);
    } finally {
      execFileSync("umount", [name]);
    }
    expect(warnings).toEqual([
      `${name} cannot be replaced (EBUSY): writing it in place, which a crash can cut short`,
    ]);
  });

  it("keeps its contents if the disk is full", async () => {
    await fs.rm(name);
    execFileSync("mount", ["-t", "tmpfs", "-o", "nr_inodes=2", "none", folder]);
    try {
      await fs.writeFile(name, "old contents");
      expect(await failureOf({ contents: "new" })).toMatchObject({ cause: { code: "ENOSPC" } });
      expect(await fs.readFile(name, "utf8")).toBe("old contents");
    } finally {
      execFileSync("umount", [folder]);
    }
    expect(warnings).toEqual([]);
  });
});
