import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFileSync, spawn } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTftpServer, type TftpLimits, type TftpServer } from "@nixops4-providers/tftp-server";
import { startRelay } from "./tftp-relay.ts";

// A relay instead of netem, which needs root and is not in every kernel.

const MIB = 2 ** 20;
/** The probability of a loss, of a duplicate and of a delay, for each packet in each direction. */
const RATE = 0.1;
/** The sizes around a block boundary. */
const SMALL_SIZES = [0, 511, 512, 513];
const ROLLOVER_SIZE = 32 * MIB + 1;
const LARGE_SIZE = 100 * MIB;
const TIMEOUT_MS = 120_000;

let folder: string;
let content: Buffer;
let server: TftpServer;
/** A server that retransmits sooner, so that losses take less time. Too soon for atftp. */
let hasty: TftpServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lossy-network-"));
  content = randomFillSync(Buffer.alloc(LARGE_SIZE));
  server = await serve({});
  hasty = await serve({ retransmitMs: 50, maxRetransmissions: 20 });
});

async function serve(limits: Partial<TftpLimits>): Promise<TftpServer> {
  return startTftpServer({
    address: "127.0.0.1",
    port: 0,
    open: async (size) => ({
      size: Number(size),
      read: async (offset, length) => content.subarray(offset, Math.min(offset + length, Number(size))),
      close: async () => {},
    }),
    limits: { maxBlockSize: 65_464, ...limits },
  });
}

afterAll(async () => {
  await Promise.all([server, hasty].map(async (one) => one.stop({ graceSeconds: 0 })));
  await rm(folder, { recursive: true });
});

suite("tftp")("tftp-hpa on a network that loses, repeats and reorders packets", () => {
  // It has no options, so the largest file has 65,537 blocks. With a loss of 10 % that would take hours.
  it.each([...small([]), { size: ROLLOVER_SIZE, rate: 0.0002, options: [] }])(
    "gets $size bytes at a rate of $rate",
    async ({ size, rate }) => {
      await expectFetched("tftp", size, rate, (port, target) =>
        ["-m", "octet", "127.0.0.1", port, "-c", "get", String(size)].concat(target),
      );
    },
    TIMEOUT_MS,
  );
});

suite("atftp")("atftp on a network that loses, repeats and reorders packets", () => {
  const window = ["--option", "blksize 1428", "--option", "windowsize 32"];
  // It aborts after a repeated OACK, so small files are fetched without options. It answers a repeated window only after
  // 5 s without packets, which takes minutes with a loss of 10 %.
  it.each([
    ...small([]),
    { size: ROLLOVER_SIZE, rate: 0.03, options: window },
    { size: LARGE_SIZE, rate: 0.01, options: window },
  ])(
    "gets $size bytes at a rate of $rate with $options",
    async ({ size, rate, options }) => {
      await expectFetched("atftp", size, rate, (port, target) =>
        options.concat("-g", "-r", String(size), "-l", target, "127.0.0.1", port),
      );
    },
    TIMEOUT_MS,
  );
});

const hasTftp = () => execFileSync("curl", ["--version"], { encoding: "utf8" }).includes("tftp");
suite("curl", hasTftp)("curl on a network that loses, repeats and reorders packets", () => {
  // curl before version 8 fails on a size of 0 in an OACK.
  const noOptions = ["--tftp-no-options"];
  it.each([
    ...small(noOptions),
    { size: 513, rate: RATE, options: [] },
    { size: ROLLOVER_SIZE, rate: RATE, options: ["--tftp-blksize", "32768"] },
    { size: LARGE_SIZE, rate: RATE, options: ["--tftp-blksize", "65464"] },
  ])(
    "gets $size bytes at a rate of $rate with $options",
    async ({ size, rate, options }) => {
      await expectFetched(
        "curl",
        size,
        rate,
        (port, target) => options.concat("--silent", "--output", target, `tftp://127.0.0.1:${port}/${size}`),
        hasty,
      );
    },
    TIMEOUT_MS,
  );
});

function small(options: string[]): { size: number; rate: number; options: string[] }[] {
  return SMALL_SIZES.map((size) => ({ size, rate: RATE, options }));
}

async function expectFetched(
  program: string,
  size: number,
  rate: number,
  args: (port: string, target: string) => string[],
  from = server,
): Promise<void> {
  const relay = await startRelay(from.port, {
    loss: rate,
    duplication: rate,
    reordering: rate,
    seed: size,
  });
  const target = join(folder, "fetched");
  await rm(target, { force: true });
  try {
    const options = { stdio: "ignore", timeout: TIMEOUT_MS - 5000 } as const;
    expect(await once(spawn(program, args(String(relay.port), target), options), "exit")).toEqual([0, null]);
  } finally {
    relay.close();
  }
  // curl does not create an empty file.
  const fetched = existsSync(target) ? await readFile(target) : Buffer.alloc(0);
  expect(fetched.equals(content.subarray(0, size))).toBe(true);
}

function suite(program: string, isUsable = () => true): (name: string, tests: () => void) => void {
  const isThere = (process.env["PATH"] ?? "").split(":").some((path) => existsSync(join(path, program)));
  if (isThere && isUsable()) return describe;
  return (name, tests) => describe.skip(`${name} (skipped: ${program} is missing or has no TFTP)`, tests);
}
