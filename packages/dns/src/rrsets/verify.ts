import { lookup } from "node:dns/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type Context, describeError, ProviderError } from "@nixops4-providers/provider-sdk";
import type { Backend } from "../backends/backend.ts";
import { DnsClient } from "../client/client.ts";
import { DnsError } from "../client/dns-error.ts";
import { isWithin, type Name, parseName } from "../client/name.ts";
import {
  describeId,
  describeRrSet,
  keyOf,
  type RrSet,
  type RrSetId,
  sameRrSet,
  sortValues,
} from "../rrset.ts";

export interface VerifyOptions {
  timeoutSeconds: number;
  /** Where name servers are, by name: `192.0.2.1`, `192.0.2.1:5353` or `[2001:db8::1]:53`. */
  nameServers: Record<string, string>;
}

/** A name server and the client that queries it. */
interface NameServer {
  name: Name;
  client: DnsClient;
}

export interface Expected extends RrSetId {
  rrset: RrSet | undefined;
  /** Whether others may add values of theirs. */
  isShared: boolean;
}

const PAUSE_MS = 100;
const MAX_PAUSE_MS = 2_000;
/** Up to so many queries go over UDP; more share a TCP connection. */
const DATAGRAMS = 4;
const TIMEOUT_MS = 3_000;
const PARALLEL = 64;

/** Waits until every name server of the zone serves what is expected. */
export async function waitUntilServed(
  backend: Backend,
  expected: readonly Expected[],
  { timeoutSeconds, nameServers }: VerifyOptions,
  context: Context,
): Promise<void> {
  const deadline = performance.now() + timeoutSeconds * 1000;
  const servers = await findNameServers(backend, nameServers, expected.length, context.signal);
  const progress = context.progress(
    `waiting until ${servers.length} name servers of ${backend.zone} serve the records`,
  );
  try {
    let waiting = servers;
    for (let pause = PAUSE_MS; ; pause = Math.min(MAX_PAUSE_MS, pause * 1.5)) {
      const reasons = await Promise.all(
        waiting.map(async (server) => ({ server, reason: await whyNot(server, backend.zone, expected) })),
      );
      const open = reasons.filter(({ reason }) => reason !== undefined);
      if (open.length === 0) return;
      waiting = open.map(({ server }) => server);
      const lines = open.map(({ server, reason }) => `${server.name} (${server.client.where}) ${reason}`);
      progress.update(lines[0]!);
      if (performance.now() + pause > deadline) throw notServed(backend.zone, lines, timeoutSeconds);
      await sleep(pause, undefined, { signal: context.signal });
    }
  } finally {
    progress.done();
    await Promise.all(servers.map(({ client }) => client.close()));
  }
}

/** Reads the SOA record from a name server: the APIs of cloud services do not return it. */
export async function readServedSoa(
  backend: Backend,
  { nameServers }: VerifyOptions,
  { signal }: Context,
): Promise<RrSet | undefined> {
  const id = { name: backend.zone, type: "SOA" };
  const servers = await findNameServers(backend, nameServers, 1, signal);
  try {
    const { answer } = await servers[0]!.client.query(id.name, id.type);
    const soa = answer.find((record) => keyOf(record) === keyOf(id));
    return soa?.value === undefined ? undefined : { ...id, ttl: soa.ttl, values: [soa.value] };
  } finally {
    await Promise.all(servers.map(({ client }) => client.close()));
  }
}

function notServed(zone: Name, lines: readonly string[], timeoutSeconds: number): ProviderError {
  const text = lines.map((line) => `  ${line}`).join("\n");
  return new ProviderError(
    `not every name server of ${zone} serves the records after ${timeoutSeconds} s:\n${text}`,
    {
      hint:
        "The records are written. Apply again to go on waiting; look at the transfers to that server; name its address in " +
        "verify.nameServers when it is not reachable by that of its name; or set verify.authoritative = false.",
    },
  );
}

