import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { builtProvider, type Properties, ProviderProcess } from "@nixops4-providers/e2e";
import {
  type DnsZone,
  findProgram,
  type NamedOptions,
  runWithInput,
  startKnot,
  startNamed,
  startPowerDns,
} from "@nixops4-providers/test-servers";
import { DnsClient, type ClientOptions } from "../src/client/client.ts";
import { parseTsigKey, TSIG_ALGORITHMS, type TsigAlgorithm } from "../src/client/tsig.ts";

const run = promisify(execFile);

export const ZONE = "example.test.";
const SECRET = Buffer.from("nixops4-providers: a test secret of 64 bytes for all algorithms").toString(
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

export interface LabBackend {
  label: string;
  /** The input `server`. */
  server: object;
  /** A name server that serves the zones. */
  target: Target;
  /** Does something as somebody else. */
  foreign(commands: string[]): Promise<void>;
  provider: ProviderProcess;
  stop(): Promise<void>;
}

function startProvider(executable = builtProvider("dns"), args: string[] = []): ProviderProcess {
  return new ProviderProcess(executable, { args, onStderr: () => {} });
}

/** A record set and how it was last applied, as nixops4 keeps it. */
export class Member {
  readonly #backend: LabBackend;
  readonly #type: string;
  #state: { inputs: object; outputs: Properties } | undefined;

  constructor(backend: LabBackend, type = "record_set") {
    this.#backend = backend;
    this.#type = type;
  }

  /** In the provider that all members of a backend share. */
  async apply(inputs: object): Promise<Properties> {
    return this.#applyIn(this.#backend.provider, inputs);
  }

  /** In a process of its own, as nixops4 does. */
  async applyApart(
    inputs: object,
    executable = builtProvider("dns"),
    args: string[] = [],
  ): Promise<Properties> {
    const provider = startProvider(executable, args);
    this.running = provider;
    try {
      return await this.#applyIn(provider, inputs);
    } finally {
      await provider.close();
    }
  }

  running: ProviderProcess | undefined;

  async #applyIn(provider: ProviderProcess, inputs: object): Promise<Properties> {
    const all = { ...this.shared, ...inputs };
    const outputs =
      this.#state === undefined
        ? await provider.create(this.#type, all, true)
        : await provider.update(this.#type, {
            inputs: all,
            previousInputs: this.#state.inputs,
            previousOutputs: this.#state.outputs,
          });
    this.#state = { inputs: all, outputs };
    return outputs;
  }

  /** What all members of one backend have. */
  get shared(): object {
    const { server, target } = this.#backend;
    const nameServers = { "ns1.example.test": `${target.address}:${target.port}` };
    return { server, zone: "example.test", verify: { nameServers, timeoutSeconds: 5 } };
  }

  /** As when the state was deleted. */
  loseState(): void {
    this.#state = undefined;
  }
}

const ZONES = [
  { name: "example.test" },
  { name: "2.0.192.in-addr.arpa", records: "@ NS ns1.example.test.\n" },
  { name: "0.192.in-addr.arpa", records: "@ NS ns1.example.test.\n" },
];

const rfc2136 = ({ address, port }: Target) => ({
  rfc2136: {
    address,
    port,
    tsig: { name: "hmac-sha256", algorithm: "hmac-sha256", secret: { value: SECRET } },
  },
});

function labBackend(
  label: string,
  target: Target,
  stopServer: () => Promise<void>,
  server: object,
): LabBackend {
  const provider = startProvider();
  const stop = async () => {
    await provider.kill();
    await stopServer();
  };
  return { label, target, server, provider, stop, foreign: (commands) => nsupdate(target, commands) };
}

async function overRfc2136(label: string, folder: string, start: typeof startKnot): Promise<LabBackend> {
  const target = await start({ folder, keys: KEYS, zones: ZONES });
  return labBackend(label, target, () => target.stop(), rfc2136(target));
}

/** BIND with other zones. */
export async function namedBackend(
  folder: string,
  zones: DnsZone[],
  more: Partial<NamedOptions> = {},
): Promise<LabBackend> {
  const target = await startNamed({ folder, keys: KEYS, zones, ...more });
  return labBackend("BIND", target, () => target.stop(), rfc2136(target));
}

export const BACKENDS: { label: string; start: (folder: string) => Promise<LabBackend> }[] = [
  { label: "BIND", start: (folder) => overRfc2136("BIND", folder, startNamed) },
  { label: "Knot", start: (folder) => overRfc2136("Knot", folder, startKnot) },
  {
    label: "PowerDNS by HTTP",
    start: async (folder) => {
      const target = await startPowerDns({ folder, keys: KEYS, zones: ZONES });
      const server = { powerdns: { url: target.url, apiKey: { value: target.apiKey } } };
      return labBackend("PowerDNS by HTTP", target, () => target.stop(), server);
    },
  },
  {
    label: "PowerDNS by updates",
    start: (folder) => overRfc2136("PowerDNS by updates", folder, startPowerDns),
  },
];
