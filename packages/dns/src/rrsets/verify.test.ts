import { describe, expect, it } from "@jest/globals";
import { observed } from "../../tests/changes.ts";
import { type DnsAsked, type DnsSaid, withPrimary } from "../../tests/dns-primary.ts";
import { MemoryBackend } from "../../tests/memory-backend.ts";
import { testContext } from "../../tests/test-context.ts";
import type { RrSet } from "../rrset.ts";
import { type Expected, readServedSoa, waitUntilServed } from "./verify.ts";

const ZONE = "example.test.";
const www = `www.${ZONE}`;
const rrset: RrSet = { name: www, type: "A", ttl: 60, values: ["192.0.2.1"] };
const expected = (more: Partial<Expected> = {}): Expected => ({ ...rrset, rrset, isShared: false, ...more });
const [SERVFAIL, NXDOMAIN] = [2, 3];

interface Options {
  timeoutSeconds?: number;
  backend?: MemoryBackend;
  nameServers?: (port: number) => Record<string, string>;
}

/** Waits for a zone whose name server answers like this; what it is asked. */
function wait(
  respond: (asked: DnsAsked) => DnsSaid | undefined,
  all: Expected[],
  { timeoutSeconds = 0, backend = new MemoryBackend([]), nameServers }: Options = {},
): Promise<DnsAsked[]> {
  if (backend.servers.length === 0) backend.servers = ["ns1.example.test."];
  return withPrimary(respond, async (_client, asked, port) => {
    const overrides = nameServers?.(port) ?? { "NS1.example.test": `127.0.0.1:${port}` };
    const options = { timeoutSeconds, nameServers: overrides };
    await waitUntilServed(backend, all, options, testContext().context);
    return asked;
  });
}

const says = (said: DnsSaid) => () => said;
const answer = [`${www} 60 A 192.0.2.1`];
const other = [`${www} 60 A 192.0.2.2`];

describe("an RRset is served", () => {
  it.each<[string, DnsSaid, Partial<Expected>]>([
    ["as wanted", { answer }, {}],
    ["beside what a CNAME leads to", { answer: [...answer, `x.${ZONE} 60 A 192.0.2.9`] }, {}],
    ["not at all, as wanted", {}, { rrset: undefined }],
    ["not at all, as wanted, without the name", { rcode: NXDOMAIN }, { rrset: undefined }],
    ["with values of others, where these are shared", { answer: [...answer, ...other] }, { isShared: true }],
    [
      "by a referral",
      { isAuthoritative: false, authority: [`${www} 60 NS ns.other.`] },
      { type: "NS", rrset: { ...rrset, type: "NS", values: ["ns.other."] } },
    ],
    [
      "beside a referral",
      { isAuthoritative: false, authority: [`${ZONE} 60 NS ns.other.`], additional: answer },
      {},
    ],
  ])("%s", async (_, said, more) => {
    expect(await wait(says(said), [expected(more)])).toHaveLength(1);
  });

  it.each<[string, DnsSaid | undefined, Partial<Expected>, string]>([
    ["a failure", { rcode: SERVFAIL }, {}, "answers SERVFAIL"],
    ["nothing", {}, {}, `serves nothing for ${www} A`],
    ["another value", { answer: other }, {}, `serves 60 A 192.0.2.2 for ${www} A`],
    ["another TTL", { answer: [`${www} 61 A 192.0.2.1`] }, {}, `serves 61 A 192.0.2.1 for ${www} A`],
    ["what was removed", { answer }, { rrset: undefined }, `serves 60 A 192.0.2.1 for ${www} A`],
    [
      "another value of a shared RRset",
      { answer: other },
      { isShared: true },
      `serves 60 A 192.0.2.2 for ${www} A`,
    ],
    [
      "values of others",
      { answer: [...answer, ...other] },
      {},
      `serves 60 A 192.0.2.1, 60 A 192.0.2.2 for ${www} A`,
    ],
    ["an answer of a cache", { answer, isAuthoritative: false }, {}, "is not authoritative for it"],
    [
      "a referral in an authoritative answer",
      { authority: [`${ZONE} 60 NS ns.other.`], additional: answer },
      {},
      `serves nothing for ${www} A`,
    ],
    ["CNAME", { answer: [`${www} 60 CNAME x.`] }, {}, `serves nothing for ${www} A`],
  ])("not when the answer is %s", async (_, said, more, reason) => {
    await expect(wait(() => said, [expected(more)])).rejects.toMatchObject({
      message: expect.stringMatching(
        /^not every name server of example\.test\. serves the records after 0 s:\n {2}ns1\.example\.test\. \(127\.0\.0\.1 port \d+\) /,
      ),
      hint: expect.stringContaining("The records are written."),
    });
    await expect(wait(() => said, [expected(more)])).rejects.toThrow(`) ${reason}`);
  });

  it.each<[string, string[], boolean]>([
    ["the same", [`*.${ZONE} 60 A 192.0.2.1`], true],
    ["other values", [`*.${ZONE} 60 A 192.0.2.2`], false],
    ["no records", [], false],
  ])("by a wildcard instead of what was removed, when that has %s", async (_, wildcard, isServed) => {
    const respond = ({ name }: DnsAsked) => ({ answer: name === www ? answer : wildcard });
    const work = wait(respond, [expected({ rrset: undefined })]);
    if (isServed) expect((await work).map(({ name }) => name)).toEqual([www, `*.${ZONE}`]);
    else await expect(work).rejects.toThrow(`serves 60 A 192.0.2.1 for ${www} A`);
  });

  it("after a while", async () => {
    let asked = 0;
    const respond = () => (++asked < 3 ? {} : { answer });
    expect(await wait(respond, [expected()], { timeoutSeconds: 60 })).toHaveLength(3);
  });

  it("not when a connection ends", async () => {
    const many = Array.from({ length: 5 }, () => expected());
    await expect(wait(() => undefined, many)).rejects.toThrow(
      ") does not answer: the server closed the connection without an answer",
    );
  });
});

