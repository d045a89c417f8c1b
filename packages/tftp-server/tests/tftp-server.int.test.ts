import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFile, execFileSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { downloadByTftp, seededRandom, tftpReadRequest } from "@nixops4-providers/test-servers";
import tftp2 from "tftp2";
import {
  filesUnder,
  startTftpServer,
  type TftpEvent,
  type TftpServer,
  type TftpServerOptions,
} from "@nixops4-providers/tftp-server";
import { eventually, openPeer } from "./tftp-peer.ts";
import { startRelay } from "./tftp-relay.ts";

const MIB = 2 ** 20;
const SMALL_SIZES = [0, 1, 511, 512, 513, 1432 * 3, 1432 * 100];
const ROLLOVER_SIZE = 32 * MIB + 1;
const LARGE_SIZE = 100 * MIB;

let folder: string;
let root: string;
let content: Buffer;
let server: TftpServer;
const events: TftpEvent[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tftp-test-"));
  root = join(folder, "root");
  await mkdir(join(root, "sub"), { recursive: true });
  content = randomFillSync(Buffer.alloc(LARGE_SIZE));
  for (const size of [...SMALL_SIZES, ROLLOVER_SIZE, LARGE_SIZE]) {
    await writeFile(join(root, String(size)), content.subarray(0, size));
  }
  server = await start({ open: filesUnder(root), onEvent: (event) => events.push(event) });
});

afterAll(async () => {
  await server.stop({ graceSeconds: 0 });
  await rm(folder, { recursive: true });
});

describe("real clients", () => {
  suite("tftp")("tftp-hpa", () => {
    it.each([...SMALL_SIZES, ROLLOVER_SIZE])("gets %i bytes", async (size) => {
      await expectFetched(size, "tftp", (target) => [
        "-m",
        "octet",
        "127.0.0.1",
        String(server.port),
        "-c",
        "get",
        String(size),
        target,
      ]);
    });

    it("gets a text in netascii and has it as it was", async () => {
      const text = "one\ntwo\rthree\r\n\n".repeat(1000);
      await writeFile(join(root, "text"), text);
      const target = join(folder, "text");
      await run("tftp", ["-m", "netascii", "127.0.0.1", String(server.port), "-c", "get", "text", target]);
      expect((await readFile(target, "utf8")) === text).toBe(true);
    });
  });

  suite("atftp")("atftp", () => {
    it.each([
      ["without options", []],
      ["with blksize", ["blksize 1432"]],
      ["with tsize", ["tsize 0"]],
      ["with windowsize", ["windowsize 8"]],
      ["with all options", ["tsize 0", "blksize 1432", "windowsize 16", "timeout 2"]],
    ])("gets every size %s", async (_what, options) => {
      for (const size of SMALL_SIZES) await expectFetched(size, "atftp", atftpGet(size, options));
    });

    it("gets 100 MiB with a window, block numbers rolling over", async () => {
      await expectFetched(LARGE_SIZE, "atftp", atftpGet(LARGE_SIZE, ["blksize 1432", "windowsize 16"]));
    });
  });

  suite("curl", () => execFileSync("curl", ["--version"], { encoding: "utf8" }).includes("tftp"))(
    "curl",
    () => {
      it.each(SMALL_SIZES)("gets %i bytes", async (size) => {
        for (const blockSize of [512, 1432]) await expectFetched(size, "curl", curlGet(size, blockSize));
      });

      it("gets 100 MiB, block numbers rolling over", async () => {
        await expectFetched(LARGE_SIZE, "curl", curlGet(LARGE_SIZE, 1468));
      });
    },
  );

  // Its client reuses one port, and cannot roll over.
  it.each([...SMALL_SIZES, 4 * MIB])("tftp2 gets %i bytes", async (size) => {
    await writeFile(join(root, String(size)), content.subarray(0, size));
    const client = tftp2("127.0.0.1", server.port);
    const data: Buffer[] = [];
    await client.read(
      String(size),
      (bytes) => data.push(bytes),
      () => {},
    );
    client.close();
    expect(Buffer.concat(data).equals(content.subarray(0, size))).toBe(true);
  });
});

