import { execFile, spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const SETUP = join(import.meta.dirname, "installer-machine.sh");
export const INSTALLER = join(import.meta.dirname, "../../nix/installer/install.sh");
const SAMPLE_MS = 20;
/** A long timeout, since it only ends waits that will never succeed, even on a busy machine. */
const WAIT_MS = 120_000;

export interface Disk {
  /** The path of a raw image, which is kept when the machine stops. */
  image: string;
  serial: string;
}

export const idOf = ({ serial }: Disk): string => `virtio-${serial}`;

/** One boot of a machine. Its memory is lost at power-off, and its disks are kept. */
export class Machine {
  readonly bootId: string;
  /** The folder with the files of its network boot's overlay. */
  readonly job: string;
  readonly #folder: string;
  readonly #init: ChildProcess;

  private constructor(folder: string, init: ChildProcess, bootId: string) {
    this.bootId = bootId;
    this.#folder = folder;
    this.#init = init;
    this.job = join(folder, "overlay/nixops4");
  }

  get isOn(): boolean {
    return this.#init.exitCode === null && this.#init.signalCode === null;
  }

  /** Powers the machine on. `folder` is only for this boot. */
  static async start(folder: string, disks: Disk[]): Promise<Machine> {
    const bootId = randomUUID();
    const bootIdFile = join(folder, "boot_id");
    await fs.writeFile(bootIdFile, `${bootId}\n`);
    const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    const args = disks.flatMap((disk) => [disk.image, disk.serial, idOf(disk)]);
    const init = spawn(
      "setpriv",
      ["--pdeathsig", "KILL", "unshare", ...namespaces, "sh", SETUP, bootIdFile, ...args],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    let stderr = "";
    init.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    await Promise.race([
      once(init.stdout, "data"),
      once(init, "exit").then(() => Promise.reject(new Error(`the machine does not start: ${stderr}`))),
    ]);
    return new Machine(folder, init, bootId);
  }

  /** Boots from the network like iPXE and the kernel, and returns the script. The overlay is unpacked into `job`. */
  async netboot(bootService: string, mac: string): Promise<string> {
    const url = `${bootService}/machines/${mac.replaceAll(":", "-")}/boot.ipxe?firmware=efi&architecture=x86_64`;
    const script = await (await fetch(url)).text();
    const [overlayUrl] = /http\S+overlay\.cpio/.exec(script) ?? [];
    if (overlayUrl === undefined) return script;
    const overlay = Buffer.from(await (await fetch(overlayUrl)).arrayBuffer());
    const folder = join(this.#folder, "overlay");
    await fs.mkdir(folder);
    const cpio = run("cpio", ["-idm", "--quiet", "--no-absolute-filenames"], { cwd: folder });
    cpio.child.stdin!.end(overlay);
    await cpio;
    return script;
  }

  /** Starts the installer. */
  install(env: Record<string, string> = {}): Installation {
    return new Installation(this, join(this.#folder, "rebooted"), env);
  }

  /** Runs a program in the machine and returns its standard output. */
  async run(...command: string[]): Promise<string> {
    const [program, ...args] = this.enter(...command);
    return (await run(program!, args)).stdout.trim();
  }

  enter(...command: string[]): string[] {
    return ["nsenter", `--target=${this.#pid()}`, "--mount", "--pid", "--wd=/", "--", ...command];
  }

  /** Returns the kernel's path of a disk. */
  async device(disk: Disk): Promise<string> {
    return this.run("readlink", "--canonicalize", `/dev/disk/by-id/${idOf(disk)}`);
  }

  /** Returns the command lines and environments of all processes. */
  async processTexts(): Promise<string[]> {
    const proc = `/proc/${this.#pid()}/root/proc`;
    const pids = (await fs.readdir(proc).catch(() => [])).filter((name) => /^\d+$/.test(name));
    const files = pids.flatMap((pid) => [join(proc, pid, "cmdline"), join(proc, pid, "environ")]);
    return Promise.all(files.map((file) => fs.readFile(file, "latin1").catch(() => "")));
  }

  /** Powers the machine off at once. */
  async stop(): Promise<void> {
    if (!this.isOn) return;
    const images = await this.run("losetup", "--noheadings", "--list", "--output", "BACK-FILE");
    process.kill(this.#pid(), "SIGKILL");
    await once(this.#init, "exit");
    // All writes are in the images when the loop devices are removed.
    for (const image of images.split("\n").filter((image) => image.startsWith(join(this.#folder, "..")))) {
      while ((await run("losetup", ["--associated", image])).stdout !== "") await sleep(20);
    }
  }

  #pid(): number {
    const { pid } = this.#init;
    return Number.parseInt(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8"), 10);
  }
}

/** A run of the installer. */
export class Installation {
  /** The output so far. */
  console = "";
  /** The secrets of the overlay that were found in command lines or environments. */
  readonly leaks = new Set<string>();
  readonly #machine: Machine;
  readonly #rebooted: string;
  readonly #process: ChildProcess;
  readonly #exited: Promise<number | null>;

  constructor(machine: Machine, rebooted: string, env: Record<string, string>) {
    this.#machine = machine;
    this.#rebooted = rebooted;
    const variables = {
      PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: "/run",
      NIXOPS4_JOB: machine.job,
      NIXOPS4_REBOOT: `touch ${rebooted}`,
      NIXOPS4_DISK_TYPES: "loop",
      ...env,
    };
    const begin = `echo $$ >/run/installer.pid; exec ${INSTALLER}`;
    const [program, ...args] = machine.enter("sh", "-c", begin);
    this.#process = spawn(program!, args, { env: variables, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      stream.setEncoding("utf8").on("data", (text: string) => (this.console += text));
    }
    this.#exited = new Promise((resolve) => this.#process.once("exit", resolve));
    void this.#sample();
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  get hasRebooted(): boolean {
    return existsSync(this.#rebooted);
  }

  /** Resolves to the exit status; `null` when the installer was killed. */
  async ended(): Promise<number | null> {
    return this.#exited;
  }

  async says(pattern: RegExp): Promise<void> {
    await until(`the installer says ${pattern}`, () => {
      if (pattern.test(this.console)) return true;
      if (!this.isRunning) throw new Error(`it has ended, without ${pattern}:\n${this.console}`);
      return false;
    });
  }

  /** Kills the installer, but not its child processes. */
  async kill(signal = "KILL"): Promise<void> {
    await this.#machine.run("sh", "-c", `kill -${signal} $(cat /run/installer.pid)`).catch(() => {});
    await this.#exited;
  }

  async #sample(): Promise<void> {
    const secrets = await secretsIn(this.#machine.job);
    while (this.isRunning) {
      for (const text of await this.#machine.processTexts()) {
        if (secrets.some((secret) => text.includes(secret))) this.leaks.add(text);
      }
      await sleep(SAMPLE_MS);
    }
  }
}

/** Returns the secrets of a job: the token, and the lines of the host key. */
export async function secretsIn(job: string): Promise<string[]> {
  const files = ["token", "ssh_host_ed25519_key"].map((name) =>
    fs.readFile(join(job, name), "utf8").catch(() => ""),
  );
  const lines = (await Promise.all(files)).flatMap((text) => text.split("\n"));
  return lines.filter((line) => line.length > 8 && !line.startsWith("-----"));
}

export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`waited ${WAIT_MS / 1000} s until ${what}`);
    await sleep(20);
  }
}
