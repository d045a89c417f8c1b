import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { LockedError, lockFile } from "./lock.ts";

let folder: string;
let held: fs.FileHandle;
let other: fs.FileHandle;

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "lock-"));
  held = await fs.open(join(folder, "file"), "w+");
  other = await fs.open(join(folder, "file"), "r+");
});
afterEach(async () => {
  await Promise.all([held.close(), other.close()]);
  await fs.rm(folder, { recursive: true });
});

const NOW = { timeoutSeconds: 0 };

it.each([
  ["shared", "shared", true],
  ["shared", "exclusive", false],
  ["exclusive", "shared", false],
  ["exclusive", "exclusive", false],
] as const)("a %s lock beside which another process wants a %s one: %s", async (first, second, isGranted) => {
  await lockFile(held.fd, first, NOW);
  const lock = lockFile(other.fd, second, NOW);
  if (isGranted) await lock;
  else await expect(lock).rejects.toBeInstanceOf(LockedError);
});

it("ends when the file is closed", async () => {
  await lockFile(held.fd, "exclusive", NOW);
  await held.close();
  await lockFile(other.fd, "exclusive", NOW);
});

it.each([
  [0, "another process has it locked"],
  [0.2, "another process has held the lock for 0.2 s"],
])("after %s s without the lock says how long it has waited", async (timeoutSeconds, message) => {
  await lockFile(held.fd, "exclusive", NOW);
  await expect(lockFile(other.fd, "exclusive", { timeoutSeconds })).rejects.toMatchObject({ message });
});

it("says that it waits, once, when the lock is not free at once", async () => {
  let notices = 0;
  const onWait = () => void (notices += 1);
  await lockFile(held.fd, "exclusive", { timeoutSeconds: 60, onWait });
  await new Promise((resolve) => setTimeout(resolve, 700));
  // The notice is for a lock that is waited for.
  expect(notices).toBe(0);
  await expect(lockFile(other.fd, "exclusive", { timeoutSeconds: 1.5, onWait })).rejects.toBeInstanceOf(
    LockedError,
  );
  expect(notices).toBe(1);
});

it("names the program that it needs when it fails otherwise", async () => {
  const notOpen = 9_999;
  const error = await lockFile(notOpen, "exclusive", NOW).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    message: "cannot lock the file",
    hint: "Locking needs the program `flock` of util-linux.",
  });
  expect(error).not.toBeInstanceOf(LockedError);
});

it("stops waiting when it is interrupted", async () => {
  await lockFile(held.fd, "exclusive", NOW);
  const interrupt = new AbortController();
  const waiting = lockFile(other.fd, "exclusive", {
    timeoutSeconds: 60,
    signal: interrupt.signal,
    onWait: () => interrupt.abort(new Error("interrupted by SIGINT")),
  });
  await expect(waiting).rejects.toMatchObject({ message: "cannot lock the file" });
});
