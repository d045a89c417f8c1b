import { describe, expect, it } from "@jest/globals";
import {
  BACKENDS,
  client,
  dig,
  dnsServersAvailable,
  type LabBackend,
  Member,
  WITHOUT_TRANSFERS,
  startForSuite,
} from "./lab.ts";

const suite = dnsServersAvailable ? describe : describe.skip;

const hosts = (
  prefix: string,
  count: number,
  value = (index: number) => `10.0.${index >> 8}.${index & 255}`,
) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`${prefix}${index}`, { A: { values: [value(index)] } }]),
  );

suite.each(BACKENDS)("records on $label", ({ start }) => {
  let backend: LabBackend;

  startForSuite(start, (started) => (backend = started));

  const see = (name: string, type: string) => dig(backend.target, `${name}.example.test`, type);

  it("changes all or nothing", async () => {
    const member = new Member(backend, "records");
    const records = {
      one: { A: { values: ["192.0.2.1"] }, TXT: { values: ["x"], ttl: 600 } },
      two: { CNAME: { values: ["one"] } },
    };
    await member.apply({ records });
    expect([await see("one", "A"), await see("one", "TXT"), await see("two", "CNAME")]).toEqual([
      ["192.0.2.1"],
      ['"x"'],
      ["one.example.test."],
    ]);
    await backend.foreign(["update add foreign.example.test. 600 A 192.0.2.9"]);
    const both = {
      ...records,
      one: { A: { values: ["192.0.2.2"] } },
      foreign: { A: { values: ["192.0.2.3"] } },
    };
    await expect(member.apply({ records: both, maxDeletePercent: 100 })).rejects.toThrow(
      /foreign\.example\.test\. A belongs to/,
    );
    expect([await see("one", "A"), await see("one", "TXT")]).toEqual([["192.0.2.1"], ['"x"']]);
  });

  it("removes what was taken out, but not too much of it", async () => {
    const member = new Member(backend, "records");
    await member.apply({ records: hosts("many", 10) });
    await expect(member.apply({ records: hosts("many", 5) })).rejects.toThrow(
      /5 of 10 record sets \(50 %\) would be removed, more than 30 %/,
    );
    expect(await see("many9", "A")).toEqual(["10.0.0.9"]);
    await member.apply({ records: hosts("many", 7) });
    expect([await see("many6", "A"), await see("many7", "A")]).toEqual([["10.0.0.6"], []]);
    await member.apply({ records: {}, maxDeletePercent: 100 });
    expect(await see("many0", "A")).toEqual([]);
  });

  it("removes what a run left that was killed before it was in the state, once it is named", async () => {
    await new Member(backend, "records").apply({ records: hosts("left", 3) });
    const next = new Member(backend, "records");
    // Another resource of this owner may have written the third: it stays until somebody names it.
    await next.apply({ records: hosts("left", 2) });
    expect(await see("left2", "A")).toEqual(["10.0.0.2"]);
    await next.apply({ records: { ...hosts("left", 2), left2: { A: { values: [] } } } });
    expect([await see("left1", "A"), await see("left2", "A")]).toEqual([["10.0.0.1"], []]);
    expect(await see("left2._a._owner", "TXT")).toEqual([]);
  });

  it("reports what contradicts itself, with the paths", async () => {
    const records = {
      a: { CNAME: { values: ["b"] }, A: { values: ["192.0.2.1"] } },
      b: { CNAME: { values: ["a"] } },
      "@": { MX: { values: ["10 a"] }, A: { values: ["nonsense"] } },
    };
    const refused = new Member(backend, "records").apply({ records });
    await expect(refused).rejects.toThrow(/records\.@\.A\.values\[0\]: "nonsense" is not an IPv4 address/);
    await expect(refused).rejects.toThrow(/a\.example\.test\. is a CNAME, which allows nothing beside it/);
    await expect(refused).rejects.toThrow(/loop of CNAME records/);
    await expect(refused).rejects.toThrow(/the target a\.example\.test\. of MX is a CNAME/);
  });

  it("keeps thousands of record sets, with more than fits into one message or batch", async () => {
    const count = COUNTS[backend.label] ?? 3000;
    const member = new Member(backend, "records");
    const verify = { ...(member.shared as { verify: object }).verify, timeoutSeconds: 60 };
    const inputs = { ttl: 300, verify, maxDeletePercent: 100 };
    await member.apply({ ...inputs, records: hosts("bulk", count) });
    const dns = client(backend.target);
    const all = await dns.transfer("example.test.");
    await dns.close();
    expect(all.filter(({ name, type }) => type === "A" && name.startsWith("bulk"))).toHaveLength(count);
    member.loseState();
    const others = hosts("bulk", count, (index) => `10.1.${index >> 8}.${index & 255}`);
    await member.apply({ ...inputs, records: others });
    const last = count - 1;
    expect(await see(`bulk${last}`, "A")).toEqual([`10.1.${last >> 8}.${last & 255}`]);
    if (TOO_LARGE.test(backend.label)) {
      const large = new Member(backend, "records").apply({
        records: hosts("refused", 3000),
        tooLarge: "refuse",
      });
      await expect(large).rejects.toThrow(/not fit into one (message|batch)/);
      expect(await see("refused0", "A")).toEqual([]);
    }
    if ("rfc2136" in backend.server) {
      const { rfc2136 } = backend.server as { rfc2136: object };
      const server = { rfc2136: { ...rfc2136, transfer: false } };
      await member.apply({ ...inputs, server, records: hosts("bulk", count, () => "10.2.0.1") });
      expect(await see(`bulk${count >> 1}`, "A")).toEqual(["10.2.0.1"]);
    }
    await member.apply({ ...inputs, records: {} });
    expect(await see("bulk0", "A")).toEqual([]);
  }, 300_000);
});

