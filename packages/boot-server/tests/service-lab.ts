import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { connectBootService, type BootClient } from "@nixops4-providers/boot-api";

export const SERVER = join(import.meta.dirname, "../../../dist/bin/nixops4-boot-server");

type LogLine = { level: string; part: string; message: string } & Record<string, unknown>;

/** Starts the built server with free ports and its own folder. */
export class ServiceLab {
  readonly folder: string;
  /** The log lines of all servers that were started. */
  readonly log: LogLine[] = [];
  /** Their output that is not a log line, such as an error during the start. */
  stderr = "";
  #process: ChildProcess | undefined;
  #exited!: Promise<number | string>;
  #clients: BootClient[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<ServiceLab> {
    return new ServiceLab(await mkdtemp(join(tmpdir(), "boot-service-")));
  }

  get process(): ChildProcess {
    if (this.#process === undefined) throw new Error("no server was started");
    return this.#process;
  }

  get socket(): string {
    return join(this.folder, "run", "api.sock");
  }

  get url(): string {
    return `http://127.0.0.1:${this.port("http")}`;
  }

  get flags(): string[] {
    const local = [
      "--tftp-address",
      "127.0.0.1",
      "--http-address",
      "127.0.0.1",
      "--tftp-port",
      "0",
      "--http-port",
      "0",
    ];
    const paths = ["--store", join(this.folder, "store"), "--grpc-socket", this.socket];
    return [...local, ...paths, "--log-format", "json"];
  }

  /** Starts the server and waits until it is ready. */
  async start(flags: string[] = []): Promise<void> {
    this.spawn(SERVER, ["serve", ...this.flags, ...flags]);
    await this.logged("ready");
  }

  /** Starts a program that executes the server. */
  spawn(program: string, args: string[], env: NodeJS.ProcessEnv = {}): void {
    this.log.length = 0;
    this.stderr = "";
    const child = spawn(program, args, {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...env },
    });
    createInterface({ input: child.stderr }).on("line", (line) => this.#take(line));
    this.#process = child;
    this.#exited = new Promise((resolve) =>
      child.on("close", (code, signal) => resolve(code ?? signal ?? "")),
    );
  }

  /** Resolves to the exit code or the signal of the server. */
  async exited(): Promise<number | string> {
    return this.#exited;
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | string> {
    this.process.kill(signal);
    return this.exited();
  }

  async logged(message: string, part?: string): Promise<LogLine> {
    for (let attempt = 0; attempt < 1000; attempt++) {
      const line = this.log.find(
        (each) => each.message.startsWith(message) && (part ?? each.part) === each.part,
      );
      if (line !== undefined) return line;
      if (this.process.exitCode !== null) break;
      await sleep(10);
    }
    throw new Error(
      `the server never logged ${JSON.stringify(message)}: ${this.stderr}${JSON.stringify(this.log)}`,
    );
  }

  port(part: "http" | "tftp" | "grpc"): number {
    return this.log.find((line) => line.part === part && line.message === "listens")!["port"] as number;
  }

  connect(): BootClient {
    const client = connectBootService({ socket: this.socket });
    this.#clients.push(client);
    return client;
  }

  /** Returns a line of /proc/<pid>/status. */
  async status(name: string): Promise<string> {
    const text = await readFile(`/proc/${this.process.pid}/status`, "utf8");
    return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(text)![1]!;
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.close();
    const isRunning = this.#process?.exitCode === null && this.#process.signalCode === null;
    if (isRunning) await this.stop("SIGKILL");
    await rm(this.folder, { recursive: true });
  }

  #take(line: string): void {
    if (line.startsWith("{")) this.log.push(JSON.parse(line) as LogLine);
    else this.stderr += `${line}\n`;
  }
}
