import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { binFolder } from "../../e2e/harness/built-provider.ts";

/** A program that serves files, in a network of its own. */
export interface BenchServer {
  /** Peak memory of all its processes together since the start or the last reset, in MiB. */
  peakMemory(): Promise<number>;
  resetPeakMemory(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A network namespace with nothing but loopback: there, port 69 is free, and open to everybody. Servers have one
 * processor for themselves and clients the others, as if they were other machines. Without that, the speed depends
 * several times over on where the scheduler happens to put them.
 */
export class BenchNetwork {
  readonly #holder: ChildProcess;
  readonly #servers: ChildProcess[] = [];

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async create(): Promise<BenchNetwork> {
    const script = "ip link set lo up && echo up && exec cat";
    const holder = spawn("unshare", ["--net", "--map-root-user", "sh", "-c", script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const [answer] = (await Promise.race([once(holder.stdout, "data"), once(holder, "close")])) as [unknown];
    if (!Buffer.isBuffer(answer)) throw new Error("cannot make a network namespace");
    return new BenchNetwork(holder);
  }

  /** Runs a client to its end. */
  async run(program: string, args: string[]): Promise<void> {
    const last = availableParallelism() - 1;
    const [command, ...prefix] = this.#enter(`${Math.min(1, last)}-${last}`);
    await promisify(execFile)(command!, [...prefix, program, ...args]);
  }

  start(program: string, args: string[]): ChildProcess {
    const [command, ...prefix] = this.#enter("0");
    const server = spawn(command!, [...prefix, program, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    this.#servers.push(server);
    return server;
  }

  /** Ends the servers too. */
  async close(): Promise<void> {
    const running = this.#servers.filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    );
    await Promise.all(running.map(stop));
    this.#holder.stdin!.end();
  }

  #enter(processors: string): string[] {
    const namespaces = ["--target", String(this.#holder.pid), "--user", "--net", "--preserve-credentials"];
    return ["taskset", "--cpu-list", processors, "nsenter", ...namespaces];
  }
}

/** dnsmasq's TFTP server, on port 69. */
export async function startDnsmasq(network: BenchNetwork, root: string): Promise<BenchServer> {
  const tftp = ["--enable-tftp", `--tftp-root=${root}`, "--tftp-max=100"];
  const flags = ["--no-daemon", "--conf-file=/dev/null", "--port=0", "--listen-address=127.0.0.1", ...tftp];
  const server = network.start("dnsmasq", flags);
  await lineWith(server, "TFTP root");
  return handle(server);
}

/** nginx with as many workers as processors, on port 8081. */
export async function startNginx(network: BenchNetwork, root: string, folder: string): Promise<BenchServer> {
  const config = join(folder, "nginx.conf");
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${folder}/nginx;`,
  );
  const server = `server { listen 127.0.0.1:8081; root ${root}; }`;
  const http = `http { access_log off; sendfile on; tcp_nopush on; ${paths.join(" ")} ${server} }`;
  await writeFile(
    config,
    `daemon off; user root root; pid ${folder}/nginx.pid; worker_processes auto; events {} ${http}`,
  );
  const nginx = network.start("nginx", ["-c", config, "-e", "stderr", "-g", "error_log stderr notice;"]);
  await lineWith(nginx, "start worker process ");
  return handle(nginx);
}

/** Our server: TFTP on port 6969, HTTP on 8080. */
export async function startBootServer(
  network: BenchNetwork,
  folder: string,
  nbps: Record<string, string>,
): Promise<BenchServer> {
  const local = [
    "--tftp-address=127.0.0.1",
    "--tftp-port=6969",
    "--http-address=127.0.0.1",
    "--http-port=8080",
  ];
  const paths = [`--store=${join(folder, "store")}`, `--grpc-socket=${join(folder, "api.sock")}`];
  const files = Object.entries(nbps).map(([name, file]) => `--nbps=${name}=${file}`);
  const program = join(binFolder, "nixops4-boot-server");
  const server = network.start(process.execPath, [program, "serve", ...local, ...paths, ...files]);
  await lineWith(server, "service: ready");
  return handle(server);
}

/** A bare Node server of a single file, on port 6970. */
export async function startBareTftp(network: BenchNetwork, file: string): Promise<BenchServer> {
  const program = join(import.meta.dirname, "bare-tftp.ts");
  const server = network.start(process.execPath, ["--import", "tsx", program, "127.0.0.1", "6970", file]);
  await lineWith(server, "ready");
  return handle(server);
}

function handle(server: ChildProcess): BenchServer {
  const processes = async () => {
    const { pid } = server;
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
    return [String(pid), ...children.split(" ").filter((child) => child !== "")];
  };
  return {
    async peakMemory() {
      const statuses = (await processes()).map((pid) => readFile(`/proc/${pid}/status`, "utf8"));
      const kibibytes = (await Promise.all(statuses)).map((text) => Number(/VmHWM:\s*(\d+)/.exec(text)?.[1]));
      return kibibytes.reduce((sum, each) => sum + each, 0) / 1024;
    },
    async resetPeakMemory() {
      for (const pid of await processes()) await writeFile(`/proc/${pid}/clear_refs`, "5");
    },
    stop: async () => stop(server),
  };
}

async function stop(server: ChildProcess): Promise<void> {
  const ended = once(server, "close");
  server.kill();
  await ended;
}

/** Waits for a line, and goes on reading so that the program can write. */
async function lineWith(server: ChildProcess, text: string): Promise<void> {
  const lines = createInterface({ input: server.stderr! });
  const seen: string[] = [];
  await new Promise<void>((resolve, reject) => {
    lines.on("line", (line) => {
      if (line.includes(text)) resolve();
      else if (seen.length < 20) seen.push(line);
    });
    lines.on("close", () =>
      reject(new Error(`${server.spawnargs.join(" ")} did not start:\n${seen.join("\n")}`)),
    );
  });
}

/** Why the comparison cannot be made here; `undefined` when it can. */
export function missingPrograms(...programs: string[]): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(":");
  const missing = programs.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(", ")}`;
}
