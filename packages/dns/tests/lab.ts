import { afterAll, beforeAll } from "@jest/globals";
import { builtProvider, type Properties, ProviderProcess } from "@nixops4-providers/e2e";
import {
  type DnsZone,
  type NamedOptions,
  startKnot,
  startNamed,
  startPowerDns,
} from "@nixops4-providers/test-servers";
import type { Capabilities } from "../src/backends/backend.ts";
import {
  CLOUDFLARE_CAPABILITIES,
  DESEC_CAPABILITIES,
  GANDI_CAPABILITIES,
  HETZNER_CAPABILITIES,
} from "../src/backends/capabilities.ts";
import { type CloudFake, TOKEN } from "./cloud/cloud-fake.ts";
import { CloudflareFake } from "./cloud/cloudflare-fake.ts";
import { DesecFake } from "./cloud/desec-fake.ts";
import { GandiFake } from "./cloud/gandi-fake.ts";
import { HetznerFake } from "./cloud/hetzner-fake.ts";
import { KEYS, nsupdate, SECRET, type Target, temporaryFolder } from "./servers.ts";

export * from "./servers.ts";

export interface LabBackend {
  label: string;
  /** The input `server`. */
  server: object;
  /** A name server that serves the zones. */
  target: Target;
  /** Does something as somebody else. */
  foreign(commands: string[]): Promise<void>;
  provider: ProviderProcess;
  /** Types that it takes; `undefined`: all. */
  types?: readonly string[] | undefined;
  /** The lowest TTL that it takes. */
  minTtl: number;
  /** For how many seconds secondaries may lag when nobody is asked. */
  refresh: number;
  /** Where the owner is noted. */
  marker: "record" | "comment";
  /** Whether all changes of an operation are made in one step. */
  atomicBatch: boolean;
  /** The fake of a cloud service, which can be made to fail. */
  fake?: CloudFake;
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

  /** As when the last run had these inputs. */
  remember(inputs: object): void {
    const outputs = { fqdn: "x.", serial: 1, safeAfter: null };
    this.#state = { inputs: { ...this.shared, ...inputs }, outputs };
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

/** Starts a backend in a temporary folder before the tests of a suite, passes it to `use`, and stops it after them. */
export function startForSuite(
  start: (folder: string) => Promise<LabBackend>,
  use: (backend: LabBackend) => void,
): void {
  let folder: Awaited<ReturnType<typeof temporaryFolder>> | undefined;
  let backend: LabBackend | undefined;
  beforeAll(async () => {
    folder = await temporaryFolder();
    backend = await start(folder.path);
    use(backend);
  });
  afterAll(async () => {
    await backend?.stop();
    await folder?.remove();
  });
}

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
  const foreign = (commands: string[]) => nsupdate(target, commands);
  const marker = "powerdns" in server ? "comment" : "record";
  const defaults = { minTtl: 0, refresh: 3600, atomicBatch: true };
  return { label, target, server, provider, stop, foreign, marker, ...defaults };
}

async function overRfc2136(
  label: string,
  folder: string,
  start: typeof startKnot,
  zones: DnsZone[] = ZONES,
): Promise<LabBackend> {
  const target = await start({ folder, keys: KEYS, zones });
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
  cloud("hetzner", HETZNER_CAPABILITIES, HetznerFake, 3600),
  cloud("desec", DESEC_CAPABILITIES, DesecFake, 86_400),
  cloud("cloudflare", CLOUDFLARE_CAPABILITIES, CloudflareFake, 86_400),
  cloud("gandi", GANDI_CAPABILITIES, GandiFake, 86_400),
];

const CLOSED_ZONES = ZONES.map((zone) => ({ ...zone, allowTransfer: false }));

/** Servers that take updates and answer queries, but refuse transfers. */
export const WITHOUT_TRANSFERS = [
  { label: "BIND", start: (folder: string) => overRfc2136("BIND", folder, startNamed, CLOSED_ZONES) },
  { label: "Knot", start: (folder: string) => overRfc2136("Knot", folder, startKnot, CLOSED_ZONES) },
];

export const CLOUDS = BACKENDS.slice(4);

/** A service by its documentation, in front of BIND. */
function cloud(
  kind: string,
  { types, ttl, marker, atomicBatch }: Capabilities,
  Fake: new (target: Target) => CloudFake,
  refresh: number,
) {
  const label = `${kind} (fake)`;
  const start = async (folder: string): Promise<LabBackend> => {
    const target = await startNamed({ folder, keys: KEYS, zones: ZONES });
    const fake = new Fake(target);
    const url = await fake.start(ZONES.map(({ name }) => name));
    const stop = async () => {
      fake.stop();
      await target.stop();
    };
    const lab = labBackend(label, target, stop, { [kind]: { url, token: { value: TOKEN } } });
    const foreign = (commands: string[]) => fake.foreign(commands);
    return { ...lab, fake, foreign, types, marker, atomicBatch, refresh, minTtl: Math.max(60, ttl.min) };
  };
  return { label, start };
}
