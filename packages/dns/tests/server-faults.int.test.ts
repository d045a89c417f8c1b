import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { builtProvider, ProviderProcess } from "@nixops4-providers/e2e";
import {
  DNS_FAULTS,
  type FaultKind,
  type FaultyProxy,
  HTTP_FAULTS,
  startFaultyDns,
  startFaultyHttp,
} from "./faulty-proxy.ts";
import {
  BACKENDS,
  client,
  dnsServersAvailable,
  type LabBackend,
  Member,
  SECRET,
  temporaryFolder,
} from "./lab.ts";

const suite = dnsServersAvailable ? describe : describe.skip;
/** Works on cases at a time, since most of one is waiting. */
const WORKERS = 4;

interface Worker {
  /** By the proxy. */
  faulty: LabBackend;
  proxy: FaultyProxy;
}

type Inputs = (label: string) => object;

interface Scenario {
  type: "record_set" | "records";
  what: string;
  before: Inputs | undefined;
  after: Inputs;
  /** What the zone then has. */
  wanted: (label: string, marker: "record" | "comment") => string[];
}

const FOREIGN = "foreign.example.test. 777 A 192.0.2.77";

const SCENARIOS: Scenario[] = (["record_set", "records"] as const).flatMap((type) => {
  const one: Inputs = (label) => inputsOf(type, label, "192.0.2.1");
  const two: Inputs = (label) => inputsOf(type, label, "192.0.2.2");
  const none: Inputs = (label) => ({ ...two(label), ensure: "absent" });
  const wanted: Scenario["wanted"] = (label, marker) => linesOf(type, label, marker);
  return [
    { type, what: "create", before: undefined, after: two, wanted },
    { type, what: "update", before: one, after: two, wanted },
    { type, what: "delete", before: two, after: none, wanted: () => [] },
  ];
});

function linesOf(type: Scenario["type"], label: string, marker: "record" | "comment"): string[] {
  const own = '3600 TXT "nixops4 owner=nixops4"';
  const lines = [
    `${label}.example.test. 300 A 192.0.2.2`,
    `${label}.example.test. 300 A 192.0.2.99`,
    ...(marker === "record" ? [`${label}._a._owner.example.test. ${own}`] : []),
  ];
  if (type === "record_set") return lines;
  const markers = marker === "record" ? [`${label}-b._txt._owner.example.test. ${own}`] : [];
  return [...lines, `${label}-b.example.test. 300 TXT "192.0.2.2"`, ...markers];
}

function inputsOf(type: "record_set" | "records", label: string, address: string): object {
  const verify = { authoritative: false };
  if (type === "record_set")
    return { verify, name: label, type: "A", ttl: 300, values: [address, "192.0.2.99"] };
  const records = {
    [label]: { A: { values: [address, "192.0.2.99"] } },
    [`${label}-b`]: { TXT: { values: [address] } },
  };
  return { verify, ttl: 300, records };
}

suite.each(BACKENDS.slice(0, 4))("faults in front of $label", ({ start }) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let backend: LabBackend;
  let workers: Worker[];
  let count = 0;

  beforeAll(async () => {
    folder = await temporaryFolder();
    backend = await start(folder.path);
    await backend.foreign(["update add foreign.example.test. 777 A 192.0.2.77"]);
    workers = await Promise.all(Array.from({ length: WORKERS }, () => startWorker(backend)));
  });
  afterAll(async () => {
    for (const { faulty, proxy } of workers ?? []) {
      await faulty.provider.kill();
      proxy.stop();
    }
    await backend?.stop();
    await folder?.remove();
  });

  /** All that the zone has at the names of a case, and what is not ours. */
  const read = async (label: string) => {
    const dns = client(backend.target);
    const all = await dns.transfer("example.test.");
    await dns.close();
    const shown = all
      .filter(
        ({ name }) =>
          name.startsWith(`${label}.`) || name.startsWith(`${label}-b.`) || name.startsWith("foreign"),
      )
      .map(({ name, ttl, type, value }) => `${name} ${ttl} ${type} ${value}`);
    return shown.toSorted();
  };

  const prepare = async (worker: Worker, { type, before }: Scenario) => {
    const label = `fault${++count}`;
    const member = new Member(worker.faulty, type);
    worker.proxy.arm(undefined);
    if (before !== undefined) await member.apply(before(label));
    return { label, member };
  };

  /** Lets one request go wrong; `false` when there are not so many. */
  const tryFault = async (worker: Worker, scenario: Scenario, fault: FaultKind, at: number) => {
    const { label, member } = await prepare(worker, scenario);
    const inputs = scenario.after(label);
    worker.proxy.arm(fault, at);
    const failure = await member.apply(inputs).then(
      () => undefined,
      (error: Error) => error.message,
    );
    const { hasHappened } = worker.proxy;
    // In the same run; after a failure before the first write, in the next one.
    if (failure !== undefined) await member.apply(inputs);
    const outcome = { fault, at, failure, lines: await read(label) };
    const lines = scenario.wanted(label, backend.marker).concat(FOREIGN).toSorted();
    expect(outcome).toEqual({ fault, at, failure: undefined, lines });
    // What the state does not know is known by the marker.
    member.loseState();
    await member.apply({ ...inputs, ensure: "absent" });
    expect(await read(label)).toEqual([FOREIGN]);
    return hasHappened;
  };

  it.each(SCENARIOS)(
    "$what of $type is right in the end, whichever request fails",
    async (scenario) => {
      const faults = faultsOf(backend);
      await Promise.all(
        workers.map(async (worker) => {
          for (let fault = faults.shift(); fault !== undefined; fault = faults.shift()) {
            let at = 0;
            while (await tryFault(worker, scenario, fault, at)) at += 1;
            expect(at).toBeGreaterThan(3);
          }
        }),
      );
    },
    300_000,
  );
});

/** All of them at BIND; at the others those that they are known for. */
function faultsOf({ label }: LabBackend): FaultKind[] {
  if (label === "BIND") return [...DNS_FAULTS];
  if (label === "PowerDNS by HTTP") return [...HTTP_FAULTS];
  return label === "Knot"
    ? ["SERVFAIL instead of doing it", "the connection cut after it"]
    : ["REFUSED, unsigned, instead of doing it", "SERVFAIL after doing it"];
}

async function startWorker(backend: LabBackend): Promise<Worker> {
  const provider = new ProviderProcess(builtProvider("dns"), { args: [], onStderr: () => {} });
  if ("powerdns" in backend.server) {
    const { powerdns } = backend.server as { powerdns: { url: string } };
    const proxy = await startFaultyHttp(powerdns.url);
    const server = { powerdns: { ...powerdns, url: `http://127.0.0.1:${proxy.port}` } };
    return { proxy, faulty: { ...backend, provider, server } };
  }
  const { rfc2136 } = backend.server as { rfc2136: object };
  const proxy = await startFaultyDns(backend.target, { name: "hmac-sha256", secret: SECRET });
  const server = { rfc2136: { ...rfc2136, port: proxy.port } };
  return { proxy, faulty: { ...backend, provider, server } };
}