suite.each(WITHOUT_TRANSFERS)("records on $label that refuses transfers", ({ start }) => {
  let backend: LabBackend;

  startForSuite(start, (started) => (backend = started));

  const see = (name: string) => dig(backend.target, `${name}.example.test`, "A");
  const inputs = (records: object) => ({ verify: { authoritative: false }, maxDeletePercent: 100, records });

  it("really are refused a transfer", async () => {
    const dns = client(backend.target);
    await expect(dns.transfer("example.test.")).rejects.toThrow(/REFUSED|NOTAUTH|BADKEY/);
    await dns.close();
  });

  it("are written by thousands, and known by their markers", async () => {
    const member = new Member(backend, "records");
    await member.apply(inputs(hosts("bulk", 3000)));
    expect([await see("bulk0"), await see("bulk2999")]).toEqual([["10.0.0.0"], ["10.0.11.183"]]);
    member.loseState();
    await member.apply(inputs(hosts("bulk", 3000, () => "10.1.0.1")));
    expect([await see("bulk0"), await see("bulk2999")]).toEqual([["10.1.0.1"], ["10.1.0.1"]]);
  }, 120_000);

  it("change no record of somebody else, and remove their own", async () => {
    const member = new Member(backend, "records");
    await member.apply(inputs(hosts("few", 150)));
    await backend.foreign([
      "update delete few7.example.test. A",
      "update delete few7._a._owner.example.test.",
      "update add few7.example.test. 600 A 192.0.2.9",
    ]);
    member.loseState();
    const refused = member.apply(inputs(hosts("few", 150, () => "10.2.0.1")));
    await expect(refused).rejects.toThrow(/few7\.example\.test\. A belongs to/);
    expect([await see("few6"), await see("few7")]).toEqual([["10.0.0.6"], ["192.0.2.9"]]);
    await member.apply({ ...inputs(hosts("few", 150)), ensure: "absent" });
    expect([await see("few6"), await see("few7"), await see("few8")]).toEqual([[], ["192.0.2.9"], []]);
  });
});

/** Where each takes a request, or minutes, fewer. */
const COUNTS: Record<string, number> = {
  "PowerDNS by updates": 300,
  "hetzner (fake)": 60,
  "gandi (fake)": 60,
  "desec (fake)": 1000,
  "cloudflare (fake)": 1000,
};
/** Of updates 300 fit into one message. */
const TOO_LARGE = /BIND|Knot|PowerDNS by updates|cloudflare/;
