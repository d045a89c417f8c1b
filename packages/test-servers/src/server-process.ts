import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const START_TIMEOUT_MS = 30_000;

/** Returns the path of a program, also in sbin folders; `undefined` if it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** A server that runs in the foreground and logs to standard error or output. */
export class ServerProcess {
  readonly #name: string;
  readonly #process: ChildProcess;
  #log = "";

  /** `enter` wraps the command line, for example to run it in a network namespace. */
  constructor(
    name: string,
    args: readonly string[],
    env: Record<string, string> = {},
    enter: (...command: string[]) => string[] = (...command) => command,
  ) {
    const executable = findProgram(name);
    if (executable === undefined) throw new Error(`${name} is not installed`);
    this.#name = name;
    const [program, ...rest] = enter(executable, ...args);
    this.#process = spawn(program!, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    for (const stream of [this.#process.stdout!, this.#process.stderr!]) {
      stream.setEncoding("utf8").on("data", (text: string) => (this.#log += text));
    }
    this.#process.on("error", (error) => (this.#log += error.message));
  }

  get pid(): number {
    return this.#process.pid!;
  }

  log(): string {
    return this.#log;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Resolves when the server is ready. Fails when it has exited or takes too long. */
  async ready(isReady: (log: string) => boolean | Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + START_TIMEOUT_MS; !(await isReady(this.#log));) {
      if (this.#hasEnded() || Date.now() > deadline) {
        await this.stop();
        throw new Error(`${this.#name} does not start; its log:\n${this.#log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async stop(): Promise<void> {
    if (this.#hasEnded()) return;
    const exited = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await exited;
  }

  #hasEnded(): boolean {
    const { pid, exitCode, signalCode } = this.#process;
    return pid === undefined || exitCode !== null || signalCode !== null;
  }
}

/** Runs a program with this input. Fails with the output of the program when its exit code is not 0. */
export async function runWithInput(
  executable: string,
  args: readonly string[],
  input: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(executable, args, { stdio: ["pipe", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    }
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${executable} failed (${code}):\n${output}`)),
    );
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}
