import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The user and group ID of `nobody`, the attacker. */
export const OTHER_USER = 65534;

/** A file system in memory, since the tests write a thousand times. */
const IN_MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/**
 * Folders for a test of what root does in a folder of another user: `home/folder` belongs to that user, and
 * `victim/file` to root.
 */
export class OtherUserLab {
  readonly base = join(IN_MEMORY, `other-user-${crypto.randomUUID()}`);
  readonly folder = join(this.base, "home", "folder");
  readonly victim = join(this.base, "victim");

  /** Makes the folders. They can be made again after {@link stop}. */
  async start(): Promise<void> {
    await fs.mkdir(this.base);
    await fs.chmod(this.base, 0o755);
    await fs.mkdir(this.folder, { recursive: true });
    await fs.mkdir(this.victim);
    await fs.writeFile(join(this.victim, "file"), "untouched", { mode: 0o644 });
    for (const path of [join(this.base, "home"), this.folder]) await fs.chown(path, OTHER_USER, OTHER_USER);
  }

  async stop(): Promise<void> {
    await fs.rm(this.base, { recursive: true });
  }

  /** Returns the names, owners, modes and contents of the victim's files, as one text. */
  async victimState(): Promise<string> {
    const names = await fs.readdir(this.victim, { recursive: true });
    const lines = names.toSorted().map(async (name) => {
      const path = join(this.victim, name);
      const stats = await fs.lstat(path);
      const contents = stats.isFile() ? await fs.readFile(path, "utf8") : "(no file)";
      return `${name} ${stats.uid} ${(stats.mode & 0o7777).toString(8)} ${contents}`;
    });
    return (await Promise.all(lines)).join("\n");
  }

  /**
   * Makes files of root for {@link swapAll}. The victim gets `private` and `pipe`, which the other user cannot read. A
   * folder of the other user, in which they can be renamed, gets files and folders with the text {@link KEPT}, which
   * only root can read.
   */
  async stock(count: number): Promise<void> {
    await fs.writeFile(join(this.victim, "private"), KEPT, { mode: 0o600 });
    execFileSync("mkfifo", ["-m", "600", join(this.victim, "pipe")]);
    const stock = join(this.base, "home", "stock");
    await fs.mkdir(stock);
    await fs.chown(stock, OTHER_USER, OTHER_USER);
    for (let i = 0; i < count; i++) {
      await fs.writeFile(join(stock, `file${i}`), KEPT, { mode: 0o600 });
      await fs.mkdir(join(stock, `folder${i}`), { mode: 0o700 });
      await fs.writeFile(join(stock, `folder${i}`, "file"), KEPT, { mode: 0o644 });
    }
  }

