import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { lockOf } from "./lock.ts";

const { signal } = new AbortController();
let folder: string;
const before = process.env["XDG_RUNTIME_DIR"];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "dns-lock-"));
  process.env["XDG_RUNTIME_DIR"] = folder;
});

afterEach(async () => {
  if (before === undefined) delete process.env["XDG_RUNTIME_DIR"];
  else process.env["XDG_RUNTIME_DIR"] = before;
  await rm(folder, { recursive: true });
});

it("lets one work at a time go on for the same zone of the same server", async () => {
  const seen: string[] = [];
  const lock = lockOf("https://api.example", signal);
  let second: Promise<void> | undefined;
  await lock("a.test.", async () => {
    second = lock("a.test.", async () => void seen.push("second"));
    // Another zone, and another server, need not wait.
    await lock("b.test.", async () => void seen.push("other zone"));
    await lockOf("https://other.example", signal)("a.test.", async () => void seen.push("other server"));
    seen.push("first ends");
  });
  await second;
  expect(seen).toEqual(["other zone", "other server", "first ends", "second"]);
});

it("returns the result, and is free after a failure", async () => {
  const lock = lockOf("https://api.example", signal);
  await expect(lock("a.test.", () => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
  expect(await lock("a.test.", async () => 7)).toBe(7);
});

it("needs a folder that no other user can enter", async () => {
  const shared = join(folder, `nixops4-providers-${process.getuid!()}`);
  await mkdir(shared);
  await chmod(shared, 0o755);
  await expect(lockOf("https://api.example", signal)("a.test.", async () => 7)).rejects.toThrow(
    "there is no folder for locks that only this user can change",
  );
});
