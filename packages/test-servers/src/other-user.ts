import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The user and group `nobody`, who attacks. */
export const OTHER_USER = 65534;

/**
 * Folders for a test of what root does in a folder of another user: `home/folder` belongs to that user, and
 * `victim/file` to root.
 */
export class OtherUserLab {
  readonly base: string;
  readonly folder: string;
  readonly victim: string;

  static async start(): Promise<OtherUserLab> {
    const lab = new OtherUserLab(await fs.mkdtemp(join(tmpdir(), "other-user-")));
    await fs.chmod(lab.base, 0o755);
    await fs.mkdir(lab.folder, { recursive: true });
    await fs.mkdir(lab.victim);
    await fs.writeFile(join(lab.victim, "file"), "untouched", { mode: 0o644 });
    for (const path of [join(lab.base, "home"), lab.folder]) await fs.chown(path, OTHER_USER, OTHER_USER);
    return lab;
  }

  private constructor(base: string) {
    this.base = base;
    this.folder = join(base, "home", "folder");
    this.victim = join(base, "victim");
  }

  async stop(): Promise<void> {
    await fs.rm(this.base, { recursive: true });
  }

  /** The victim's files: name, owner, mode and contents, all in one text. */
  async victimState(): Promise<string> {
    const names = await fs.readdir(this.victim);
    const lines = names.toSorted().map(async (name) => {
      const path = join(this.victim, name);
      const { uid, mode } = await fs.stat(path);
      return `${name} ${uid} ${(mode & 0o7777).toString(8)} ${await fs.readFile(path, "utf8")}`;
    });
    return (await Promise.all(lines)).join("\n");
  }

  /**
   * Runs a Node program of the other user, in `base`, for as long as `work` takes; returns what it printed. The work
   * begins when the program prints something.
   */
  async besides(program: string, work: () => Promise<void>): Promise<string> {
    const child = spawn(process.execPath, ["-e", program], {
      uid: OTHER_USER,
      gid: OTHER_USER,
      cwd: this.base,
      env: { PATH: process.env["PATH"] },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const closed = once(child, "close");
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    await once(child.stdout, "data");
    try {
      await work();
    } finally {
      child.kill("SIGKILL");
      await closed;
    }
    return output;
  }
}

/** What {@link OtherUserLab.victimState} returns when nothing was touched. */
export const UNTOUCHED = "file 0 644 untouched";

const attempts = `
  const fs = require("node:fs");
  const { dirname, resolve } = require("node:path");
  let count = 0;
  // By turns relative and absolute.
  const link = (target, path) =>
    fs.symlinkSync(count++ % 2 === 0 ? target : resolve(dirname(path), target), path);
  const attempt = (work) => { try { return work() } catch {} };
  console.log("ready");`;

/** Swaps `home/folder` for a link to the victim's folder, again and again. */
export const SWAP_FOLDER = `${attempts}
  for (;;) {
    attempt(() => fs.renameSync("home/folder", "home/aside"));
    attempt(() => link("../victim", "home/folder"));
    attempt(() => fs.unlinkSync("home/folder"));
    attempt(() => fs.renameSync("home/aside", "home/folder"));
  }`;

/** Puts links to the victim's file in the place of each file in `home/folder`, and prints what it can read of them. */
export const SWAP_FILES = `${attempts}
  for (;;) {
    attempt(() => link("../../victim/file", "home/folder/file"));
    attempt(() => fs.unlinkSync("home/folder/file"));
    for (const name of attempt(() => fs.readdirSync("home/folder")) ?? []) {
      if (!name.startsWith(".nixops4-")) continue;
      attempt(() => fs.renameSync("home/folder/" + name, "home/taken"));
      attempt(() => link("../../victim/file", "home/folder/" + name));
      attempt(() => console.log(fs.readFileSync("home/taken", "utf8")));
      attempt(() => fs.unlinkSync("home/taken"));
    }
  }`;
