import { describe, expect, it } from "@jest/globals";
import { change, creation, observed, removal } from "../../tests/changes.ts";
import { type DnsAsked, type DnsSaid, withPrimary } from "../../tests/dns-primary.ts";
import { MAX_UPDATE } from "../client/client.ts";
import { parseTsigKey } from "../client/tsig.ts";
import { type Change, NOTHING, type RrSetId } from "../rrset.ts";
import { Rfc2136Backend } from "./rfc2136.ts";

const ZONE = "example.test.";
const www = `www.${ZONE}`;
const SOA = `${ZONE} 3600 SOA ns1.${ZONE} hostmaster.${ZONE} 1 3600 600 86400 300`;
const [SERVFAIL, NXDOMAIN, NOTIMP, REFUSED] = [2, 3, 4, 5];

interface Options {
  mayTransfer?: boolean;
  maySplit?: boolean;
}

/** Uses a zone on a server that answers these questions (`NAME TYPE`), and NXDOMAIN to others. */
function withZone<T>(
  answers: Record<string, DnsSaid | undefined>,
  use: (backend: Rfc2136Backend, asked: DnsAsked[]) => Promise<T>,
  options: Options = {},
): Promise<T> {
  const respond = ({ name, type }: DnsAsked): DnsSaid | undefined => {
    const question = `${name} ${type}`;
    return question in answers ? answers[question] : { rcode: NXDOMAIN };
  };
  return withPrimary(respond, (client, asked) => use(new Rfc2136Backend(client, ZONE, options), asked));
}

const questions = (asked: readonly DnsAsked[]) => asked.map(({ name, type }) => `${name} ${type}`);

describe("a read", () => {
  const read = async (answers: Record<string, DnsSaid>, ...ids: RrSetId[]) =>
    Object.fromEntries(await withZone(answers, (backend) => backend.read(ids)));
  const a = { name: www, type: "A" };

  it("has the values of the answer, sorted, and its TTL", async () => {
    const answer = [`${www} 60 A 192.0.2.2`, `${www} 60 A 192.0.2.1`];
    expect(await read({ [`${www} A`]: { answer } }, a)).toEqual({
      [`${www} A`]: observed(www, "A", ["192.0.2.1", "192.0.2.2"], { ttl: 60 }),
    });
  });

  it("has CNAME, and nothing of other names", async () => {
    const answer = [`${www} 60 CNAME other.${ZONE}`, `other.${ZONE} 60 A 192.0.2.1`];
    expect(await read({ [`${www} A`]: { answer } }, a)).toEqual({
      [`${www} CNAME`]: observed(www, "CNAME", [`other.${ZONE}`], { ttl: 60 }),
    });
  });

  it.each([
    ["nothing", {}],
    ["that there is no such name", { rcode: NXDOMAIN }],
    ["the SOA record", { authority: [SOA] }],
    ["another type", { answer: [`${www} 60 AAAA 2001:db8::1`] }],
    ["name servers", { authority: [`${www} 60 NS ns1.${www}`], isAuthoritative: false }],
    ["the same type in the authority section", { authority: [`${www} 60 A 192.0.2.1`] }],
  ])("has nothing when the answer is %s", async (_, said) => {
    expect(await read({ [`${www} A`]: said }, a)).toEqual({});
  });

  it.each<[string, RrSetId, DnsSaid, string[]]>([
    [
      "NS, from the authority section",
      { name: `sub.${ZONE}`, type: "NS" },
      { isAuthoritative: false, authority: [`sub.${ZONE} 60 NS ns1.sub.${ZONE}`] },
      [`ns1.sub.${ZONE}`],
    ],
    [
      "A, from the additional section",
      { name: `ns1.sub.${ZONE}`, type: "A" },
      {
        isAuthoritative: false,
        authority: [`sub.${ZONE} 60 NS ns1.sub.${ZONE}`],
        additional: [`ns1.sub.${ZONE} 60 A 192.0.2.1`],
      },
      ["192.0.2.1"],
    ],
    [
      "AAAA, from the additional section",
      { name: `ns1.sub.${ZONE}`, type: "AAAA" },
      { isAuthoritative: false, additional: [`ns1.sub.${ZONE} 60 AAAA 2001:db8::1`] },
      ["2001:db8::1"],
    ],
  ])("has the records of a delegation: %s", async (_, id, said, values) => {
    expect(await read({ [`${id.name} ${id.type}`]: said }, id)).toEqual({
      [`${id.name} ${id.type}`]: observed(id.name, id.type, values, { ttl: 60 }),
    });
  });

  it("has nothing of a delegation but NS, A and AAAA", async () => {
    const said = { additional: [`${www} 60 TXT "x"`], authority: [`${www} 60 TXT "x"`] };
    expect(await read({ [`${www} TXT`]: said }, { name: www, type: "TXT" })).toEqual({});
  });

  it("fails by an error of the server", async () => {
    const work = read({ [`${www} A`]: { rcode: NOTIMP } }, a);
    await expect(work).rejects.toThrow(`the server answered NOTIMP to the question for ${www} A`);
  });

  const deep = `a.b.${ZONE}`;
  const said = (name: string, values = ["192.0.2.1"]) => ({
    answer: values.map((value) => `${name} 60 A ${value}`),
  });
  const deepA = [`${deep} A`, `*.b.${ZONE} A`, `*.${ZONE} A`];

  it.each<[string, Record<string, DnsSaid>, boolean, string[]]>([
    ["no wildcard is above it", {}, true, deepA],
    [
      "the wildcard above it has other values",
      { [`*.${ZONE} A`]: said(`*.${ZONE}`, ["192.0.2.9"]) },
      true,
      deepA,
    ],
    [
      "a wildcard has the same, and the name exists",
      { [`*.${ZONE} A`]: said(`*.${ZONE}`), [`${ZONE} UPDATE`]: {} },
      true,
      [...deepA, `${ZONE} UPDATE`],
    ],
    [
      "a wildcard has the same, and the name does not exist",
      { [`*.b.${ZONE} A`]: said(`*.b.${ZONE}`), [`${ZONE} UPDATE`]: { rcode: 8 } },
      false,
      [`${deep} A`, `*.b.${ZONE} A`, `${ZONE} UPDATE`],
    ],
    [
      "a wildcard has another type",
      { [`*.${ZONE} A`]: { answer: [`*.${ZONE} 60 CNAME x.${ZONE}`] } },
      true,
      deepA,
    ],
  ])("tells an RRset from that of a wildcard: %s", async (_, answers, isThere, asked) => {
    await withZone({ [`${deep} A`]: said(deep), ...answers }, async (backend, all) => {
      expect((await backend.read([{ name: deep, type: "A" }])).size).toBe(isThere ? 1 : 0);
      expect(questions(all)).toEqual(asked);
      const update = all.find(({ type }) => type === "UPDATE");
      if (update !== undefined)
        expect(update).toMatchObject({ prerequisites: [`ANY ${deep} 0 A`], updates: [] });
    });
  });

  it("does not ask for a wildcard above itself, nor for one twice", async () => {
    const answers = {
      [`*.${ZONE} A`]: said(`*.${ZONE}`, ["192.0.2.9"]),
      [`a.${ZONE} A`]: said(`a.${ZONE}`),
      [`b.${ZONE} A`]: said(`b.${ZONE}`),
      [`${ZONE} A`]: said(ZONE),
    };
    await withZone(answers, async (backend, asked) => {
      const ids = ["*.", "a.", "b.", ""].map((label) => ({ name: `${label}${ZONE}`, type: "A" }));
      expect((await backend.read(ids)).size).toBe(4);
      expect(questions(asked).toSorted()).toEqual(ids.map(({ name }) => `${name} A`).toSorted());
    });
  });
});

