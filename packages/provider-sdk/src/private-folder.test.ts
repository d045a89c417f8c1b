import { chown, lstat, mkdtemp, readdir, rm } from "node:fs/promises";
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
    await rm(runtime, { recursive: true });
  });

  it("is in XDG_RUNTIME_DIR, for this user only", async () => {
    const folder = await privateFolder();
    expect(dirname(folder!)).toBe(runtime);
    expect((await lstat(folder!)).mode & 0o777).toBe(0o700);
  });

  asRoot("is not in an XDG_RUNTIME_DIR of another user (root only)", async () => {
    await chown(runtime, OTHER_USER, OTHER_USER);
    expect(dirname((await privateFolder())!)).toBe("/run");
    expect(await readdir(runtime)).toEqual([]);
  });
});
