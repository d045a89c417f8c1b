import { describe, expect, it } from "@jest/globals";
import {
  CLOUDFLARE_CAPABILITIES,
  CLOUDFLARE_PROXIED_CAPABILITIES,
  GANDI_CAPABILITIES,
  HETZNER_CAPABILITIES,
  RFC2136_CAPABILITIES,
} from "../backends/capabilities.ts";
import type { Capabilities } from "../backends/backend.ts";
import type { RrSet } from "../rrset.ts";
import { checkTogether, readRecords, readWanted, targetOf, type Wanted } from "./wanted.ts";

const ZONE = "example.test.";
const wanted = (more: Partial<Wanted> = {}): Wanted => ({
  path: "",
  name: "www",
  type: "A",
  ttl: 300,
  values: ["192.0.2.1"],
  ...more,
});
const read = (more: Partial<Wanted>, capabilities: Capabilities = RFC2136_CAPABILITIES) =>
  readWanted([wanted(more)], ZONE, capabilities);
const lines = ({ violations }: ReturnType<typeof readWanted>) =>
  violations.map(({ path, message }) => `${path}: ${message}`);

describe("one record set", () => {
  it("is read with an absolute name and canonical values", () => {
    const { zone, rrsets, violations } = readWanted(
      [wanted({ name: "WWW", type: "MX", values: ["20 b", "10 a"] })],
      "Example.TEST",
      RFC2136_CAPABILITIES,
    );
    expect({ zone, violations }).toEqual({ zone: ZONE, violations: [] });
    const values = ["10 a.example.test.", "20 b.example.test."];
    expect(rrsets).toEqual([{ name: "www.example.test.", type: "MX", ttl: 300, values }]);
  });

  it.each<[string, Partial<Wanted>, Capabilities?]>([
    ["a wildcard", { name: "*" }],
    ["no values", { values: [] }],
    ["the lowest TTL", { ttl: 0 }],
    ["the highest TTL", { ttl: 2 ** 31 - 1 }],
    ["the lowest TTL of Hetzner", { ttl: 60 }, HETZNER_CAPABILITIES],
    ["the highest TTL of Gandi", { ttl: 2_592_000 }, GANDI_CAPABILITIES],
    ["the TTL of what is proxied", { ttl: 1 }, CLOUDFLARE_PROXIED_CAPABILITIES],
    ["the TTL of what cannot be proxied", { type: "TXT", ttl: 60 }, CLOUDFLARE_PROXIED_CAPABILITIES],
    ["name servers of the zone", { name: "@", type: "NS", values: ["ns1"] }],
    ["name servers below a zone with fixed ones", { type: "NS", values: ["ns1"] }, CLOUDFLARE_CAPABILITIES],
    ["other records of a zone with fixed name servers", { name: "@" }, CLOUDFLARE_CAPABILITIES],
    ["a DNAME of the zone", { name: "@", type: "DNAME", values: ["other.test."] }],
    ["a CNAME", { type: "CNAME", values: ["other"] }],
    ["an NS that is removed", { type: "NS", values: [] }],
    ["one SPF record", { type: "TXT", values: ["v=spf1 -all", "v=spf10 no SPF", "other"] }],
    ["two addresses", { values: ["192.0.2.1", "192.0.2.2"] }],
    ["an MX at its own name", { type: "MX", values: ["10 www"] }],
    ["a name beside the markers", { name: "owner" }],
    ["an unknown type", { type: "TYPE65280", values: ["\\# 0"] }],
  ])("may have %s", (...[, more, capabilities]) => {
    expect(lines(read(more, capabilities))).toEqual([]);
    expect(read(more, capabilities).rrsets).toHaveLength(1);
  });

  it.each<[string, Partial<Wanted>, string[], Capabilities?]>([
    ["name", { name: "a..b" }, ['name: the name "a..b" has an empty label']],
    ["zone", { name: "www.other." }, [`name: www.other. is not in the zone ${ZONE}`]],
    ["marker", { name: "a._owner" }, [`name: the names below _owner.${ZONE} are kept for markers`]],
    ["markers", { name: "_owner" }, [`name: the names below _owner.${ZONE} are kept for markers`]],
    ["type", { type: "NONSENSE" }, ['type: unknown type "NONSENSE": write it as TYPE and its number']],
    ["SOA", { type: "SOA", values: [] }, ["type: the SOA record belongs to the server"]],
    [
      "low TTL",
      { ttl: 59 },
      ["ttl: must be from 60 to 2147483647 s on this kind of server"],
      HETZNER_CAPABILITIES,
    ],
    [
      "high TTL",
      { ttl: 2_592_001 },
      ["ttl: must be from 300 to 2592000 s on this kind of server"],
      GANDI_CAPABILITIES,
    ],
    [
      "TTL of what is proxied",
      { ttl: 300 },
      ["ttl: must be 1 (automatic) for what is proxied"],
      CLOUDFLARE_PROXIED_CAPABILITIES,
    ],
    [
      "name servers",
      { name: "@", type: "NS", values: ["ns1"] },
      ["type: the name servers of the zone belong to this kind of server"],
      CLOUDFLARE_CAPABILITIES,
    ],
    ["value", { values: ["192.0.2.1", "x"] }, ['values[1]: "x" is not an IPv4 address']],
    ["doubled value", { values: ["192.0.2.1", "192.0.2.1"] }, ["values: has the same value twice"]],
    ["two CNAMEs", { type: "CNAME", values: ["a", "b"] }, ["values: a name has at most one CNAME"]],
    ["two DNAMEs", { type: "DNAME", values: ["a", "b"] }, ["values: a name has at most one DNAME"]],
    [
      "CNAME of the zone",
      { name: "@", type: "CNAME", values: ["other."] },
      ["type: the zone itself cannot have a CNAME: it has SOA and NS"],
    ],
    ["CNAME to itself", { type: "CNAME", values: ["www"] }, ["values[0]: must not point to its own name"]],
    ["DNAME to itself", { type: "DNAME", values: ["www"] }, ["values[0]: must not point to its own name"]],
    [
      "two SPF records",
      { type: "TXT", values: ["v=spf1 -all", "V=SPF1"] },
      ["values: has two SPF records: receivers then take none"],
    ],
    ["no name servers", { name: "@", type: "NS", values: [] }, ["values: a zone needs name servers"]],
    [
      "all",
      { path: "records.x.A", name: "..", values: ["x"], ttl: -1 },
      [
        'records.x.A.name: the name ".." has an empty label',
        "records.x.A.ttl: must be from 0 to 2147483647 s on this kind of server",
      ],
    ],
  ])("is refused for its %s", (...[, more, messages, capabilities]) => {
    expect(lines(read(more, capabilities))).toEqual(messages);
  });

  it("is refused for a type that the kind of server does not take", () => {
    const [line] = lines(read({ type: "SSHFP", values: ["4 2 00"] }, HETZNER_CAPABILITIES));
    expect(line).toMatch(/^type: this kind of server takes no SSHFP records, only A, AAAA, CAA, /);
  });

  it("is not read without a valid zone", () => {
    const { zone, rrsets, violations } = readWanted([wanted()], "a..b", RFC2136_CAPABILITIES);
    expect([zone, rrsets, violations.map(({ path }) => path)]).toEqual([".", [], ["zone"]]);
  });
});