describe("a read of many", () => {
  const ids = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ name: `n${index}.${ZONE}`, type: "A" }));
  const axfr = `${ZONE} AXFR`;
  const whole = { answer: [SOA, `${www} 60 A 192.0.2.1`, SOA] };

  it.each<[number, Options, boolean]>([
    [99, {}, false],
    [100, {}, true],
    [100, { mayTransfer: false }, false],
  ])("of %d with %j is a transfer: %s", async (count, options, isTransfer) => {
    await withZone(
      { [axfr]: whole },
      async (backend, asked) => {
        const found = await backend.read(ids(count));
        expect(questions(asked)).toEqual(isTransfer ? [axfr] : ids(count).map(({ name }) => `${name} A`));
        expect([...found.keys()]).toEqual(isTransfer ? [`${ZONE} SOA`, `${www} A`] : []);
      },
      options,
    );
  });

  it.each([
    ["a transfer is refused", { rcode: REFUSED }],
    ["a transfer is not implemented", { rcode: NOTIMP }],
    ["a transfer is not whole", { answer: [`${www} 60 A 192.0.2.1`] }],
  ])("asks for each when %s, and does not try it again", async (_, said) => {
    await withZone({ [axfr]: said }, async (backend, asked) => {
      for (const count of [1, 2]) {
        expect((await backend.read(ids(100))).size).toBe(0);
        expect(asked).toHaveLength(1 + count * 100);
      }
    });
  });

  it("fails when a transfer fails for now", async () => {
    await withZone({ [axfr]: { rcode: SERVFAIL } }, async (backend, asked) => {
      await expect(backend.read(ids(100))).rejects.toThrow(
        `the server answered SERVFAIL to the transfer of ${ZONE}`,
      );
      expect(asked).toHaveLength(1);
    });
  });
});

