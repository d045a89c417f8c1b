import { execFile, spawnSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { labAvailable, makeSshKey, startDebianVm, type DebianVm } from "@nixops4-providers/test-servers";

const run = promisify(execFile);
const PATH = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
const MAX_OUTPUT = 100 * 2 ** 20;

/** Returns why such a machine with these programs cannot run here; `undefined` when it can. */
export function debianMachineAvailable(programs: readonly string[]): string | undefined {
  const missing = programs.filter((name) => spawnSync("which", [name], { env: { PATH } }).status !== 0);
  return missing.length > 0 ? `not installed: ${missing.join(", ")}` : labAvailable();
}

/**
 * A virtual machine with Debian, systemd and programs of the host, which must have the same Debian. It has no network.
 */
export class DebianMachine {
  readonly #folder: string;
  readonly #vm: DebianVm;
  readonly #login: string[];

  private constructor(folder: string, vm: DebianVm, login: string[]) {
    this.#folder = folder;
    this.#vm = vm;
    this.#login = login;
  }

  /** Starts a machine with these programs of the host. `files` are copied to the same paths. */
  static async start(programs: readonly string[], files: readonly string[] = []): Promise<DebianMachine> {
    const folder = await fs.mkdtemp(join(tmpdir(), "debian-machine-"));
    const key = await makeSshKey(folder, "key");
    const vm = await startDebianVm({ folder, authorizedKeys: [key.publicKey] });
    // All commands share one login, since each takes more than a second in emulation.
    const settings = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
    settings.push("ControlMaster=auto", `ControlPath=${join(folder, "control")}`, "ControlPersist=yes");
    const options = settings.flatMap((setting) => ["-o", setting]);
    const login = [...options, "-i", key.file, "-p", String(vm.port), `root@${vm.host}`];
    const machine = new DebianMachine(folder, vm, login);
    const paths = await Promise.all(programs.map(async (name) => (await output("which", name)).trim()));
    const libraries = (await output("ldd", ...paths)).match(/\/\S+\.so\S*/g) ?? [];
    await machine.copy("/", "/", [...paths, ...libraries, ...files]);
    return machine;
  }

  /** Runs a bash script and returns its standard output. */
  async sh(script: string): Promise<string> {
    return (await this.#ssh("bash -eu -o pipefail", script)).trim();
  }

  /** Copies the files and folders in `from` at these paths to `to`. Does not overwrite files. */
  async copy(from: string, to: string, paths: readonly string[] = ["."]): Promise<void> {
    const relative = paths.map((path) => path.replace(/^\//, ""));
    const pack = ["--create", "--gzip", "--dereference", "--directory", from, ...relative];
    const { stdout } = await run("tar", pack, { encoding: "buffer", maxBuffer: MAX_OUTPUT });
    await this.#ssh(`mkdir -p ${to} && tar --extract --gzip --skip-old-files --directory ${to}`, stdout);
  }

  async stop(): Promise<void> {
    await this.#vm.stop();
    await fs.rm(this.#folder, { recursive: true, force: true });
  }

  async #ssh(command: string, stdin: string | Buffer): Promise<string> {
    const running = run("ssh", [...this.#login, command]);
    running.child.stdin!.end(stdin);
    return (await running).stdout;
  }
}

async function output(program: string, ...args: string[]): Promise<string> {
  return (await run(program, args, { env: { PATH } })).stdout;
}
