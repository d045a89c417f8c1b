import { createHash, randomFillSync } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectBootService } from "../../packages/boot-api/src/index.ts";
import {
  BenchNetwork,
  missingPrograms,
  startBareTftp,
  startBootServer,
  startDnsmasq,
  startNginx,
  type BenchServer,
} from "./boot-servers.ts";
import { median, report } from "./measure.ts";

const MIB = 2 ** 20;
const CLIENTS = 32;
/** The numbers of rounds for measurements that take seconds, and for those that take half a second. */
const [ROUNDS, SHORT_ROUNDS] = [7, 61] as const;
const LOCKSTEP_GOAL = 0.9;
const WINDOW_GOAL = 5;
const HTTP_GOAL = 0.75;
const MEMORY_GOAL = 150;
const HTTP_MIB = 300;

const BLOCK_SIZE = 1432;
const WINDOW_SIZE = 16;
const MAC = "52:54:00:00:00:01";

/** Several times the size of the largest boot programs. */
const TFTP_MIB = 8;

/** A server to compare. */
interface Candidate {
  name: string;
  /** Fetches the file once. */
  fetch: () => Promise<void>;
}

/** Compares the boot server with dnsmasq and nginx, with the same clients and in turns. */
export async function bench(): Promise<void> {
  console.log(
    `\nNetwork boot on loopback (medians of ${ROUNDS}, of one client of TFTP of ${SHORT_ROUNDS}; in turns)`,
  );
  const missing = missingPrograms("unshare", "nsenter", "taskset", "ip", "curl", "atftp", "dnsmasq", "nginx");
  if (missing !== undefined) return report("skipped", missing);
  const folder = await mkdtemp(join(tmpdir(), "bench-boot-"));
  const network = await BenchNetwork.create();
  try {
    await benchTftp(network, folder);
    await benchHttp(network, folder);
  } finally {
    await network.close();
    await rm(folder, { recursive: true });
  }
}

async function benchTftp(network: BenchNetwork, folder: string): Promise<void> {
  const root = join(folder, "tftp");
  await mkdir(root);
  await writeFile(join(root, "file"), randomBytes(TFTP_MIB));
  const dnsmasq = await startDnsmasq(network, root);
  const ours = await startBootServer(network, folder, { file: join(root, "file") });
  const bare = await startBareTftp(network, join(root, "file"));
  const curl = (port: number) => {
    const url = `tftp://127.0.0.1:${port}/file`;
    return network.run("curl", ["-s", "--tftp-blksize", String(BLOCK_SIZE), "-o", "/dev/null", url]);
  };
  const atftp = async (port: number, windowSize: number) => {
    const target = join(folder, "fetched");
    const options = ["--option", `blksize ${BLOCK_SIZE}`, "--option", `windowsize ${windowSize}`];
    await network.run("atftp", [...options, "-g", "-r", "file", "-l", target, "127.0.0.1", String(port)]);
    const { size } = await stat(target);
    if (size !== TFTP_MIB * MIB) throw new Error(`atftp got ${size} bytes from port ${port}`);
    await rm(target);
  };
  await compare(`TFTP, blocks of ${BLOCK_SIZE}, curl`, TFTP_MIB, LOCKSTEP_GOAL, [
    { name: "dnsmasq", fetch: () => curl(69) },
    { name: "a bare Node server", fetch: () => curl(6970) },
    { name: "ours", fetch: () => curl(6969) },
  ]);
  await compare(`TFTP, blocks of ${BLOCK_SIZE}, atftp`, TFTP_MIB, WINDOW_GOAL, [
    { name: "dnsmasq", fetch: () => atftp(69, 1) },
    { name: `ours, window of ${WINDOW_SIZE}`, fetch: () => atftp(6969, WINDOW_SIZE) },
  ]);
  await compare(`TFTP, ${CLIENTS} at once, curl`, CLIENTS * TFTP_MIB, LOCKSTEP_GOAL, [
    { name: "dnsmasq", fetch: () => atOnce(() => curl(69)) },
    { name: "a bare Node server", fetch: () => atOnce(() => curl(6970)) },
    { name: "ours", fetch: () => atOnce(() => curl(6969)) },
  ]);
  await reportMemory("TFTP", "dnsmasq", dnsmasq, ours);
  await Promise.all([dnsmasq.stop(), bare.stop(), ours.stop()]);
}

