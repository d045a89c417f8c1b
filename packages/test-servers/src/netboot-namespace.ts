import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const FOLDER = "/run/netns";
const PREFIX = "netboot";
let count = 0;

/** A network namespace, named after the process that made it. */
export class NetworkNamespace {
  readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  static async create(): Promise<NetworkNamespace> {
    const namespace = new NetworkNamespace(`${PREFIX}-${process.pid}-${(count += 1)}`);
    await run("ip", ["netns", "add", namespace.name]);
    await namespace.run("ip", "link", "set", "lo", "up");
    return namespace;
  }

  /** Returns the command line that runs `command` in this network. The command ends with this process at the latest. */
  enter(...command: string[]): string[] {
    return ["setpriv", "--pdeathsig", "KILL", "nsenter", `--net=${FOLDER}/${this.name}`, ...command];
  }

  /** Runs a command in this network, and resolves to its standard output. */
  async run(...command: string[]): Promise<string> {
    const [program, ...args] = this.enter(...command);
    return (await run(program!, args)).stdout;
  }

  /** Removes the namespace and kills the processes in it. */
  async remove(): Promise<void> {
    await remove(this.name);
  }
}

/** Removes the namespaces that killed processes left behind, and resolves to their names. */
export async function removeOrphans(): Promise<string[]> {
  const names = existsSync(FOLDER) ? await readdir(FOLDER) : [];
  const orphans = names.filter((name) => {
    const [prefix, pid] = name.split("-");
    return prefix === PREFIX && !existsSync(`/proc/${pid}`);
  });
  for (const name of orphans) {
    try {
      await remove(name);
    } catch (error) {
      // Another process may have removed it meanwhile.
      if (existsSync(join(FOLDER, name))) throw error;
    }
  }
  return orphans;
}

async function remove(name: string): Promise<void> {
  const { stdout } = await run("ip", ["netns", "pids", name]);
  for (const pid of stdout.split("\n").filter((line) => line !== "")) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
  await run("ip", ["netns", "del", name]);
}

const run = promisify(execFile);