describe("transfers", () => {
  it("rolls over with windows of blocks of 512 bytes (100 MiB)", async () => {
    const { data, accepted } = await downloadByTftp(server.port, String(LARGE_SIZE), {
      windowsize: 32,
      tsize: 0,
    });
    expect(accepted).toEqual({ windowsize: "32", tsize: String(LARGE_SIZE) });
    expect(data.equals(content)).toBe(true);
  });

  it("serves many clients at once", async () => {
    const downloads = Array.from({ length: 32 }, async (_, index) =>
      downloadByTftp(server.port, String(1432 * 100), { blksize: 1432, windowsize: 1 + index }),
    );
    for (const { data } of await Promise.all(downloads)) {
      expect(data.equals(content.subarray(0, 1432 * 100))).toBe(true);
    }
  });

  it("tells what was fetched, and counts it", async () => {
    await eventually(() => server.stats.active === 0);
    events.length = 0;
    const before = server.stats;
    await downloadByTftp(server.port, "513", { tsize: 0 });
    await eventually(() => server.stats.active === 0);
    expect(events).toMatchObject([
      { kind: "request", filename: "513", mode: "octet", options: [{ name: "tsize", value: "0" }] },
      { kind: "finished", filename: "513", bytes: 513, retransmissions: 0, peer: { address: "127.0.0.1" } },
    ]);
    expect(server.stats).toMatchObject({ finished: before.finished + 1, sentBytes: before.sentBytes + 513 });
  });
});

describe("a bad network: packets lost, duplicated and reordered, each with the same probability", () => {
  it.each([
    [0, {}, 0.1],
    [1, {}, 0.1],
    [511, {}, 0.1],
    [512, { tsize: 0 }, 0.1],
    [513, { windowsize: 4 }, 0.1],
    [1432 * 50, { blksize: 1432 }, 0.1],
    [1432 * 100, { blksize: 1432, windowsize: 16 }, 0.1],
    // Large blocks, because each loss takes time. A rollover needs many blocks, so its losses are rarer.
    // Windows are smaller than the receive buffer of a socket (208 KiB), which would drop packets itself.
    [ROLLOVER_SIZE, { blksize: 32_768, windowsize: 4 }, 0.1],
    [ROLLOVER_SIZE, { windowsize: 64 }, 0.0005],
    [LARGE_SIZE, { blksize: 65_464, windowsize: 2 }, 0.1],
  ])(
    "brings %i bytes with %j over whole (%d)",
    async (size, options, rate) => {
      const lossy = await start({
        open: inMemory(content.subarray(0, size)),
        limits: { maxBlockSize: 65_464, retransmitMs: 200 },
      });
      const relay = await startRelay(lossy.port, {
        loss: rate,
        duplication: rate,
        reordering: rate,
        seed: size + 1,
      });
      try {
        const { data } = await downloadByTftp(relay.port, "x", options);
        expect(data.equals(content.subarray(0, size))).toBe(true);
      } finally {
        relay.close();
        await lossy.stop({ graceSeconds: 0 });
      }
    },
    240_000,
  );
});