async function benchHttp(network: BenchNetwork, folder: string): Promise<void> {
  const root = join(folder, "http");
  const file = join(root, "file");
  await mkdir(root);
  await writeFile(file, randomBytes(HTTP_MIB));
  const nginx = await startNginx(network, root, folder);
  const ours = await startBootServer(network, folder, {});
  const get = (url: string) => network.run("curl", ["-sf", "-o", "/dev/null", url]);
  const machine = `http://127.0.0.1:8080/machines/${MAC.replaceAll(":", "-")}`;
  const candidates = [
    { name: "nginx", fetch: () => get("http://127.0.0.1:8081/file") },
    { name: "ours", fetch: () => get(`${machine}/kernel`) },
  ] as const;
  await offer(join(folder, "api.sock"), await readFile(file));
  await get(`${machine}/boot.ipxe?firmware=efi&architecture=x86_64`);
  for (const server of [nginx, ours]) await server.resetPeakMemory();
  await compare(`HTTP, ${HTTP_MIB} MiB`, HTTP_MIB, HTTP_GOAL, [...candidates]);
  const many = candidates.map(({ name, fetch }) => ({ name, fetch: () => atOnce(fetch) }));
  await compare(`HTTP, ${CLIENTS} at once`, CLIENTS * HTTP_MIB, HTTP_GOAL, many);
  await reportMemory("HTTP", "nginx", nginx, ours);
  await Promise.all([nginx.stop(), ours.stop()]);
}

/** Puts a boot entry for the machine, with a file as its kernel. */
async function offer(socket: string, content: Buffer): Promise<void> {
  const client = connectBootService({ socket });
  const kernel = { sha256: createHash("sha256").update(content).digest("hex"), size: content.length };
  const upload = async function* () {
    yield content;
  };
  await client.uploadAsset(kernel, upload());
  await client.putEntry({
    id: "bench",
    macs: [MAC],
    architecture: "X86_64",
    kernel,
    initrds: [],
    cmdline: "",
    files: [],
    installGeneration: 1,
    onInterrupted: "HOLD",
    biosLocalBoot: "SANBOOT",
    expireSeconds: 3600,
    silenceSeconds: 600,
  });
  client.close();
}

/**
 * Compares all candidates with the first one; the goal applies to the last one. Ratios are computed for each round, so
 * that a change of the machine's speed affects all candidates.
 */
async function compare(what: string, mib: number, goal: number, candidates: Candidate[]): Promise<void> {
  const speeds: number[][] = candidates.map(() => []);
  const rounds = mib <= TFTP_MIB ? SHORT_ROUNDS : ROUNDS;
  for (let round = -1; round < rounds; round++) {
    for (const [index, { fetch }] of candidates.entries()) {
      const started = performance.now();
      await fetch();
      const speed = (mib * 1000) / (performance.now() - started);
      if (round >= 0) speeds[index]!.push(speed);
    }
  }
  for (const [index, { name }] of candidates.entries()) {
    const ratio = median(speeds[index]!.map((speed, round) => speed / speeds[0]![round]!));
    const speed = `${median(speeds[index]!).toFixed(1)} MiB/s, ${ratio.toFixed(2)}`;
    const isOurs = index === candidates.length - 1;
    const verdict = { met: ratio >= goal, text: `at least ${goal} of ${candidates[0]!.name}` };
    report(`${what}: ${name}`, speed, isOurs ? verdict : undefined);
  }
}

async function reportMemory(
  what: string,
  name: string,
  theirs: BenchServer,
  ours: BenchServer,
): Promise<void> {
  report(`${what}, peak memory: ${name}`, `${(await theirs.peakMemory()).toFixed(1)} MiB`);
  const peak = await ours.peakMemory();
  const goal = { met: peak < MEMORY_GOAL, text: `less than ${MEMORY_GOAL} MiB` };
  report(`${what}, peak memory: ours`, `${peak.toFixed(1)} MiB`, goal);
}

async function atOnce(fetch: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: CLIENTS }, fetch));
}

function randomBytes(mib: number): Buffer {
  return randomFillSync(Buffer.alloc(mib * MIB));
}