  /**
   * Runs a Node program as the other user, in `base`, for as long as `work` takes, and returns its output. The work
   * starts when the program has printed something.
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

/** The result of {@link OtherUserLab.victimState} when the attack changed nothing. */
export const UNTOUCHED = "file 0 644 untouched";

/** The contents of files that only root can read. */
export const KEPT = "kept from others";

const attempts = `
  const fs = require("node:fs");
  const { dirname, resolve } = require("node:path");
  let count = 0;
  // Alternates between relative and absolute links.
  const link = (target, path) =>
    fs.symlinkSync(count++ % 2 === 0 ? target : resolve(dirname(path), target), path);
  const attempt = (work) => { try { return work() } catch {} };
  console.log("ready");`;

/** A program that keeps replacing `home/folder` by a link to the victim's folder. */
export const SWAP_FOLDER = `${attempts}
  for (;;) {
    attempt(() => fs.renameSync("home/folder", "home/aside"));
    attempt(() => link("../victim", "home/folder"));
    attempt(() => fs.unlinkSync("home/folder"));
    attempt(() => fs.renameSync("home/aside", "home/folder"));
  }`;

/**
 * A program that replaces each file in `home/folder` by a link to the victim's file, and prints what it can read of the
 * files.
 */
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

export interface SwapOptions {
  /** The paths below `home` to swap, such as `folder` and `folder/file`. */
  names: readonly string[];
  /** The text that the other user must not read, besides {@link KEPT}. */
  secret: string;
  /** Whether to also put files of the other user there, which keep their owner when they are replaced. */
  isOwnFile?: boolean;
}

/**
 * Returns a program that replaces one of the names, or a file in the same folder, by something else, and then restores
 * it, again and again. The replacements are links to the victim's files, folders and pipe, pipes with and without a
 * reader, folders, sockets, and root's files and folders from {@link OtherUserLab.stock}. It prints the secrets that it
 * can read.
 */
export function swapAll(options: SwapOptions): string {
  return `
  const fs = require("node:fs");
  const { basename, dirname, relative, resolve } = require("node:path");
  const { execFileSync } = require("node:child_process");
  const { names, secret, isOwnFile } = ${JSON.stringify(options)};
  process.chdir("home");
  execFileSync("mkfifo", ["read", "unread"]);
  const { O_RDONLY, O_NONBLOCK } = fs.constants;
  const reader = fs.openSync("read", O_RDONLY | O_NONBLOCK);
  const socket = require("node:net").createServer().listen("socket");
  const attempt = (work) => { try { return work() } catch {} };
  const pick = (list) => list[Math.floor(Math.random() * list.length)];
  let told = 0;
  const tell = (name, text) => {
    for (const each of [secret, ${JSON.stringify(KEPT)}]) {
      if (text.includes(each) && told++ < 20) fs.writeSync(1, "READ " + name + ": " + text.slice(0, 80) + "\\n");
    }
  };
  let count = 0;
  const link = (target, path) =>
    fs.symlinkSync(count++ % 2 === 0 ? relative(dirname(path), target) : resolve(target), path);
  const mirror = (path) => "../victim" + path.slice("folder".length);
  const stock = (kind) => "stock/" + pick(fs.readdirSync("stock").filter((name) => name.startsWith(kind)));
  const baits = [
    (path) => link(mirror(path), path),
    (path) => link(mirror(path), path),
    (path) => link("../victim/" + pick(["file", "private", "pipe", "key"]), path),
    (path) => link("../victim", path),
    (path) => link(pick(["read", "unread"]), path),
    (path) => fs.linkSync(pick(["read", "unread", "socket"]), path),
    (path) => fs.mkdirSync(path),
    (path) => fs.renameSync(stock("file"), path),
    (path) => fs.renameSync(stock("folder"), path),
    ...(isOwnFile ? [(path) => fs.writeFileSync(path, "bait", { mode: 0o666 })] : []),
  ];
  const look = (path) => {
    const fd = fs.openSync(path, O_RDONLY | O_NONBLOCK);
    try { if (fs.fstatSync(fd).isFile()) tell(path, fs.readFileSync(fd, "utf8")) } finally { fs.closeSync(fd) }
  };
  const bytes = Buffer.alloc(4096);
  fs.writeSync(1, "ready\\n");
  for (;;) {
    const folder = dirname(pick(names.filter((name) => name.includes("/"))));
    const beside = (attempt(() => fs.readdirSync(folder)) ?? []).map((name) => folder + "/" + name);
    const path = pick([...names, ...beside]);
    const hasMoved = attempt(() => (fs.renameSync(path, "aside"), true));
    const isBaited = attempt(() => (pick(baits)(path), true));
    // The pauses are shorter or longer than a system call.
    for (const end = performance.now() + Math.random() * pick([0.02, 0.2, 2]); performance.now() < end;);
    if (isBaited) {
      attempt(() => look(path));
      attempt(() => fs.renameSync(path, "trash" + count++));
    }
    if (hasMoved) attempt(() => fs.renameSync("aside", path));
    for (const each of beside) attempt(() => look(each));
    attempt(() => tell("pipe", bytes.toString("utf8", 0, fs.readSync(reader, bytes))));
  }`;
}
