import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { changeMode, removeFile, replaceFile } from "../src/index.ts";

// What root writes into a folder of another user, who does what he can to have it written elsewhere.

const OTHER = 65534;
const isRoot = process.geteuid?.() === 0;
const TRIES = 1_000;
const TIMEOUT_MS = 300_000;

let base: string;
let home: string;
let victim: string;

beforeEach(async () => {
  base = await fs.mkdtemp(join(tmpdir(), "other-user-"));
  await fs.chmod(base, 0o755);
  [home, victim] = [join(base, "home"), join(base, "victim")];
  await fs.mkdir(join(home, "folder"), { recursive: true });
  await fs.mkdir(victim);
  await fs.writeFile(join(victim, "file"), "untouched", { mode: 0o644 });
  if (isRoot) for (const path of [home, join(home, "folder")]) await fs.chown(path, OTHER, OTHER);
});
afterEach(() => fs.rm(base, { recursive: true }));

async function expectVictimUntouched() {
  expect(await fs.readdir(victim)).toEqual(["file"]);
  expect(await fs.readFile(join(victim, "file"), "utf8")).toBe("untouched");
  const { uid, mode } = await fs.stat(join(victim, "file"));
  expect([uid, mode & 0o777]).toEqual([0, 0o644]);
}

/** Runs a program of the other user for as long as `work` takes; returns what it printed. */
async function besides(program: string, work: () => Promise<void>): Promise<string> {
  const child = spawn(process.execPath, ["-e", program], {
    uid: OTHER,
    gid: OTHER,
    cwd: base,
    env: {},
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  await started(child);
  try {
    await work();
  } finally {
    child.kill("SIGKILL");
    await closed;
  }
  return output;
}

async function started(child: ChildProcess) {
  await once(child.stdout!, "data");
}

const attempts = `
  const fs = require("node:fs");
  const attempt = (work) => { try { work() } catch {} };
  console.log("ready");`;

const swapFolder = `${attempts}
  for (;;) {
    attempt(() => fs.renameSync("home/folder", "home/aside"));
    attempt(() => fs.symlinkSync("../victim", "home/folder"));
    attempt(() => fs.unlinkSync("home/folder"));
    attempt(() => fs.renameSync("home/aside", "home/folder"));
  }`;

const swapFile = `${attempts}
  for (;;) {
    attempt(() => fs.symlinkSync("../../victim/file", "home/folder/file"));
    attempt(() => fs.unlinkSync("home/folder/file"));
    for (const name of fs.readdirSync("home/folder")) {
      if (!name.endsWith(".tmp")) continue;
      attempt(() => fs.renameSync("home/folder/" + name, "home/taken"));
      attempt(() => fs.symlinkSync("../../victim/file", "home/folder/" + name));
      attempt(() => console.log(fs.readFileSync("home/taken", "utf8")));
      attempt(() => fs.unlinkSync("home/taken"));
    }
  }`;

const suite = isRoot ? describe : describe.skip;

suite("files in a folder of another user (root only)", () => {
  const path = () => join(home, "folder", "file");

  it(
    `are never written elsewhere when he swaps the folder for a link, in ${TRIES} tries`,
    async () => {
      let written = 0;
      await besides(swapFolder, async () => {
        for (let i = 0; i < TRIES; i++) {
          const work = [
            () => replaceFile(path(), "secret", { mode: 0o600 }),
            () =>
              replaceFile(join(home, "folder", "made", "file"), "secret", { mode: 0o600, folderMode: 0o700 }),
            () => changeMode(path(), 0o600),
            () => removeFile(path()),
          ][i % 4]!;
          await work().then(
            () => written++,
            () => {},
          );
        }
      });
      expect(written).toBeGreaterThan(0);
      await expectVictimUntouched();
    },
    TIMEOUT_MS,
  );

  it(
    `are neither read by him nor written elsewhere when he swaps the files, in ${TRIES} tries`,
    async () => {
      const output = await besides(swapFile, async () => {
        for (let i = 0; i < TRIES; i++) {
          await replaceFile(path(), "secret", { mode: 0o600 }).catch(() => {});
          await changeMode(path(), 0o600).catch(() => {});
        }
      });
      expect(output).not.toContain("secret");
      await expectVictimUntouched();
    },
    TIMEOUT_MS,
  );

  it("are refused behind a link of his, and not behind one of root's or into a folder of his own", async () => {
    await fs.symlink(victim, join(home, "link"));
    await fs.symlink(join(home, "folder"), join(home, "own"));
    for (const name of ["link", "own"]) await fs.lchown(join(home, name), OTHER, OTHER);
    await expect(replaceFile(join(home, "link", "file"), "new")).rejects.toThrow(
      /home\/link is a symbolic link of another user \(uid 65534\) and leads to a folder of uid 0/,
    );
    await expectVictimUntouched();
    await replaceFile(join(home, "own", "file"), "new");
    expect(await fs.readFile(path(), "utf8")).toBe("new");
    await fs.lchown(join(home, "link"), 0, 0);
    await replaceFile(join(home, "link", "file"), "new");
    expect(await fs.readFile(join(victim, "file"), "utf8")).toBe("new");
  });

  it("are refused when he has put a pipe there, or a file into a folder that everybody can write to", async () => {
    await fs.chown(join(home, "folder"), 0, 0);
    await fs.chmod(join(home, "folder"), 0o1777);
    await besides(
      `require("node:fs").writeFileSync("home/folder/file", "bait"); console.log("ready")`,
      async () => {},
    );
    await expect(replaceFile(path(), "secret", { mode: 0o600 })).rejects.toThrow(
      /folder\/file belongs to another user \(uid 65534\), in a folder that others can write to/,
    );
    await fs.unlink(path());
    await besides(
      `require("node:child_process").execFileSync("/usr/bin/mkfifo", ["home/folder/file"]); console.log("ready")`,
      async () => {},
    );
    await expect(replaceFile(path(), "secret", { mode: 0o600 })).rejects.toThrow("is a pipe of another user");
  });
});
