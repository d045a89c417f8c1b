import * as fs from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, jest } from "@jest/globals";
import { FailingFs, inMemoryFolder } from "@nixops4-providers/test-servers";

const failing = await FailingFs.create();
jest.unstable_mockModule("node:fs/promises", () => failing.module);
const { replaceFile } = await import("../src/replace-file.ts");

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await fs.mkdtemp(join(inMemoryFolder, "replace-faults-"));
  path = join(folder, "file");
  await fs.writeFile(path, "old");
});
afterEach(() => fs.rm(folder, { recursive: true }));

/** Replaces the file while a call fails: the first of this name, or the one with this number among them. */
async function replaceWithFault(code: string, name: string, number = 0, options = {}): Promise<string> {
  failing.arm(code, Infinity);
  await replaceFile(path, "old", options);
  const calls = [...failing.calls.entries()].filter(([, call]) => call === name);
  failing.arm(code, calls.at(number)?.[0] ?? Infinity);
  return replaceFile(path, "new", options).finally(() => failing.disarm());
}

it("keeps the access list of a file only if it can be read", async () => {
  let lost = 0;
  // The last file that is opened for reading is the folder, which is synced.
  await replaceWithFault("EACCES", "open", -2, { onAclLost: () => (lost += 1) });
  expect([await fs.readFile(path, "utf8"), lost]).toEqual(["new", 0]);
});

(process.geteuid?.() === 0 ? it : it.skip).each([
  ["EPERM", "new", 0],
  ["EIO", "old", 65_534],
])("where the owner cannot be set (%s), the file is %s (root only)", async (code, text, owner) => {
  await fs.chown(path, 65_534, 65_534);
  const error = await replaceWithFault(code, "chown").catch((reason: unknown) => reason);
  if (code === "EPERM") expect(error).toBe(path);
  else expect(error).toMatchObject({ code });
  expect([await fs.readFile(path, "utf8"), (await fs.stat(path)).uid]).toEqual([text, owner]);
  expect(await fs.readdir(folder)).toEqual(["file"]);
});

it("needs no chown(2), which some shared folders refuse, for a file of this user", async () => {
  failing.arm("ENOSYS", Infinity);
  await replaceFile(path, "new");
  failing.disarm();
  expect(failing.calls).not.toContain("chown");
});
