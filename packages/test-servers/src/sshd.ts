import { spawn, type ChildProcess } from "node:child_process";
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { freePort } from "./free-port.ts";

export interface SshdSettings {
  /** Private host key files, in the order in which they are offered. */
  hostKeyFiles: string[];
  /** OpenSSH public key lines that may log in. */
  authorizedKeys: string[];
  /** Lines of sshd_config that win over the ones made here. */
  extraConfig?: string[];
}

export interface SshdOptions extends SshdSettings {
  /** For its configuration; the caller makes and removes it. */
  folder: string;
  /** Default: one that is free. */
  port?: number;
  /** Tells several servers in one folder apart. */
  name?: string;
}

/** A running OpenSSH server that accepts only the user who started it. */
export interface Sshd {
  host: "127.0.0.1";
  port: number;
  user: string;
  pid: number;
  /** All that it has logged so far. */
  log(): string;
  /** Changes settings in place, as `systemctl reload` does; connections that are open stay. */
  reload(changes?: Partial<SshdSettings>): Promise<void>;
  /** Ends the server, its connections and what they run. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 10_000;
const START_ATTEMPTS = 5;

/** The path of OpenSSH's server; `undefined` when it is not installed. */
export function findSshd(): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders
    .filter((folder) => folder.startsWith("/"))
    .map((folder) => join(folder, "sshd"))
    .find(isExecutable);
}

/** Starts the real OpenSSH server on loopback, as root or as any other user; resolves when it listens. */
export async function startSshd(options: SshdOptions): Promise<Sshd> {
  const executable = findSshd();
  if (executable === undefined) {
    throw new Error("sshd was not found: install it (on Debian and Ubuntu: apt-get install openssh-server)");
  }
  // sshd refuses to start as root without its privilege separation folder, which Debian's service makes.
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    const sshd = new SshdProcess(executable, options, port);
    try {
      await sshd.listening();
      return sshd;
    } catch (error) {
      await sshd.stop();
      const portWasTaken = sshd.log().includes("Address already in use");
      if (options.port !== undefined || !portWasTaken || attempt === START_ATTEMPTS) throw error;
    }
  }
}

class SshdProcess implements Sshd {
  readonly host = "127.0.0.1";
  readonly user = userInfo().username;
  readonly port: number;
  readonly #options: SshdOptions;
  readonly #process: ChildProcess;
  #log = "";
  #settings: SshdSettings;

  constructor(executable: string, options: SshdOptions, port: number) {
    this.#options = options;
    this.#settings = options;
    this.port = port;
    this.#configure();
    this.#process = spawn(executable, ["-D", "-e", "-f", this.#path("config")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#process.stderr!.setEncoding("utf8").on("data", (text: string) => (this.#log += text));
    this.#process.on("error", (error) => (this.#log += error.message));
  }

  get pid(): number {
    return this.#process.pid!;
  }

  log(): string {
    return this.#log;
  }

  async listening(seen = 0): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!this.#log.slice(seen).includes(`Server listening on ${this.host} port ${this.port}`)) {
      if (this.#exited() || Date.now() > deadline) {
        throw new Error(`sshd does not listen on port ${this.port}; its log:\n${this.#log}`);
      }
      await sleep(5);
    }
  }

  async reload(changes: Partial<SshdSettings> = {}): Promise<void> {
    this.#settings = { ...this.#settings, ...changes };
    this.#configure();
    const seen = this.#log.length;
    // It says that it listens before it is ready for the signal, which would end it.
    while (!catchesHangUp(this.pid)) await sleep(5);
    process.kill(this.pid, "SIGHUP");
    await this.listening(seen);
  }

  async stop(): Promise<void> {
    if (this.#exited()) return;
    const exited = new Promise((resolve) => this.#process.once("exit", resolve));
    // Connections run in sessions of their own and would outlive the server.
    const pids = [this.pid, ...descendants(this.pid)];
    for (const pid of pids) kill(pid);
    await exited;
  }

  #exited(): boolean {
    return (
      this.#process.pid === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null
    );
  }

  #configure(): void {
    const { hostKeyFiles, authorizedKeys, extraConfig = [] } = this.#settings;
    writeFileSync(this.#path("authorized_keys"), authorizedKeys.map((key) => `${key.trim()}\n`).join(""));
    const lines = [
      ...extraConfig, // The first value that sshd reads for a keyword wins.
      `ListenAddress ${this.host}`,
      `Port ${this.port}`,
      ...hostKeyFiles.map((file) => `HostKey "${file}"`),
      `AuthorizedKeysFile "${this.#path("authorized_keys")}"`,
      "AuthenticationMethods publickey",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "PermitRootLogin prohibit-password",
      "StrictModes no",
      "UsePAM no",
      "PidFile none",
      "PrintMotd no",
      "LogLevel VERBOSE",
      // The start files of the user who runs the tests may take long.
      "SetEnv HOME=/nonexistent",
    ];
    writeFileSync(this.#path("config"), `${lines.join("\n")}\n`);
  }

  #path(what: string): string {
    return join(this.#options.folder, `${this.#options.name ?? "sshd"}_${what}`);
  }
}

function catchesHangUp(pid: number): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]!;
  return (Number.parseInt(caught.slice(-1), 16) & 1) !== 0;
}

function descendants(root: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      // The command name in parentheses may hold anything, also spaces and parentheses.
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It has ended meanwhile.
    }
  }
  const below = (pid: number): number[] =>
    [...parents].filter(([, parent]) => parent === pid).flatMap(([child]) => [child, ...below(child)]);
  return below(root);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