describe("name servers", () => {
  it.each([
    [64, 64],
    [65, 65],
  ])("are asked for each of %d RRsets", async (count, questions) => {
    const all = Array.from({ length: count }, (_, index) => {
      const name = `n${index}.${ZONE}`;
      return expected({ name, rrset: { ...rrset, name } });
    });
    const asked = await wait(({ name }) => ({ answer: [`${name} 60 A 192.0.2.1`] }), all);
    expect(asked).toHaveLength(questions);
  });

  it("that do not serve the last of many are named", async () => {
    const all = Array.from({ length: 65 }, () => expected());
    all.push(expected({ name: `last.${ZONE}`, rrset: { ...rrset, name: `last.${ZONE}` } }));
    const respond = ({ name }: DnsAsked) => ({ answer: name === www ? answer : [] });
    await expect(wait(respond, all)).rejects.toThrow(`serves nothing for last.${ZONE} A`);
  });

  it("are needed", async () => {
    const backend = new MemoryBackend([]);
    const options = { timeoutSeconds: 0, nameServers: {} };
    await expect(waitUntilServed(backend, [expected()], options, testContext().context)).rejects.toThrow(
      `the zone ${ZONE} has no NS records to verify with`,
    );
  });

  it("whose address is not found are named", async () => {
    const backend = new MemoryBackend([]);
    backend.servers = ["ns1.nowhere.invalid."];
    const options = { timeoutSeconds: 0, nameServers: {} };
    await expect(
      waitUntilServed(backend, [expected()], options, testContext().context),
    ).rejects.toMatchObject({
      message: `cannot find the address of the name server ns1.nowhere.invalid. of ${ZONE}`,
      hint: expect.stringContaining('Set verify.nameServers."ns1.nowhere.invalid." to its address'),
    });
  });

  it.each<[string, string, string[]]>([
    ["from the zone", `ns1.${ZONE}`, ["127.0.0.1", "127.0.0.2"]],
    ["from another zone of the server", "ns1.nowhere.invalid.", ["127.0.0.1", "127.0.0.2"]],
  ])("have all of their addresses: %s", async (_, name, addresses) => {
    const backend = new MemoryBackend([observed(name, "A", addresses), observed(name, "AAAA", ["::1"])]);
    backend.servers = [name];
    // Nothing answers for the zone at port 53 of these.
    const error = await waitUntilServed(
      backend,
      Array.from({ length: 5 }, () => expected()),
      { timeoutSeconds: 0, nameServers: {} },
      testContext().context,
    ).catch((reason: Error) => reason);
    expect((error as Error).message.match(/\(.*? port \d+\)/g)).toEqual(
      ["127.0.0.1", "127.0.0.2", "::1"].map((address) => `(${address} port 53)`),
    );
  });

  it("have the addresses that the system finds", async () => {
    const backend = new MemoryBackend([]);
    backend.servers = ["localhost."];
    const options = { timeoutSeconds: 0, nameServers: {} };
    const error = await waitUntilServed(backend, [expected()], options, testContext().context).catch(
      (reason: Error) => reason,
    );
    expect((error as Error).message).toMatch(/ localhost\. \((127\.0\.0\.1|::1) port 53\) /);
  });

  it("may have addresses in brackets", async () => {
    const nameServers = (port: number) => ({ "ns1.example.test.": `[::ffff:127.0.0.1]:${port}` });
    const all = Array.from({ length: 5 }, () => expected());
    expect(await wait(says({ answer }), all, { nameServers })).toHaveLength(5);
  });
});

describe("the SOA record", () => {
  const soa = `ns1.${ZONE} hostmaster.${ZONE} 1 2 3 4 5`;

  it.each<[string, DnsSaid, RrSet | undefined]>([
    ["is read", { answer: [`${ZONE} 60 SOA ${soa}`] }, { name: ZONE, type: "SOA", ttl: 60, values: [soa] }],
    ["may be missing", {}, undefined],
    ["is that of the zone", { answer: [`sub.${ZONE} 60 SOA ${soa}`] }, undefined],
  ])("%s", async (_, said, found) => {
    const backend = new MemoryBackend([]);
    backend.servers = ["ns1.example.test."];
    const read = await withPrimary(says(said), (_client, _asked, port) =>
      readServedSoa(
        backend,
        { timeoutSeconds: 0, nameServers: { "ns1.example.test": `127.0.0.1:${port}` } },
        testContext().context,
      ),
    );
    expect(read).toEqual(found);
  });
});