describe("a zone", () => {
  const soa = `${www} SOA`;

  it.each<[string, DnsSaid, string | undefined]>([
    ["the SOA record in the answer", { answer: [SOA] }, ZONE],
    ["the SOA record of a negative answer", { rcode: NXDOMAIN, authority: [SOA] }, ZONE],
    ["an answer that is not authoritative", { isAuthoritative: false, authority: [SOA] }, undefined],
    ["other records", { authority: [`${ZONE} 60 NS ns1.${ZONE}`] }, undefined],
  ])("is found by %s", async (_, said, zone) => {
    expect(await withZone({ [soa]: said }, (backend) => backend.findZone(www))).toBe(zone);
  });

  it("has the name servers of its NS records", async () => {
    const said = { answer: [`${ZONE} 60 NS ns2.${ZONE}`, `${ZONE} 60 NS ns1.${ZONE}`] };
    const names = await withZone({ [`${ZONE} NS`]: said }, (backend) => backend.nameServers());
    expect(names).toEqual([`ns1.${ZONE}`, `ns2.${ZONE}`]);
  });

  it("is not found on a server that refuses the question unsigned", async () => {
    const tsig = parseTsigKey("key", "hmac-sha256", Buffer.from("a secret").toString("base64"));
    const find = (rcode: number) =>
      withPrimary(
        () => ({ rcode }),
        (client) => new Rfc2136Backend(client, ZONE).findZone(www),
        { tsig },
      );
    expect(await find(REFUSED)).toBe(undefined);
    await expect(find(SERVFAIL)).rejects.toThrow("the server answered SERVFAIL, unsigned");
  });

  it("is not found when the server does not answer", async () => {
    await expect(withZone({ [soa]: undefined }, (backend) => backend.findZone(www))).rejects.toThrow(
      "the server closed the connection without an answer",
    );
  });
});

