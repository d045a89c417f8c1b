import { spawn, type ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { connectBootService, type BootClient, type EntrySpec } from "@nixops4-providers/boot-api";
import { binFolder } from "@nixops4-providers/e2e";
import { freePort } from "@nixops4-providers/test-servers";

const KILLS = 200;
const BOOT_ID = "3f0e7e0c-0b6e-4b6f-9c5e-5d2f7c1d8a11";
const kernel = Buffer.from("a kernel");

let folder: string;
let baseUrl: string;
let client: BootClient;
let server: ChildProcess | undefined;

beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "boot-crash-"));
  const port = await freePort();
  baseUrl = `http://127.0.0.1:${port}`;
  const socket = join(folder, "api.sock");
  const config = {
    store: join(folder, "store"),
    tftp: { enable: false },
    http: { address: "127.0.0.1", port },
    grpc: { socket },
  };
  await fs.writeFile(join(folder, "config.json"), JSON.stringify(config));
});
afterAll(async () => {
  client.close();
  server?.kill("SIGKILL");
  await fs.rm(folder, { recursive: true });
});

it(`keeps every acknowledged put, report and upload when it is killed at ${KILLS} random moments`, async () => {
  await start();
  await upload(kernel);
  await client.putEntry(entry("put", "52:54:00:00:00:02", 0));
  await client.putEntry(entry("busy", "52:54:00:00:00:01", 0));
  const { jobUrl, token } = await boot("52-54-00-00-00-01");
  expect((await post(`${jobUrl}/claim`, token, {})).status).toBe(200);

  const acknowledged = { put: 0, report: 0, uploads: [] as Buffer[] };
  for (let kill = 0; kill < KILLS; kill++) {
    const load = [
      putUntilKilled(acknowledged),
      reportUntilKilled(acknowledged, `${jobUrl}/report`, token),
      uploadUntilKilled(acknowledged),
    ];
    // Long enough that some kills come after the first write, also on a slow machine.
    const done = () => [acknowledged.put, acknowledged.report, acknowledged.uploads.length][kill % 3]!;
    for (const before = done(); done() === before;) await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
    server!.kill("SIGKILL");
    await once(server!, "exit");
    await Promise.all(load);
    await start();

    const { spec } = await client.getEntry("put");
    expect(number(spec?.cmdline)).toBeGreaterThanOrEqual(acknowledged.put);
    const busy = await client.getEntry("busy");
    expect(busy.phase).toBe("INSTALLING");
    expect(number(busy.report?.stage)).toBeGreaterThanOrEqual(acknowledged.report);
    const assets = acknowledged.uploads.map((bytes) => ({ asset: assetOf(bytes), storePath: "" }));
    expect(await client.findMissingAssets(assets)).toMatchObject({ missing: [] });
  }
  expect((await post(`${jobUrl}/claim`, token, {})).status).toBe(200);
  expect((await post(`${jobUrl}/claim`, token, { bootId: "another" })).status).toBe(409);
  for (const bytes of acknowledged.uploads) {
    const { sha256 } = assetOf(bytes);
    expect((await fs.readFile(join(folder, "store", "assets", sha256))).equals(bytes)).toBe(true);
  }
  // Otherwise all kills came before the first write.
  expect(acknowledged.put).toBeGreaterThan(KILLS / 4);
  expect(acknowledged.report).toBeGreaterThan(KILLS / 4);
  expect(acknowledged.uploads.length).toBeGreaterThan(KILLS / 4);
}, 600_000);

async function start(): Promise<void> {
  const args = ["serve", "--config", join(folder, "config.json")];
  server = spawn(join(binFolder, "nixops4-boot-server"), args, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  server.stderr!.on("data", (chunk: Buffer) => (log += chunk.toString()));
  while (!/grpc.*listens/.test(log)) {
    if (server.exitCode !== null) throw new Error(`the server ended:\n${log}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  // A new client, because the old one pauses before it reconnects.
  client?.close();
  client = connectBootService({ socket: join(folder, "api.sock") });
}

async function putUntilKilled(acknowledged: { put: number }): Promise<void> {
  await untilRefused(async () => {
    const next = acknowledged.put + 1;
    await client.putEntry(entry("put", "52:54:00:00:00:02", next), { timeoutSeconds: 5 });
    acknowledged.put = next;
  });
}

async function reportUntilKilled(
  acknowledged: { report: number },
  url: string,
  token: string,
): Promise<void> {
  await untilRefused(async () => {
    const next = acknowledged.report + 1;
    const { ok } = await post(url, token, { stage: `stage ${next}`, log: [`line ${next}`] });
    if (!ok) throw new Error("refused");
    acknowledged.report = next;
  });
}

async function uploadUntilKilled(acknowledged: { uploads: Buffer[] }): Promise<void> {
  await untilRefused(async () => {
    const bytes = randomBytes(100_000);
    await upload(bytes);
    acknowledged.uploads.push(bytes);
  });
}

async function untilRefused(work: () => Promise<void>): Promise<void> {
  try {
    for (;;) await work();
  } catch {
    // The server was killed.
  }
}

async function upload(bytes: Buffer): Promise<void> {
  async function* data() {
    yield bytes;
  }
  await client.uploadAsset(assetOf(bytes), data(), undefined, { timeoutSeconds: 5 });
}

/** Boots a machine until its installer runs. */
async function boot(mac: string): Promise<{ jobUrl: string; token: string }> {
  const script = await (
    await fetch(`${baseUrl}/machines/${mac}/boot.ipxe?firmware=efi&architecture=x86_64`)
  ).text();
  const overlay = await (await fetch(/http\S+overlay\.cpio/.exec(script)![0])).text();
  const token = /nixops4\/token\0+([\w-]+)/.exec(overlay)![1]!;
  return { jobUrl: /http\S+\/jobs\/busy/.exec(overlay)![0], token };
}

async function post(url: string, token: string, body: object): Promise<Response> {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  return fetch(url, { method: "POST", headers, body: JSON.stringify({ bootId: BOOT_ID, ...body }) });
}

function entry(id: string, mac: string, count: number): EntrySpec {
  return {
    id,
    macs: [mac],
    architecture: "X86_64",
    kernel: assetOf(kernel),
    initrds: [],
    cmdline: `count=${count}`,
    files: [],
    installGeneration: 1,
    onInterrupted: "HOLD",
    biosLocalBoot: "SANBOOT",
    expireSeconds: 86_400,
    silenceSeconds: 3600,
  };
}

function assetOf(bytes: Buffer) {
  return { sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length };
}

function number(text: string | undefined): number {
  return Number(/\d+/.exec(text ?? "0")?.[0] ?? 0);
}
