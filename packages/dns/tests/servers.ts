import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findProgram, runWithInput } from "@nixops4-providers/test-servers";
import { type ClientOptions, DnsClient } from "../src/client/client.ts";
import { parseTsigKey, TSIG_ALGORITHMS, type TsigAlgorithm } from "../src/client/tsig.ts";

const run = promisify(execFile);

export const ZONE = "example.test.";
export const SECRET = Buffer.from("nixops4-providers: a test secret of 64 bytes for all algorithms").toString(
  "base64",
);

/** One key an algorithm, named after it. */
export const KEYS = TSIG_ALGORITHMS.map((algorithm) => ({ name: algorithm, algorithm, secret: SECRET }));

/** Whether the servers and the oracles are installed. */
export const dnsServersAvailable = [
  "named",
  "knotd",
  "pdns_server",
  "sqlite3",
  "nsupdate",
  "dig",
  "kdig",
].every((program) => findProgram(program) !== undefined);

export interface Target {
  address: string;
  port: number;
}

export function client(
  target: Target,
  options: Partial<ClientOptions> & { algorithm?: TsigAlgorithm } = {},
): DnsClient {
  const { algorithm = "hmac-sha256", ...rest } = options;
  return new DnsClient({
    address: target.address,
    port: target.port,
    transport: "tcp",
    timeoutMs: 10_000,
    signal: new AbortController().signal,
    tsig: parseTsigKey(algorithm, algorithm, SECRET),
    ...rest,
  });
}

/** The values that `dig` (or `kdig`) reads, in its presentation format. */
export async function dig(
  target: Target,
  name: string,
  type: string,
  tool: "dig" | "kdig" = "dig",
): Promise<string[]> {
  const args = ["+short", "+tcp", `@${target.address}`, "-p", String(target.port), name, type];
  const { stdout } = await run(findProgram(tool)!, args);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .toSorted();
}

/** What `nsupdate` does with these commands; it fails when the server refuses. */
export async function nsupdate(
  target: Target,
  commands: string[],
  algorithm: TsigAlgorithm = "hmac-sha256",
): Promise<void> {
  const input = [`server ${target.address} ${target.port}`, `zone ${ZONE}`, ...commands, "send", ""].join(
    "\n",
  );
  await runWithInput(findProgram("nsupdate")!, ["-v", "-y", `${algorithm}:${algorithm}:${SECRET}`], input);
}

export async function temporaryFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "dns-test-"));
  return { path, remove: () => rm(path, { recursive: true }) };
}