describe("an update", () => {
  const a = (values: string[], ttl = 60) => observed(www, "A", values, { ttl });
  const ns = (values: string[], ttl = 60) => observed(ZONE, "NS", values, { ttl });
  const cname = observed(www, "CNAME", [`other.${ZONE}`]);

  it.each<[string, Change[], string[], string[]]>([
    ["a new RRset", [creation(a(["192.0.2.1"]))], [`NONE ${www} 0 A`], [`IN ${www} 60 A 192.0.2.1`]],
    [
      "a new CNAME, which no other record may be beside",
      [creation(cname)],
      [`NONE ${www} 0 ANY`],
      [`IN ${www} 300 CNAME other.${ZONE}`],
    ],
    [
      "CNAME in place of A",
      [creation(cname), removal(a(["192.0.2.1"]))],
      [`NONE ${www} 0 CNAME`, `IN ${www} 0 A 192.0.2.1`],
      [`ANY ${www} 0 A`, `IN ${www} 300 CNAME other.${ZONE}`],
    ],
    [
      "a removal",
      [removal(a(["192.0.2.1", "192.0.2.2"]))],
      [`IN ${www} 0 A 192.0.2.1`, `IN ${www} 0 A 192.0.2.2`],
      [`ANY ${www} 0 A`],
    ],
    [
      "values",
      [change(a(["192.0.2.1", "192.0.2.2"]), a(["192.0.2.2", "192.0.2.3"]))],
      [`IN ${www} 0 A 192.0.2.1`, `IN ${www} 0 A 192.0.2.2`],
      [`NONE ${www} 0 A 192.0.2.1`, `IN ${www} 60 A 192.0.2.2`, `IN ${www} 60 A 192.0.2.3`],
    ],
    [
      "a TTL",
      [change(a(["192.0.2.1"]), a(["192.0.2.1"], 90))],
      [`IN ${www} 0 A 192.0.2.1`],
      [`ANY ${www} 0 A`, `IN ${www} 90 A 192.0.2.1`],
    ],
    [
      "the zone's name servers: the new ones first",
      [change(ns([`ns1.${ZONE}`]), ns([`ns2.${ZONE}`]))],
      [`IN ${ZONE} 0 NS ns1.${ZONE}`],
      [`IN ${ZONE} 60 NS ns2.${ZONE}`, `NONE ${ZONE} 0 NS ns1.${ZONE}`],
    ],
    [
      "the TTL of the zone's name servers, by one that is added and removed",
      [change(ns([`ns1.${ZONE}`]), ns([`ns1.${ZONE}`], 90))],
      [`IN ${ZONE} 0 NS ns1.${ZONE}`],
      [
        `IN ${ZONE} 90 NS nixops4-ttl.invalid.`,
        `IN ${ZONE} 90 NS ns1.${ZONE}`,
        `NONE ${ZONE} 0 NS nixops4-ttl.invalid.`,
      ],
    ],
    [
      "the first name servers of the zone",
      [creation(ns([`ns1.${ZONE}`]))],
      [`NONE ${ZONE} 0 NS`],
      [`IN ${ZONE} 60 NS ns1.${ZONE}`],
    ],
    [
      "a delegation's name servers",
      [change(observed(www, "NS", ["ns1.test."]), observed(www, "NS", ["ns2.test."]))],
      [`IN ${www} 0 NS ns1.test.`],
      [`NONE ${www} 0 NS ns1.test.`, `IN ${www} 300 NS ns2.test.`],
    ],
    [
      "two names, of which the parent comes first",
      [creation(observed(`a.${www}`, "A", ["192.0.2.1"])), creation(a(["192.0.2.2"]))],
      [`NONE ${www} 0 A`, `NONE a.${www} 0 A`],
      [`IN ${www} 60 A 192.0.2.2`, `IN a.${www} 300 A 192.0.2.1`],
    ],
    ["nothing", [{ name: www, type: "A", before: NOTHING, after: NOTHING }], [`NONE ${www} 0 A`], []],
  ])("of %s", async (_, changes, prerequisites, updates) => {
    await withZone({ [`${ZONE} UPDATE`]: {} }, async (backend, asked) => {
      expect(await backend.apply(changes)).toBe("applied");
      expect(asked).toEqual([{ name: ZONE, type: "UPDATE", prerequisites, updates }]);
    });
  });

  it.each([3, 6, 7, 8])("is stale by the code %d", async (rcode) => {
    const result = withZone({ [`${ZONE} UPDATE`]: { rcode } }, (backend) => backend.apply([creation(cname)]));
    expect(await result).toBe("stale");
  });

  it.each([
    [9, `the server is not the primary of the zone ${ZONE} (NOTAUTH)`],
    [10, `the server is not the primary of the zone ${ZONE} (NOTZONE)`],
    [5, `the server answered REFUSED to an update of ${ZONE}`],
  ])("fails by the code %d", async (rcode, message) => {
    const work = withZone({ [`${ZONE} UPDATE`]: { rcode } }, (backend) => backend.apply([creation(cname)]));
    await expect(work).rejects.toThrow(message);
  });

  describe("that is large", () => {
    /** A new RRset whose part of an update has so many bytes. */
    function large(label: string, size: number): Change {
      // The prerequisite and the head of each record: a label, a pointer and ten bytes.
      const head = label.length + 3 + 10;
      const values: string[] = [];
      for (let left = size - head; left > 0;) {
        const length = Math.min(250, left - head - 1);
        // The last two share what is left, so that each has at least one byte.
        const used =
          left - head - 1 - length > 0 && left - head - 1 - length <= head + 1 ? length - 100 : length;
        values.push(`"${String(values.length).padStart(used, "x")}"`);
        left -= head + 1 + used;
      }
      return creation(observed(`${label}.${ZONE}`, "TXT", values));
    }
    const updated = async (changes: Change[], options: Options = {}) =>
      withZone(
        { [`${ZONE} UPDATE`]: {} },
        async (backend, asked) => {
          await backend.apply(changes);
          return asked.map(({ prerequisites }) => prerequisites.map((one) => one.split(/[ .]/)[1]));
        },
        options,
      );

    it("is sent in one message when it fits", async () => {
      expect(await updated([large("a", MAX_UPDATE)])).toEqual([["a"]]);
      expect(await updated([large("a", 30_000), large("b", MAX_UPDATE - 30_000)])).toEqual([["a", "b"]]);
      const whole = [large("a", 30_000), large("b", MAX_UPDATE - 30_000)];
      expect(await updated(whole, { maySplit: false })).toEqual([["a", "b"]]);
    });

    it("is sent in several messages otherwise", async () => {
      const changes = [large("a", 30_000), large("b", MAX_UPDATE - 29_999), large("c", 20_000)];
      expect(await updated(changes)).toEqual([["a"], ["b", "c"]]);
    });

    it.each<[string, Change[], Options]>([
      ["one name is too large", [large("a", MAX_UPDATE + 1)], {}],
      ["it may not be split", [large("a", 30_000), large("b", MAX_UPDATE - 29_999)], { maySplit: false }],
    ])("is refused when %s", async (_, changes, options) => {
      await expect(updated(changes, options)).rejects.toThrow(
        /^the update does not fit into one message \(\d+ records\)$/,
      );
    });

    it("stops at the first message that is stale", async () => {
      await withZone({ [`${ZONE} UPDATE`]: { rcode: 7 } }, async (backend, asked) => {
        const changes = [large("a", 40_000), large("b", 40_000)];
        expect(await backend.apply(changes)).toBe("stale");
        expect(asked).toHaveLength(1);
      });
    });
  });
});