it("the input `records` is read with its paths, once, with the TTL of all or its own", () => {
  const inputs = {
    zone: ZONE,
    ttl: 300,
    records: {
      www: { A: { values: ["192.0.2.1"] }, TXT: { values: ["x"], ttl: 60 } },
      b: { A: { values: ["x"] } },
    },
  };
  const first = readRecords(inputs, RFC2136_CAPABILITIES);
  expect(first.rrsets.map(({ type, ttl }) => `${type} ${ttl}`)).toEqual(["A 300", "TXT 60"]);
  expect(lines(first)).toEqual(['records.b.A.values[0]: "x" is not an IPv4 address']);
  expect(readRecords(inputs, RFC2136_CAPABILITIES)).toBe(first);
});

describe("record sets together", () => {
  const rrset = (name: string, type: string, ...values: string[]): RrSet => ({
    name,
    type,
    ttl: 300,
    values,
  });
  const check = (...rrsets: RrSet[]) =>
    checkTogether(rrsets).map(({ path, message }) => `${path}: ${message}`);

  it.each<[string, RrSet[]]>([
    ["several types of a name", [rrset("a.", "A", "192.0.2.1"), rrset("a.", "TXT", '"x"')]],
    [
      "a chain of CNAMEs",
      [rrset("a.", "CNAME", "b."), rrset("b.", "CNAME", "c."), rrset("c.", "A", "192.0.2.1")],
    ],
    ["two CNAMEs to one name", [rrset("a.", "CNAME", "c."), rrset("b.", "CNAME", "c.")]],
    ["a CNAME that is removed", [rrset("a.", "CNAME"), rrset("a.", "A", "192.0.2.1")]],
    ["records that a CNAME replaces", [rrset("a.", "A"), rrset("a.", "CNAME", "b.")]],
    ["the same removed twice", [rrset("a.", "A"), rrset("a.", "A")]],
    ["an MX to an address", [rrset("a.", "MX", "10 b."), rrset("b.", "A", "192.0.2.1")]],
    ["no target", [rrset("a.", "MX", "0 ."), rrset("b.", "CNAME", "c.")]],
    ["a TXT that looks like a target", [rrset("a.", "TXT", "c."), rrset("c.", "CNAME", "d.")]],
  ])("may be %s", (_, rrsets) => {
    expect(check(...rrsets)).toEqual([]);
  });

  it.each<[string, RrSet[], string[]]>([
    [
      "one twice",
      [rrset("a.", "A", "192.0.2.1"), rrset("a.", "A", "192.0.2.2")],
      ["records.a..A: a. A is given twice"],
    ],
    [
      "records beside a CNAME",
      [rrset("a.", "CNAME", "b."), rrset("a.", "A", "192.0.2.1")],
      ["records.a..A: a. is a CNAME, which allows nothing beside it"],
    ],
    [
      "a loop of two",
      [rrset("a.", "CNAME", "b."), rrset("b.", "CNAME", "a.")],
      [
        "records.a..CNAME: a. is part of a loop of CNAME records",
        "records.b..CNAME: b. is part of a loop of CNAME records",
      ],
    ],
    [
      "a loop of three that another leads into",
      [
        rrset("a.", "CNAME", "b."),
        rrset("b.", "CNAME", "c."),
        rrset("c.", "CNAME", "d."),
        rrset("d.", "CNAME", "b."),
      ],
      ["b", "c", "d"].map((name) => `records.${name}..CNAME: ${name}. is part of a loop of CNAME records`),
    ],
    [
      "an MX to a CNAME",
      [rrset("a.", "MX", "10 b."), rrset("b.", "CNAME", "c.")],
      ["records.a..MX: the target b. of MX is a CNAME"],
    ],
  ])("may not be %s", (_, rrsets, messages) => {
    expect(check(...rrsets)).toEqual(messages);
  });

  it("leaves a CNAME to itself to the check of one record set", () => {
    expect(check(rrset("a.", "CNAME", "a."))).toEqual([]);
  });
});

it.each([
  ["MX", "10 a.", "a."],
  ["NS", "a.", "a."],
  ["SRV", "1 2 3 a.", "a."],
  ["CNAME", "a.", "a."],
  ["MX", "0 .", undefined],
  ["A", "192.0.2.1", undefined],
])("the target of %s %s is %s", (type, value, target) => {
  expect(targetOf(type, value)).toBe(target);
});
