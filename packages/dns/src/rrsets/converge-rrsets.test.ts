import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { withPrimary } from "../../tests/dns-primary.ts";
import { DnsStore } from "../../tests/dns-store.ts";
import { type Asked, withApi } from "../../tests/scripted-api.ts";
import { testContext } from "../../tests/test-context.ts";
import { wallClockSeconds } from "../client/wall-clock.ts";
import type { ZoneInputs } from "../common-fields.ts";
import { keyOf, type RrSet } from "../rrset.ts";
import { convergeRrSets, type ZoneResult, type ZoneWork } from "./converge-rrsets.ts";

const ZONE = "example.test.";
const www = `www.${ZONE}`;
const rrset: RrSet = { name: www, type: "A", ttl: 60, values: ["192.0.2.1"] };
const EARLIER = "2020-01-01T00:00:00Z";

interface Options {
  inputs?: Partial<ZoneInputs>;
  work?: Partial<ZoneWork>;
  authoritative?: boolean;
}

function workFor(
  server: ZoneInputs["server"],
  port: number,
  { inputs, work, authoritative = true }: Options,
) {
  // Those that are not asked need not answer.
  const nameServers = { "ns1.example.test": `127.0.0.1:${authoritative ? port : 1}` };
  return {
    inputs: {
      server,
      zone: ZONE,
      require: [],
      onConflict: "refuse" as const,
      marker: { enable: true, owner: "ours" },
      verify: { authoritative, nameServers, timeoutSeconds: 0 },
      checkTargets: true,
      ...inputs,
    },
    zone: ZONE,
    desired: [rrset],
    removed: [],
    previous: new Map<string, RrSet>(),
    safeAfter: EARLIER,
    context: testContext().context,
    ...work,
  };
}

/** Converges a zone on a server that has these records. */
async function converge(lines: string[], options: Options = {}): Promise<ZoneResult & { store: DnsStore }> {
  const store = new DnsStore({ [ZONE]: lines });
  const result = await withPrimary(store.respond, (_client, _asked, port) => {
    const address = "127.0.0.1";
    const rfc2136 = { address, port, transport: "tcp" as const, tls: {}, transfer: true, timeoutSeconds: 5 };
    return convergeRrSets(workFor({ rfc2136 }, port, options));
  });
  return { ...result, store };
}

/** In how many seconds that is; rounded, since a busy machine takes a while. */
function inSeconds(time: string | null): number {
  return Math.round((Date.parse(time!) / 1000 - wallClockSeconds()) / 60) * 60;
}

const owned = [`www._a._owner.${ZONE} 3600 TXT "nixops4 owner=ours"`];
const there = `${www} 60 A 192.0.2.1`;
const previous = (ttl: number) => new Map([[keyOf(rrset), { ...rrset, ttl }]]);

describe("the time from which no cache has the old answer", () => {
  it.each<[string, string[], Options, number]>([
    ["a new RRset: the negative TTL", [], {}, 300],
    ["another value: the old TTL", [...owned, `${www} 900 A 192.0.2.9`], {}, 900],
    ["a new RRset below a wildcard: the wildcard's TTL", [`*.${ZONE} 1200 A 192.0.2.7`], {}, 1200],
    [
      "another value below a wildcard: the old TTL",
      [...owned, `*.${ZONE} 1200 A 192.0.2.7`, `${www} 900 A 192.0.2.9`],
      { work: { previous: previous(900) } },
      900,
    ],
    ["a new RRset that is not verified: and the refresh interval", [], { authoritative: false }, 7200 + 300],
    ["a run that was killed before: the negative TTL", [...owned, there], {}, 300],
    [
      "a run that was killed before a TTL was noted: the TTL of the state",
      [...owned, there],
      { work: { previous: previous(1800) } },
      1800,
    ],
  ])("is counted from the last change: %s", async (_, lines, options, seconds) => {
    expect(inSeconds((await converge(lines, options)).safeAfter)).toBe(seconds);
  });

  it.each<[string, Options, string | null]>([
    ["an earlier one", { work: { previous: previous(60) } }, EARLIER],
    ["none, without an earlier one", { work: { previous: previous(60), safeAfter: undefined } }, null],
    ["an earlier one, when only the owner changes", { work: { previous: previous(60) } }, EARLIER],
    ["an earlier one, when nothing is wanted", { work: { desired: [] } }, EARLIER],
  ])("is %s without a change", async (title, options, time) => {
    const lines = title.includes("owner")
      ? [`www._a._owner.${ZONE} 3600 TXT "nixops4 owner=theirs"`, there]
      : [...owned, there];
    const inputs = { onConflict: "adopt" as const };
    expect((await converge(lines, { ...options, inputs })).safeAfter).toBe(time);
  });
});

it("needs no name servers when nothing is wanted", async () => {
  const verify = { authoritative: true, nameServers: {}, timeoutSeconds: 0 };
  expect((await converge([], { work: { desired: [] }, inputs: { verify } })).serial).toBe(1);
});

