import { spawn, type ChildProcess } from "node:child_process";
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { freePort } from "./free-port.ts";

export interface SshdSettings {
  /** Private host key files, in the order in which the server offers them. */
  hostKeyFiles: string[];
  /** OpenSSH public key lines that can log in. */
  authorizedKeys: string[];
  /** Lines of sshd_config that take precedence over the generated ones. */
  extraConfig?: string[];
}

export interface SshdOptions extends SshdSettings {
  /** The folder for the configuration. The caller creates and removes it. */
  folder: string;
  /** The port to listen on. Default: a free one. */
  port?: number;
  /** A name for the configuration files, when several servers share a folder. */
  name?: string;
}

/** A running OpenSSH server that accepts only the user who started it. */
export interface Sshd {
  host: "127.0.0.1";
  port: number;
  user: string;
  pid: number;
  /** Returns the log so far. */
  log(): string;
  /** Changes settings like `systemctl reload`: open connections stay open. */
  reload(changes?: Partial<SshdSettings>): Promise<void>;
  /** Kills the server, its connections and their commands. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 10_000;
const START_ATTEMPTS = 5;

/** Returns the path of OpenSSH's server; `undefined` when it is not installed. */
export function findSshd(): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders
    .filter((folder) => folder.startsWith("/"))
    .map((folder) => join(folder, "sshd"))
    .find(isExecutable);
}

/** Starts the real OpenSSH server on loopback, as the current user. Resolves when it listens. */
export async function startSshd(options: SshdOptions): Promise<Sshd> {
  const executable = findSshd();
  if (executable === undefined) {
    throw new Error("sshd was not found: install it (on Debian and Ubuntu: apt-get install openssh-server)");
  }
  // As root, sshd requires its privilege separation folder, which Debian's service creates.
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
    // sshd logs that it listens before it handles SIGHUP, which would kill it then.
    while (!catchesHangUp(this.pid)) await sleep(5);
    process.kill(this.pid, "SIGHUP");
    await this.listening(seen);
  }

  async stop(): Promise<void> {
    if (this.#exited()) return;
    const exited = new Promise((resolve) => this.#process.once("exit", resolve));
    // Connections run in their own sessions, and would outlive the server.
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
      // With another HOME, a login shell does not read the slow start files of the user.
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
      // The command name in parentheses can contain spaces and parentheses.
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // The process has exited already.
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
    // The process has exited already.
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