describe("hostile clients", () => {
  it("get nothing from outside of the root", async () => {
    await writeFile(join(folder, "secret"), "secret");
    await mkdir(join(folder, "root-beside"), { recursive: true });
    await writeFile(join(folder, "root-beside", "secret"), "secret");
    await symlink("../secret", join(root, "link-out"));
    await symlink(folder, join(root, "folder-out"));
    await symlink("loop", join(root, "loop"));
    await symlink("/dev/zero", join(root, "zero"));
    await symlink("513", join(root, "link-inside"));
    execFileSync("mkfifo", [join(root, "pipe")]);
    const names = [
      "../secret",
      "/../secret",
      "sub/../../secret",
      "..",
      ".",
      "/",
      "sub/..",
      "..\\secret",
      "../root-beside/secret",
      join(folder, "secret"),
      "link-out",
      "folder-out/secret",
      "loop",
      "zero",
      "pipe",
      "/etc/passwd",
      "513/x",
      "%2e%2e/secret",
      "\u2025/secret",
      "x".repeat(5000),
      "sub/../513",
    ];
    for (const name of names)
      await expect(downloadByTftp(server.port, name)).rejects.toMatchObject({ code: 1 });
    for (const name of ["513", "/513", "//513", "./513", "link-inside"]) {
      expect((await downloadByTftp(server.port, name)).data.equals(content.subarray(0, 513))).toBe(true);
    }
  });

  it("cannot break it with random packets", async () => {
    const fuzzed = await start({ open: filesUnder(root), limits: { maxTransfers: 20, retransmitMs: 20 } });
    const peer = await openPeer();
    const random = seededRandom(7);
    const seeds = [
      tftpReadRequest("513", { blksize: 8, windowsize: 3, tsize: 0 }),
      tftpReadRequest("4296", {}, "netascii"),
      Buffer.from([0, 4, 0, 1]),
      Buffer.from("\0\x05\0\x08no\0"),
      Buffer.from("\0\x06blksize\x008\0"),
      Buffer.alloc(0),
    ];
    const ports = [fuzzed.port];
    peer.socket.on("message", (_bytes, from) => ports.push(from.port));
    for (let count = 0; count < 5000; count++) {
      const packet = Buffer.from(seeds[Math.floor(random() * seeds.length)]!);
      for (let flips = Math.floor(random() * 4); flips > 0 && packet.length > 0; flips--) {
        packet[Math.floor(random() * packet.length)] = Math.floor(random() * 256);
      }
      const port =
        random() < 0.5 ? fuzzed.port : ports.at(-1 - Math.floor(random() * Math.min(20, ports.length)))!;
      peer.send(
        packet.subarray(0, random() < 0.1 ? Math.floor(random() * packet.length) : packet.length),
        port,
      );
      if (count % 100 === 0) await sleep(1);
    }
    peer.close();
    expect(ports.length).toBeGreaterThan(100);
    await eventually(() => fuzzed.stats.active < 20);
    expect((await downloadByTftp(fuzzed.port, "513")).data.equals(content.subarray(0, 513))).toBe(true);
    await fuzzed.stop({ graceSeconds: 0 });
    expect(fuzzed.stats.active).toBe(0);
  });

  it("cannot exhaust it with 10,000 requests that are never acknowledged", async () => {
    const flooded = await start({ open: filesUnder(root), limits: { maxTransfers: 100 } });
    const descriptors = await openDescriptors();
    const memory = process.memoryUsage().rss;
    let most = 0;
    const crowd = await Promise.all(Array.from({ length: 200 }, async () => openPeer()));
    for (let round = 0; round < 50; round++) {
      for (const peer of crowd)
        peer.send(tftpReadRequest(String(LARGE_SIZE), { windowsize: 65535, round }), flooded.port);
      await sleep(5);
      most = Math.max(most, flooded.stats.active);
    }
    expect(most).toBeGreaterThan(50);
    expect(most).toBeLessThanOrEqual(100);
    expect(await openDescriptors()).toBeLessThan(descriptors + 200 + 2 * 100 + 20);
    expect(process.memoryUsage().rss - memory).toBeLessThan(100 * MIB);
    // A client that acknowledges is served after the flood's requests are one second old.
    await sleep(1000);
    expect((await downloadByTftp(flooded.port, "513")).data.equals(content.subarray(0, 513))).toBe(true);
    await flooded.stop({ graceSeconds: 0 });
    for (const peer of crowd) peer.close();
    await eventually(async () => (await openDescriptors()) <= descriptors);
  });
});

async function start(
  options: Pick<TftpServerOptions, "open" | "onEvent" | "limits" | "log">,
): Promise<TftpServer> {
  return startTftpServer({ address: "127.0.0.1", port: 0, ...options });
}

function inMemory(bytes: Buffer): TftpServerOptions["open"] {
  return async () => ({
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    close: async () => {},
  });
}

function suite(program: string, isUsable = () => true): (name: string, tests: () => void) => void {
  const isThere = (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, program)));
  if (isThere && isUsable()) return describe;
  return (name, tests) => describe.skip(`${name} (${program} is missing or has no TFTP)`, tests);
}

async function run(program: string, args: string[]): Promise<void> {
  await promisify(execFile)(program, args, { timeout: 25_000 });
}

async function expectFetched(
  size: number,
  program: string,
  args: (target: string) => string[],
): Promise<void> {
  const target = join(folder, "fetched");
  await rm(target, { force: true });
  await run(program, args(target));
  // curl does not create an empty file.
  const fetched = existsSync(target) ? await readFile(target) : Buffer.alloc(0);
  expect(fetched.equals(content.subarray(0, size))).toBe(true);
}

function atftpGet(size: number, options: string[]): (target: string) => string[] {
  const flags = options.flatMap((option) => ["--option", option]);
  return (target) => [...flags, "-g", "-r", String(size), "-l", target, "127.0.0.1", String(server.port)];
}

function curlGet(size: number, blockSize: number): (target: string) => string[] {
  // curl before version 8 fails on a size of 0 in an OACK.
  const noOptions = size === 0 ? ["--tftp-no-options"] : [];
  const url = `tftp://127.0.0.1:${server.port}/${size}`;
  return (target) => [
    "--silent",
    "--show-error",
    "--tftp-blksize",
    String(blockSize),
    ...noOptions,
    "--output",
    target,
    url,
  ];
}

async function openDescriptors(): Promise<number> {
  return (await readdir("/proc/self/fd")).length;
}
