import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { binFolder } from "../../e2e/harness/built-provider.ts";

/** A file server in a network namespace. */
export interface BenchServer {
  /** The peak memory of all its processes together since the start or the last reset, in MiB. */
  peakMemory(): Promise<number>;
  resetPeakMemory(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * A network namespace with loopback only, in which any user can listen on port 69. Servers run on one processor and
 * clients on the others, as on separate machines. Otherwise the speed varies severalfold with the decisions of the
 * scheduler.
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

  /** Runs a client until it exits. */
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

  /** Stops the servers and removes the namespace. */
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

/** Starts dnsmasq's TFTP server, on port 69. */
export async function startDnsmasq(network: BenchNetwork, root: string): Promise<BenchServer> {
  const tftp = ["--enable-tftp", `--tftp-root=${root}`, "--tftp-max=100"];
  const flags = ["--no-daemon", "--conf-file=/dev/null", "--port=0", "--listen-address=127.0.0.1", ...tftp];
  const server = network.start("dnsmasq", flags);
  await lineWith(server, "TFTP root");
  return handle(server);
}

/** Starts nginx with one worker per processor, on port 8081. */
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

/** Starts the boot server: TFTP on port 6969, HTTP on port 8080. */
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

/** Starts the minimal TFTP server in Node with one file, on port 6970. */
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

/** Waits for a line. Keeps reading after it, so that the program does not block when it writes. */
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

/** Returns which programs are missing for the comparison; `undefined` when all are installed. */
export function missingPrograms(...programs: string[]): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(":");
  const missing = programs.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
  return missing.length === 0 ? undefined : `not installed: ${missing.join(", ")}`;
}