describe("the inputs of a zone", () => {
  it.each([
    [true, [...owned, there]],
    [false, [there]],
  ])("marker.enable = %s", async (enable, lines) => {
    const { store } = await converge([], { inputs: { marker: { enable, owner: "ours" } } });
    expect(store.zones.get(ZONE)!.slice(2)).toEqual(lines);
  });

  it("checkTargets", async () => {
    const mx = { name: ZONE, type: "MX", ttl: 60, values: [`10 mail.${ZONE}`] };
    const work = { desired: [mx] };
    await expect(converge([], { work })).rejects.toThrow("these records would not work:");
    const { store } = await converge([], { work, inputs: { checkTargets: false } });
    expect(store.recordsOf(ZONE)).toEqual([`${ZONE} 60 MX 10 mail.${ZONE}`]);
  });

  it('onConflict = "merge" keeps the values of others', async () => {
    const { store } = await converge([`${www} 60 A 192.0.2.9`], { inputs: { onConflict: "merge" } });
    expect(store.recordsOf(ZONE)).toEqual([there, `${www} 60 A 192.0.2.9`]);
  });
});

describe("a cloud service", () => {
  const runtimeFolder = process.env["XDG_RUNTIME_DIR"];
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "dns-converge-"));
    process.env["XDG_RUNTIME_DIR"] = folder;
  });
  afterAll(async () => {
    if (runtimeFolder === undefined) delete process.env["XDG_RUNTIME_DIR"];
    else process.env["XDG_RUNTIME_DIR"] = runtimeFolder;
    await rm(folder, { recursive: true });
  });

  /** Converges a zone of Gandi, whose name server answers like this. */
  async function atGandi(
    soa: string[],
    { authoritative = true, served = [there], ...options }: Options & { served?: string[] } = {},
  ): Promise<ZoneResult> {
    const rrsets: unknown[] = [{ rrset_name: "@", rrset_type: "NS", rrset_ttl: 300, rrset_values: ["ns1"] }];
    const api = ({ method, path, body }: Asked) => {
      if (method === "GET") return { body: rrsets };
      const [name, type] = path.split("/").slice(-2);
      rrsets.push({ rrset_name: name, rrset_type: type, ...(body as object) });
      return { status: 201 };
    };
    const answers: Record<string, string[]> = { A: served, SOA: soa };
    return withPrimary(
      ({ type }) => ({ answer: answers[type] ?? [] }),
      (_client, _asked, port) =>
        withApi(api, (_api, _requests, url) => {
          const gandi = { token: { value: "x" }, url, timeoutSeconds: 5 };
          return convergeRrSets(workFor({ gandi }, port, { ...options, authoritative }));
        }),
    );
  }
  const soa = [`${ZONE} 3600 SOA ns1.${ZONE} hostmaster.${ZONE} 7 7200 600 86400 600`];

  it.each<[string, string[], boolean, number, number]>([
    ["whose API does not show the SOA record has it from its name servers", soa, true, 7, 600],
    ["has the longest times when its name servers do not show it", [], true, 0, 10_800],
    ["has the longest times when they are not asked", soa, false, 0, 86_400 + 10_800],
  ])("%s", async (_, served, authoritative, serial, seconds) => {
    const result = await atGandi(served, { authoritative });
    expect([result.serial, inSeconds(result.safeAfter)]).toEqual([serial, seconds]);
  });

  it("may serve values of others only where these are kept", async () => {
    const served = [there, `${www} 60 A 192.0.2.9`];
    await expect(atGandi(soa, { served })).rejects.toThrow("not every name server of example.test.");
    const inputs = { onConflict: "merge" as const };
    expect((await atGandi(soa, { served, inputs })).serial).toBe(7);
  });

  /** Converges a zone of Cloudflare, where records are proxied: its name servers answer another address. */
  async function atCloudflare(desired: RrSet[], removed: RrSet[] = []) {
    const batches: unknown[] = [];
    const records = removed.map(({ name, type, ttl, values: [content] }) => ({
      id: "1",
      name,
      type,
      content,
      ttl,
      comment: "nixops4 owner=ours",
    }));
    const api = ({ method, path, body }: Asked) => {
      if (!path.includes("/dns_records"))
        return { body: { result: [{ id: "z", name_servers: ["ns1.example.test"] }] } };
      if (method === "GET") return { body: { result: records } };
      batches.push(body);
      const { posts, deletes } = body as { posts: (typeof records)[number][]; deletes: unknown[] };
      if (deletes.length > 0) records.pop();
      records.push(...posts.map((post) => ({ ...post, id: "2" })));
      return { body: {} };
    };
    await withPrimary(
      ({ name, type }) => ({ answer: type === "A" && name === www ? [`${www} 300 A 198.51.100.1`] : [] }),
      (_client, _asked, port) =>
        withApi(api, (_api, _requests, url) => {
          const cloudflare = { token: { value: "x" }, url, timeoutSeconds: 5, proxied: true };
          return convergeRrSets(workFor({ cloudflare }, port, { work: { desired, removed } }));
        }),
    );
    return batches;
  }

  it("need not serve what is proxied, and keeps the owner in a comment", async () => {
    const post = { name: "www.example.test", type: "A", content: "192.0.2.1", ttl: 1, proxied: true };
    expect(await atCloudflare([{ ...rrset, ttl: 1 }])).toEqual([
      { deletes: [], patches: [], posts: [{ ...post, comment: "nixops4 owner=ours" }] },
    ]);
  });

  it.each<[string, RrSet[], RrSet[]]>([
    ["has to serve what cannot be proxied", [{ ...rrset, type: "TXT", values: ['"x"'] }], []],
    ["may not serve what was removed", [], [rrset]],
  ])("%s", async (_, desired, removed) => {
    await expect(atCloudflare(desired, removed)).rejects.toThrow("not every name server of example.test.");
  });
});