/** Returns why a server does not serve what is expected; `undefined` when it does. */
async function whyNot(
  { client }: NameServer,
  zone: Name,
  expected: readonly Expected[],
): Promise<string | undefined> {
  for (let start = 0; start < expected.length; start += PARALLEL) {
    const part = expected.slice(start, start + PARALLEL);
    const reasons = await Promise.all(part.map((one) => whyNotOne(client, zone, one)));
    const reason = reasons.find((one) => one !== undefined);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

async function whyNotOne(
  client: DnsClient,
  zone: Name,
  { name, type, rrset, isShared }: Expected,
): Promise<string | undefined> {
  try {
    const { rcode, isAuthoritative, answer, authority, additional } = await client.query(name, type);
    if (rcode !== "NOERROR" && rcode !== "NXDOMAIN") return `answers ${rcode}`;
    const own = (records: typeof answer) => records.filter((one) => one.name === name && one.type === type);
    const isReferral = !isAuthoritative && authority.some((one) => one.type === "NS");
    if (!isAuthoritative && !isReferral) return "is not authoritative for it";
    // This server has the zone below the delegation, too, and answers from that.
    if (type === "NS" && name !== zone && isAuthoritative && own(answer).length > 0) return undefined;
    const records = own(answer).length > 0 || !isReferral ? own(answer) : own([...authority, ...additional]);
    const values = sortValues(records.map(({ value }) => value ?? ""));
    const served = records.length === 0 ? undefined : { name, type, ttl: records[0]!.ttl, values };
    if (rrset === undefined && served !== undefined && (await isWildcard(client, served))) return undefined;
    if (isShared && rrset?.values.every((value) => values.includes(value)) === true) return undefined;
    return sameRrSet(served, rrset)
      ? undefined
      : `serves ${describeRrSet(served)} for ${describeId({ name, type })}`;
  } catch (error) {
    if (error instanceof DnsError) return `does not answer: ${describeError(error)}`;
    throw error;
  }
}

/** Whether the answer for a removed RRset comes from a wildcard. */
async function isWildcard(client: DnsClient, served: RrSet): Promise<boolean> {
  const name = `*.${served.name.slice(served.name.indexOf(".") + 1)}`;
  const { answer } = await client.query(name, served.type);
  const values = sortValues(answer.filter((one) => one.name === name).map(({ value }) => value ?? ""));
  return sameRrSet({ ...served, values }, served);
}

async function findNameServers(
  backend: Backend,
  overrides: Record<string, string>,
  questions: number,
  signal: AbortSignal,
): Promise<NameServer[]> {
  const addresses = new Map(Object.entries(overrides).map(([name, address]) => [parseName(name), address]));
  const names = await backend.nameServers();
  if (names.length === 0)
    throw new ProviderError(`the zone ${backend.zone} has no NS records to verify with`);
  const servers = await Promise.all(
    names.map(async (name) =>
      (await reachable(await addressesOf(name, addresses, backend))).map((address) => ({ name, address })),
    ),
  );
  return servers.flat().map(({ name, address }) => {
    const { host, port } = splitAddress(address);
    const transport = questions > DATAGRAMS ? ("tcp" as const) : ("udp" as const);
    return { name, client: new DnsClient({ address: host, port, transport, timeoutMs: TIMEOUT_MS, signal }) };
  });
}

/** The addresses that this machine has a route to, such as without IPv6 those of IPv4; all when it has none to any. */
async function reachable(addresses: readonly string[]): Promise<readonly string[]> {
  if (addresses.length < 2) return addresses;
  const hasRoute = await Promise.all(addresses.map((address) => isRouted(splitAddress(address))));
  const routed = addresses.filter((_, index) => hasRoute[index]);
  return routed.length > 0 ? routed : addresses;
}

/** Connects a socket for datagrams, which sends nothing and fails at once without a route. */
async function isRouted({ host, port }: { host: string; port: number }): Promise<boolean> {
  const { createSocket } = await import("node:dgram");
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.connect(port, host, (cause?: Error) => (cause === undefined ? resolve() : reject(cause)));
    });
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

async function addressesOf(
  name: Name,
  overrides: ReadonlyMap<Name, string>,
  backend: Backend,
): Promise<string[]> {
  const given = overrides.get(name);
  if (given !== undefined) return [given];
  const own = isWithin(name, backend.zone) ? await readAddresses(name, backend) : [];
  return own.length > 0 ? own : lookUp(name, backend);
}

async function readAddresses(name: Name, backend: Backend): Promise<string[]> {
  const ids = ["A", "AAAA"].map((type) => ({ name, type }));
  const observed = await backend.read(ids);
  return ids.flatMap((id) => observed.get(keyOf(id))?.rrset?.values ?? []);
}

async function lookUp(name: Name, backend: Backend): Promise<string[]> {
  try {
    return (await lookup(name.slice(0, -1), { all: true })).map(({ address }) => address);
  } catch (cause) {
    // It may be in another zone of the same server, which this machine does not use as its resolver.
    const found = await readAddresses(name, backend).catch(() => []);
    if (found.length > 0) return found;
    throw new ProviderError(`cannot find the address of the name server ${name} of ${backend.zone}`, {
      cause,
      hint: `The records are written. Set verify.nameServers.${JSON.stringify(name)} to its address, or verify.authoritative = false.`,
    });
  }
}

/** Takes an IPv6 address without brackets as one without a port. */
function splitAddress(address: string): { host: string; port: number } {
  const [, v6, v4, port = "53"] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(address) ?? [];
  return { host: v6 ?? v4 ?? address, port: Number(port) };
}
