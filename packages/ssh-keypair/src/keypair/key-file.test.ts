import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { encodePrivateKey, generateKeyPair } from "@nixops4-providers/ssh-keys";
import { areSameFile, readKeyFile, removeKeyFile, writeKeyFile } from "./key-file.ts";

let folder: string;
let path: string;
let text: string;

beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "key-file-"));
  path = join(folder, "id");
  const keyPair = await generateKeyPair({ algorithm: "ed25519", bits: 256, comment: "comment" });
  text = await encodePrivateKey(keyPair);
});
afterEach(() => fs.rm(folder, { recursive: true }));

const modeOf = async (file: string) => (await fs.stat(file)).mode & 0o7777;

describe("a private key file is read", () => {
  it("with its mode and its public half", async () => {
    await fs.writeFile(path, text, { mode: 0o640 });
    expect(await readKeyFile(path, "advice")).toMatchObject({
      path,
      text,
      mode: 0o640,
      publicKey: { type: "ssh-ed25519", comment: "" },
      advice: "advice",
    });
  });

  it("as nothing when it does not exist", async () => {
    expect(await readKeyFile(path, "advice")).toBeUndefined();
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ["a folder", () => fs.mkdir(path), "it is not a regular file"],
    ["no key", () => fs.writeFile(path, "hunter2"), "it is not an OpenSSH private key"],
    [
      "below a file",
      () => fs.writeFile((path = join(folder, "a")), "").then(() => (path = join(path, "id"))),
      "ENOTDIR",
    ],
  ])("never when it is %s", async (_, prepare, why) => {
    await prepare();
    const error = await readKeyFile(path, "advice").catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: `cannot use the private key file ${path}`, hint: "advice" });
    expect(String((error as Error).cause)).toContain(why);
    expect(String((error as Error).cause)).not.toContain("hunter2");
  });

  (process.geteuid?.() === 0 ? it : it.skip)(
    "never when it belongs to another user (root only)",
    async () => {
      await fs.writeFile(path, text, { mode: 0o604 });
      await fs.chown(path, 65_534, 65_534);
      const error = await readKeyFile(path, "advice").catch((reason: unknown) => reason);
      expect(String((error as Error).cause)).toContain(
        "another user (uid 65534, mode 0604), who knows the key",
      );
    },
  );
});

describe("a private key file is written", () => {
  it("with mode 0600, in new folders with mode 0700", async () => {
    path = join(folder, "new", "id");
    await writeKeyFile(path, text, undefined);
    expect([await modeOf(path), await modeOf(join(folder, "new"))]).toEqual([0o600, 0o700]);
    expect(await fs.readFile(path, "utf8")).toBe(text);
  });

  it.each([
    ["not at all when it is as wanted", 0o600, false, true],
    ["in its mode alone when only that differs", 0o640, false, true],
    ["as a new file when the text differs", 0o600, true, false],
    ["as a new file when both differ", 0o640, true, false],
  ])("%s", async (_, mode, differs, isSameInode) => {
    await fs.writeFile(path, differs ? `${text}\n` : text);
    await fs.chmod(path, mode);
    const before = await fs.stat(path);
    await writeKeyFile(path, text, await readKeyFile(path, ""));
    const after = await fs.stat(path);
    expect(after.ino === before.ino).toBe(isSameInode);
    expect(after.mode & 0o7777).toBe(0o600);
    expect(await fs.readFile(path, "utf8")).toBe(text);
    if (mode === 0o600 && !differs) expect(after.ctimeMs).toBe(before.ctimeMs);
  });

  it("or the error names the file", async () => {
    await fs.writeFile(join(folder, "a"), "");
    await expect(writeKeyFile(join(folder, "a", "id"), text, undefined)).rejects.toThrow(
      "cannot write the private key file",
    );
    await expect(removeKeyFile(join(folder, "missing"))).rejects.toThrow(
      "cannot remove the private key file",
    );
  });
});

describe("two paths", () => {
  it("are one file by spelling, by a symbolic link, and by a hard link", async () => {
    await fs.writeFile(path, text);
    await fs.symlink(path, join(folder, "link"));
    await fs.link(path, join(folder, "hard"));
    for (const other of [path, `${folder}/./id`, join(folder, "link"), join(folder, "hard")]) {
      expect(await areSameFile(path, other)).toBe(true);
    }
  });

  it("are two files when they are copies, on another file system, or when one or both do not exist", async () => {
    await fs.writeFile(path, text);
    await fs.copyFile(path, join(folder, "copy"));
    expect(await areSameFile(path, join(folder, "copy"))).toBe(false);
    expect(await areSameFile(path, "/proc/self/status")).toBe(false);
    expect(await areSameFile(path, join(folder, "missing"))).toBe(false);
    expect(await areSameFile(join(folder, "missing"), path)).toBe(false);
    expect(await areSameFile(join(folder, "missing"), join(folder, "missing too"))).toBe(false);
    await expect(areSameFile(path, join(path, "id"))).rejects.toThrow("ENOTDIR");
  });
});
